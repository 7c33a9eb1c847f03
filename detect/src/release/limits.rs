//! The new side by itself, interval by interval, against fixed limits: what Flagger and Argo Rollouts share.

use std::time::Duration;

use astern_graph_core::schema::{ERROR_RATE, LATENCY_MS_P99};
use astern_graph_core::signal::{Anomaly, Assessment, Evidence, MissingEvidence, Verdict};
use astern_graph_core::{CallSummary, ChangeEvent, Timestamp};

use super::sides::{Observed, Step};

/// What is measured of the calls of an interval; more is worse.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure {
    metric: &'static str,
    pub(super) of: fn(&CallSummary) -> Option<f64>,
    /// What the score divides by where the limit is less.
    least: f64,
}

/// One less the success rate that both systems ask for.
pub(super) const FAILED: Measure = Measure {
    metric: ERROR_RATE,
    of: CallSummary::error_rate,
    least: 0.01,
};

pub(super) const SLOW: Measure = Measure {
    metric: LATENCY_MS_P99,
    of: latency_p99,
    least: 1.0,
};

/// The least latency that 99 % of the calls do not exceed, as in a histogram of Prometheus: of fewer than 100 calls the
/// longest.
fn latency_p99(calls: &CallSummary) -> Option<f64> {
    let (_, known) = calls.latency_above(f64::INFINITY);
    let rank = (0.99 * known as f64).ceil();
    // In the middle of a rank, so that rounding does not leave it; a single call has them all.
    let q = (rank - 0.5) / (known as f64 - 1.0);
    calls.latency_ms(q.clamp(0.0, 1.0))
}

/// The steps that begin at `at` or later.
pub(super) fn since(steps: &[Step], at: Timestamp) -> &[Step] {
    let before = steps.partition_point(|step| step.range.start < at);
    &steps[before..]
}

/// The calls of the new side in each interval that is over, and when it began. An interval is of whole steps.
pub(super) fn intervals(
    steps: &[Step],
    interval: Duration,
) -> impl Iterator<Item = (Timestamp, CallSummary)> {
    let step = steps.first().map_or(interval, |step| step.range.span());
    let count = interval.as_nanos().div_ceil(step.as_nanos().max(1)).max(1);
    let intervals = steps.chunks_exact(usize::try_from(count).unwrap_or(usize::MAX));
    intervals.filter_map(|steps| {
        let calls = CallSummary::joined(steps.iter().map(|step| &step.new));
        steps.first().map(|first| (first.range.start, calls))
    })
}

/// What the checks of one metric came to.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) measure: Measure,
    pub(super) limit: f64,
    worst: Option<f64>,
    checks: usize,
    failed: usize,
    without_value: usize,
    failed_since: Option<Timestamp>,
}

impl Tally {
    pub(super) fn new(measure: Measure, limit: f64) -> Self {
        Self {
            measure,
            limit,
            worst: None,
            checks: 0,
            failed: 0,
            without_value: 0,
            failed_since: None,
        }
    }

    /// Counts a check of the interval that began `at`.
    pub(super) fn record(&mut self, at: Timestamp, value: Option<f64>, is_failed: bool) {
        self.checks += 1;
        self.without_value += usize::from(value.is_none());
        self.worst = self.worst.into_iter().chain(value).reduce(f64::max);
        if is_failed {
            self.failed += 1;
            self.failed_since.get_or_insert(at);
        }
    }

    /// What failed, if anything did.
    fn anomaly(&self, change: &ChangeEvent) -> Option<Anomaly> {
        let since = self.failed_since?;
        let excess = self.worst.map_or(0.0, |worst| worst - self.limit);
        let score = 1.0 + excess.max(0.0) / self.limit.max(self.measure.least);
        let evidence = Evidence::BeyondLimit {
            metric: self.measure.metric.into(),
            limit: self.limit,
            worst: self.worst,
            checks: self.checks,
            failed: self.failed,
            without_value: self.without_value,
        };
        let mut anomaly = Anomaly::new(change.service.clone(), score, since)
            .above(1.0)
            .because(evidence);
        anomaly.metric = Some(self.measure.metric.into());
        Some(anomaly)
    }
}

/// What a run of checks concludes. A run that is open, or that failed, has no data where nothing was seen: for the open
/// one of the new side, for the failed one of the whole service, since silence of all telemetry is no regression.
pub(super) fn assessment<'a>(
    change: &ChangeEvent,
    observed: &Observed,
    verdict: Verdict,
    tallies: impl Iterator<Item = &'a Tally>,
) -> Assessment {
    let is_new_seen = observed.steps.iter().any(Step::is_new_seen);
    let is_old_seen = observed.steps.iter().any(|step| step.old.calls > 0);
    let verdict = match verdict {
        Verdict::Inconclusive if !is_new_seen => Verdict::NoData,
        Verdict::Regressed if !is_new_seen && !is_old_seen => Verdict::NoData,
        other => other,
    };
    let failed = tallies.filter(|_| verdict == Verdict::Regressed);
    Assessment::new(verdict)
        .of_change(change.id.clone())
        .with_anomalies(failed.filter_map(|tally| tally.anomaly(change)).collect())
        .without((!is_new_seen).then_some(MissingEvidence::NewSide))
}
