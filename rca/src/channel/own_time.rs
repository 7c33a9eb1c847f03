//! What a node takes by itself.

use std::collections::BTreeMap;

use astern_graph_core::signal::Evidence;
use astern_graph_core::{CallSummary, NodeId};

use super::quantile::{Durations, growth};
use super::{Readings, Scope, worst_or_calm};

/// Growth of the time in which a node did not wait for callees of its own, as far as their waits do not
/// explain it.
///
/// What waits for a callee holds a worker, and requests that find none free wait in front of the node, which
/// counts as its own time: a late callee of a pool that is nearly full shows as own time of its caller. So
/// of a growth g, where the wait for the callee that is waited for most grew by w, only the share `1 − w / g`
/// counts: amounts, as in the origin channel. A node that is slow by itself waits for nobody longer.
///
/// `O(V + E)` comparisons.
pub(crate) fn read(scope: &Scope<'_>) -> Readings {
    let waits = waits_ms(scope);
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
            let grew = growth.observed_ms - growth.healthy_ms;
            let waits = waits.get(id).copied().unwrap_or(0.0);
            let unexplained = if grew > 0.0 {
                (1.0 - waits / grew).clamp(0.0, 1.0)
            } else {
                1.0
            };
            let z = unexplained * growth.z;
            let evidence = Evidence::OwnTime {
                healthy_ms: growth.healthy_ms,
                observed_ms: growth.observed_ms,
                z,
            };
            worst_or_calm(&mut readings, *id, z, evidence);
        }
    }
    readings
}

/// By how much the median wait of each node for the callee grew for which it grew most, in
/// milliseconds; never negative.
fn waits_ms(scope: &Scope<'_>) -> BTreeMap<NodeId, f64> {
    let graph = scope.graph;
    let mut waits: BTreeMap<NodeId, f64> = BTreeMap::new();
    for (from, to, kind) in graph.edges() {
        if from == to || scope.nodes.binary_search(&from).is_err() {
            continue;
        }
        let Some((caller, callee)) = graph.key(from).zip(graph.key(to)) else {
            continue;
        };
        let median = |range| {
            graph
                .calls_over(caller, callee, kind, range)?
                .latency_ms(0.5)
        };
        if let Some((before, now)) = median(scope.healthy).zip(median(scope.abnormal)) {
            let most = waits.entry(from).or_insert(0.0);
            *most = most.max(now - before);
        }
    }
    waits
}
