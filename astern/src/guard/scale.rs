//! Sampled durations in another unit than the one by which they are read.

use std::collections::BTreeSet;

use astern_graph_core::schema::{LATENCY_QUANTILES, is_received_duration};
use astern_graph_core::{
    CallSummary, MetricName, NodeKey, NodeKind, SliceBy, TemporalGraph, TimeRange, Timestamp,
};

use super::warning::{CALLS_MIN, Warning};

/// The last steps in which a metric and the calls must disagree, each by itself.
const STEPS: u32 = 3;

/// How far a unit that is mistaken is off.
const THOUSAND: f64 = 1e3;

/// How near the calls a sample must come by the other unit.
const NEAR: f64 = 3.0;

/// How far from every call it must be by its own unit.
const APART: f64 = 30.0;

/// Quantile of the calls that a mean of them, or a quantile that its name does not state, is hardly ever below.
const LOW: f64 = 0.05;

/// Metrics whose samples are about a thousandth of, or a thousand times, what calls took to the same service, instance or
/// revision, in each of the last three steps.
///
/// Only durations of received calls are compared, in steps with at least twenty calls, a quantile with the same quantile of
/// the calls and any other metric with their range from the 5 % quantile to the longest. The sample must lie outside by a
/// factor of thirty, and read by the other unit within a factor of three. Without calls nothing is said: services take from
/// microseconds to minutes, so no value is wrong by itself.
pub(super) fn mistaken(graph: &TemporalGraph, end: Timestamp) -> BTreeSet<Warning> {
    let mut found: Option<BTreeSet<Warning>> = None;
    for back in 0..STEPS {
        let until = end.minus(graph.step().saturating_mul(back));
        let Ok(step) = TimeRange::new(until.minus(graph.step()), until) else {
            return BTreeSet::new();
        };
        // Only what is found in the newest step is looked for in those before it.
        let services = found
            .as_ref()
            .map(|found| found.iter().filter_map(service_of));
        let services: Option<BTreeSet<&NodeKey>> = services.map(Iterator::collect);
        let of_step = of_step(graph, step, services.as_ref());
        let in_each = match &found {
            Some(found) => found & &of_step,
            None => of_step,
        };
        if in_each.is_empty() {
            return in_each;
        }
        found = Some(in_each);
    }
    found.unwrap_or_default()
}

fn of_step(
    graph: &TemporalGraph,
    step: TimeRange,
    services: Option<&BTreeSet<&NodeKey>>,
) -> BTreeSet<Warning> {
    let mut found = BTreeSet::new();
    for key in graph.keys() {
        let service = match key.kind {
            NodeKind::Service => key,
            NodeKind::Instance => graph.owner(key).unwrap_or(key),
            _ => continue,
        };
        if services.is_some_and(|services| !services.contains(service)) {
            continue;
        }
        let whole = graph.calls_received(key, step);
        found.extend(whole.iter().flat_map(|calls| of(graph, service, calls)));
        if key.kind == NodeKind::Service {
            let slices = graph.calls_by(key, SliceBy::Revision, step);
            found.extend(
                slices
                    .iter()
                    .flat_map(|(_, calls)| of(graph, service, calls)),
            );
        }
    }
    found
}

fn service_of(warning: &Warning) -> Option<&NodeKey> {
    match warning {
        Warning::ThousandthOfCalls { service, .. }
        | Warning::ThousandTimesCalls { service, .. } => Some(service),
        _ => None,
    }
}

/// What is wrong with the samples beside these calls.
fn of(graph: &TemporalGraph, service: &NodeKey, calls: &CallSummary) -> Vec<Warning> {
    if calls.calls < CALLS_MIN {
        return Vec::new();
    }
    let metrics = calls.sampled_metrics().into_iter();
    let metrics = metrics.filter(|metric| is_received_duration(metric.as_str()));
    let warning = |metric: &MetricName| {
        let in_ms = graph.feature(metric).unit.in_ms()?;
        let ms = calls.sampled(metric).next()? * in_ms;
        let of_name = LATENCY_QUANTILES
            .iter()
            .find(|(name, _)| *name == metric.as_str());
        let (low, high) = of_name.map_or((LOW, 1.0), |(_, q)| (*q, *q));
        let (low, high) = (calls.latency_ms(low)?, calls.latency_ms(high)?);
        let is_near = |ms: f64| ms * NEAR >= low && ms <= high * NEAR;
        let (service, metric) = (service.clone(), metric.clone());
        if ms * APART < low && is_near(ms * THOUSAND) {
            Some(Warning::ThousandthOfCalls { service, metric })
        } else if ms > high * APART && is_near(ms / THOUSAND) {
            Some(Warning::ThousandTimesCalls { service, metric })
        } else {
            None
        }
    };
    metrics.filter_map(warning).collect()
}
