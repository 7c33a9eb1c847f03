//! What several detectors say of one system.

use std::collections::BTreeMap;

use astern_graph_core::signal::{Anomaly, Assessment, Evidence, SourceFault, Verdict};
use astern_graph_core::{MetricName, Subject};
use astern_stats::order::ascending;

/// Joins the assessments that several detectors made of one system at one time; `None` without any.
///
/// Anomalies are united: where several detectors find the same metric of the same subject, that counts whose score is
/// highest above its threshold, since the earliest of them, with the evidence of all. Each detector controls
/// its own false discoveries, so the rate of all together is at most the sum of theirs.
///
/// The system has regressed when it has for one of them, and is healthy only when it is for all of them. It is
/// [`NoData`](Verdict::NoData) when none of them saw anything, else
/// [`Inconclusive`](Verdict::Inconclusive).
///
/// # Complexity
/// `O(A log A)` for A anomalies and silent sources.
pub fn unite(assessments: impl IntoIterator<Item = Assessment>) -> Option<Assessment> {
    let mut assessments = assessments.into_iter();
    let first = assessments.next()?;
    let mut rest = assessments.peekable();
    if rest.peek().is_none() {
        return Some(first);
    }
    let all: Vec<Assessment> = std::iter::once(first).chain(rest).collect();
    let any = |verdict| all.iter().any(|a| a.verdict == verdict);
    let verdict = match all[0].verdict {
        _ if any(Verdict::Regressed) => Verdict::Regressed,
        same if all.iter().all(|a| a.verdict == same) => same,
        _ => Verdict::Inconclusive,
    };
    let mut anomalies: BTreeMap<(Subject, Option<MetricName>), Anomaly> = BTreeMap::new();
    let mut faults: BTreeMap<(Subject, Option<MetricName>), SourceFault> = BTreeMap::new();
    for assessment in all {
        for anomaly in assessment.anomalies {
            let key = (anomaly.subject.clone(), anomaly.metric.clone());
            let joined = match anomalies.remove(&key) {
                Some(other) => join(other, anomaly),
                None => anomaly,
            };
            anomalies.insert(key, joined);
        }
        for fault in assessment.source_faults {
            let key = (fault.subject.clone(), fault.metric.clone());
            let joined = faults.entry(key).or_insert_with(|| fault.clone());
            joined.since = joined.since.min(fault.since);
        }
    }
    let anomalies = anomalies.into_values().collect();
    let mut united = Assessment::new(verdict).with_anomalies(anomalies);
    united.source_faults = faults.into_values().collect();
    Some(united)
}

/// One anomaly of two of the same metric of the same subject.
fn join(a: Anomaly, b: Anomaly) -> Anomaly {
    let above = |anomaly: &Anomaly| anomaly.score / anomaly.threshold.unwrap_or(f64::INFINITY);
    // The first of equal ones stays.
    let (mut kept, other) = if ascending(above(&a), above(&b)).is_lt() {
        (b, a)
    } else {
        (a, b)
    };
    kept.since = kept.since.min(other.since);
    let is_shift = |evidence: &Evidence| matches!(evidence, Evidence::Shift { .. });
    let shifted = kept.evidence.iter().any(is_shift);
    let more = other.evidence.into_iter();
    kept.evidence
        .extend(more.filter(|evidence| !(shifted && is_shift(evidence))));
    kept
}
