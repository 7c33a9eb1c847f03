//! What a node takes by itself.

use astern_graph_core::CallSummary;
use astern_graph_core::signal::Evidence;

use super::quantile::{Durations, growth};
use super::{Readings, Scope, worst};

/// Growth of the time in which a node did not wait for callees of its own. `O(V)` comparisons.
pub(crate) fn read(scope: &Scope<'_>) -> Readings {
    let mut readings = Readings::new();
    for id in scope.nodes {
        let Some(key) = scope.graph.key(*id) else {
            continue;
        };
        let received = |range| scope.graph.calls_received(key, range);
        let Some((healthy, abnormal)) = received(scope.healthy).zip(received(scope.abnormal))
        else {
            continue;
        };
        let side = |summary: CallSummary| Durations {
            calls: summary.calls,
            quantile_ms: move |q: f64| summary.exclusive_ms(q),
        };
        if let Some(growth) = growth(&side(healthy), &side(abnormal), scope.tails) {
            worst(&mut readings, *id, growth.z, || Evidence::OwnTime {
                healthy_ms: growth.healthy_ms,
                observed_ms: growth.observed_ms,
                z: growth.z,
            });
        }
    }
    readings
}
