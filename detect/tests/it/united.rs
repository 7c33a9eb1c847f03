//! What several detectors say together.

use astern_detect::pipeline::unite;
use astern_graph_core::Timestamp;
use astern_graph_core::signal::{Anomaly, Assessment, Evidence, SourceFault, Verdict};

use crate::fixtures::{minute, service};

fn anomaly(node: usize, metric: &str, score: f64, threshold: f64, since: Timestamp) -> Anomaly {
    let shift = Evidence::Shift {
        metric: metric.into(),
        healthy: 1.0,
        observed: 2.0,
        z: score,
    };
    Anomaly::new(service(node), score, since)
        .above(threshold)
        .in_metric(metric.into(), 1e-4)
        .because(shift)
}

fn only(verdict: Verdict) -> Assessment {
    Assessment::new(verdict)
}

#[test]
fn one_assessment_stays_as_it_is() {
    assert_eq!(unite([]), None);
    let mut alone = only(Verdict::Inconclusive);
    alone.source_faults = vec![
        SourceFault::new(service(1), None, minute(3)),
        SourceFault::new(service(0), None, minute(3)),
    ];
    assert_eq!(unite([alone.clone()]), Some(alone));
}

#[test]
fn healthy_needs_all_and_a_regression_one() {
    use Verdict::{Healthy, Inconclusive, NoData, Regressed};
    for (verdicts, expected) in [
        ([Healthy, Healthy, Healthy], Healthy),
        ([Healthy, Regressed, NoData], Regressed),
        ([NoData, NoData, NoData], NoData),
        ([NoData, Healthy, Healthy], Inconclusive),
        ([Healthy, Healthy, Inconclusive], Inconclusive),
        ([NoData, Inconclusive, NoData], Inconclusive),
    ] {
        let united = unite(verdicts.map(only)).unwrap();
        assert_eq!(united.verdict, expected, "{verdicts:?}");
    }
}

#[test]
fn of_one_metric_the_anomaly_that_is_highest_above_its_threshold_is_kept() {
    let learned = Evidence::Learned {
        model: "m".into(),
        score: 1.0,
        untrained: 0.5,
    };
    // 6 of 3 is twice the threshold, 1.5 of 0.5 three times.
    let first = anomaly(0, "latency_ms", 6.0, 3.0, minute(5)).because(learned.clone());
    let second = anomaly(0, "latency_ms", 1.5, 0.5, minute(7));
    let other = anomaly(0, "error_rate", 4.0, 3.0, minute(9));
    let of = |anomalies: Vec<Anomaly>| only(Verdict::Regressed).with_anomalies(anomalies);
    let united = unite([
        of(vec![first.clone(), other.clone()]),
        of(vec![second.clone()]),
    ])
    .unwrap();
    let mut joined = second;
    joined.since = minute(5);
    joined.evidence.push(learned.clone());
    assert_eq!(united.anomalies, [other, joined]);
    // Of equal ones the first detector's stays, without a second shift of the same metric.
    let equal = anomaly(0, "latency_ms", 2.0, 1.0, minute(2));
    let united = unite([of(vec![first.clone()]), of(vec![equal])]).unwrap();
    let mut joined = first;
    joined.since = minute(2);
    assert_eq!(united.anomalies, [joined]);
}

#[test]
fn a_source_that_several_miss_is_named_once_since_the_earliest() {
    let of = |node, since| {
        let mut silent = only(Verdict::NoData);
        silent.source_faults = vec![SourceFault::new(service(node), Some("a".into()), since)];
        silent
    };
    let united = unite([of(1, minute(5)), of(0, minute(4)), of(1, minute(3))]).unwrap();
    let expected = [of(0, minute(4)), of(1, minute(3))].map(|a| a.source_faults[0].clone());
    assert_eq!(united.source_faults, expected);
}
