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
    let since = run
        .reached()
        .map_or(Timestamp::MIN, |at| first_after(graph, at));
    let add = |mut observed: Observed| {
        for check in &step.verify {
            if let Expectation::Metric {
                subject, metric, ..
            } = &check.expect
            {
                let reported = |r: &astern_rollback_policy::Reading| {
                    r.subject == *subject && r.metric == *metric
                };
                let value = reading(graph, subject, metric, (since, now));
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

/// Begin of the first whole step after a time.
fn first_after(graph: &TemporalGraph, at: Timestamp) -> Timestamp {
    let start = graph.step_end(at);
    if start == at {
        at
    } else {
        start.plus(graph.step())
    }
}

/// From steps since the run reached what it could: those before show what it was to mend.
fn reading(
    graph: &TemporalGraph,
    subject: &Subject,
    metric: &MetricName,
    (since, now): (Timestamp, Timestamp),
) -> Option<f64> {
    let end = graph.step_end(now);
    let start = end.minus(graph.step() * STEPS).max(since);
    let range = TimeRange::new(start, end).ok()?;
    let series = match subject {
        Subject::Node(key) => graph.series(key, metric, range),
        Subject::Edge { from, to, kind } => graph.edge_series(from, to, *kind, metric, range),
    };
    robust::median(&series.ok()?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use astern_graph_core::{Call, GraphBuilder, GraphParams, NodeKey, Party};

    use super::*;

    const fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn steps_from_before_the_target_was_reached_do_not_count() {
        let params = GraphParams::default().step(Duration::from_secs(10));
        let mut builder = GraphBuilder::new(params).unwrap();
        let cart = NodeKey::service("cart");
        builder.extend((0..70).map(|second| {
            let ms = if second < 60 { 100 } else { 10 };
            let took = Some(Duration::from_millis(ms));
            Call::new(at(second), Party::new(cart.clone()))
                .took(None, took)
                .into()
        }));
        let graph = builder.build();
        let read = |reached| {
            let since = first_after(&graph, reached);
            let value = reading(
                &graph,
                &cart.clone().into(),
                &"latency_ms_p50".into(),
                (since, at(70)),
            );
            value.map(|ms| ms > 50.0)
        };
        assert_eq!(read(at(30)), Some(true));
        assert_eq!(read(at(60)), Some(false));
        assert_eq!(read(at(51)), Some(false));
        assert_eq!(read(at(61)), None);
    }
}
