//! Metrics for the checks of a run, read from the telemetry.

use astern_graph_core::{MetricName, Subject, TemporalGraph, TimeRange, Timestamp};
use astern_rollback_policy::{Expectation, IdempotencyKey, Observed, Outcome, Run};
use astern_stats::robust;

/// Newest steps of which a reading is the median: one step may hold a single call.
const STEPS: u32 = 3;

/// The outcome with a reading for every metric that the step's checks are about and that the
/// platform itself did not report.
pub(super) fn with_readings(
    outcome: Outcome,
    run: &Run,
    key: &IdempotencyKey,
    graph: &TemporalGraph,
    now: Timestamp,
) -> Outcome {
    let Some(step) = run.plan().step(key.step) else {
        return outcome;
    };
    let add = |mut observed: Observed| {
        for check in &step.verify {
            if let Expectation::Metric {
                subject, metric, ..
            } = &check.expect
            {
                let reported = |r: &astern_rollback_policy::Reading| {
                    r.subject == *subject && r.metric == *metric
                };
                let value = reading(graph, subject, metric, now);
                if let (false, Some(value)) = (observed.readings.iter().any(reported), value) {
                    observed = observed.reading(subject.clone(), metric.clone(), value);
                }
            }
        }
        observed
    };
    match outcome {
        Outcome::Done(observed) => Outcome::Done(add(observed)),
        Outcome::AlreadyDone(observed) => Outcome::AlreadyDone(add(observed)),
        other => other,
    }
}

fn reading(
    graph: &TemporalGraph,
    subject: &Subject,
    metric: &MetricName,
    now: Timestamp,
) -> Option<f64> {
    let end = graph.step_end(now);
    let range = TimeRange::new(end.minus(graph.step() * STEPS), end).ok()?;
    let series = match subject {
        Subject::Node(key) => graph.series(key, metric, range),
        Subject::Edge { from, to, kind } => graph.edge_series(from, to, *kind, metric, range),
    };
    robust::median(&series.ok()?)
}
