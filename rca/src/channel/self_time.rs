//! Self time: what a node takes beside the waits for its callees.

use std::collections::BTreeMap;

use astern_graph_core::signal::Evidence;
use astern_graph_core::{CallSummary, NodeId};

use super::co_located::Machines;
use super::quantile::{Durations, Growth, growth};
use super::{Readings, Scope, worst_or_normal};

/// How the self time of a node grew, whatever explains it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SelfTime {
    growth: Growth,
    /// Share of the growth that longer waits do not explain.
    unexplained: f64,
    /// Growth in standard errors, as far as longer waits do not explain it.
    pub(crate) z: f64,
}

impl SelfTime {
    /// By what share it takes longer, as far as longer waits do not explain it; never negative.
    pub(crate) fn slowdown(&self) -> f64 {
        let Growth {
            healthy_ms,
            observed_ms,
            ..
        } = self.growth;
        let grew = self.unexplained * (observed_ms - healthy_ms);
        (grew / healthy_ms.max(LEAST_MS)).max(0.0)
    }
}

#[cfg(test)]
impl SelfTime {
    /// Of 10 ms that grew by so many standard errors of a millisecond.
    pub(crate) fn grown_by(z: f64) -> Self {
        let (healthy_ms, observed_ms) = (10.0, 10.0 + z);
        Self {
            growth: Growth {
                healthy_ms,
                observed_ms,
                z,
            },
            unexplained: 1.0,
            z,
        }
    }
}

/// Self times below this, in milliseconds, are not divided by.
const LEAST_MS: f64 = 0.1;

/// Growth of the time in which each node did not wait for callees of its own, as far as their waits do not
/// explain it.
///
/// What waits for a callee holds a worker, and requests that find none free wait in front of the node, which
/// counts as its self time: a late callee of a pool that is nearly full shows as self time of its caller. So
/// of a growth g, where the wait for the callee that is waited for most grew by w, only the share `1 − w / g`
/// counts: amounts, as in the origin channel. A node that is slow by itself waits for nobody longer.
///
/// `O(V + E)` comparisons.
pub(crate) fn grown(scope: &Scope<'_>) -> BTreeMap<NodeId, SelfTime> {
    let waits = waits_ms(scope);
    let mut grown = BTreeMap::new();
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
            let unexplained = share_beyond(waits, grew);
            let z = unexplained * growth.z;
            grown.insert(
                *id,
                SelfTime {
                    growth,
                    unexplained,
                    z,
                },
            );
        }
    }
    grown
}

/// Share of a growth that goes beyond what explains it; all of what did not grow.
fn share_beyond(explained: f64, grew: f64) -> f64 {
    if grew > 0.0 {
        (1.0 - explained / grew).clamp(0.0, 1.0)
    } else {
        1.0
    }
}

/// [`grown`], as far as what else runs on the same machines did not become slower as well: where those grew by
/// a share m at the median, and the node by r, the share `1 − m / r` counts.
pub(crate) fn read(grown: &BTreeMap<NodeId, SelfTime>, machines: &Machines) -> Readings {
    let mut readings = Readings::new();
    for (id, own) in grown {
        let of_machine = machines.slowdown_of_others(*id, own);
        let z = share_beyond(of_machine, own.slowdown()) * own.z;
        let evidence = Evidence::OwnTime {
            healthy_ms: own.growth.healthy_ms,
            observed_ms: own.growth.observed_ms,
            z,
        };
        worst_or_normal(&mut readings, *id, z, evidence);
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
