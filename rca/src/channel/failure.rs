//! Failures that no callee explains.

use std::collections::BTreeMap;

use astern_graph_core::signal::Evidence;
use astern_graph_core::{NodeId, NodeKey};

use super::{Readings, Scope, worst};
use crate::incident::TracePair;
use crate::trace::Traces;

/// Least change of a share of failures that matters.
const FLOOR: f64 = 0.01;

/// Fewest calls on either side.
const CALLS_MIN: f64 = 3.0;

/// How much less than the node that failed the callee is suspect that answered last before: failures
/// are more often of those who report them than of answers that are wrong.
const LAST_SHARE: f64 = 0.75;

/// Failed calls of all.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Share {
    failed: f64,
    calls: f64,
}

impl Share {
    fn of(failed: u64, calls: u64) -> Self {
        Self {
            failed: failed as f64,
            calls: calls as f64,
        }
    }

    fn rate(self) -> f64 {
        self.failed / self.calls
    }
}

/// `z = (p_a − p_h) / √(p (1 − p) (1/n_h + 1/n_a) + 0.01²)` with the pooled share p.
fn growth(healthy: Share, abnormal: Share) -> Option<f64> {
    if healthy.calls.min(abnormal.calls) < CALLS_MIN {
        return None;
    }
    let pooled = (healthy.failed + abnormal.failed) / (healthy.calls + abnormal.calls);
    let variance = pooled * (1.0 - pooled) * (1.0 / healthy.calls + 1.0 / abnormal.calls);
    Some((abnormal.rate() - healthy.rate()) / (variance + FLOOR * FLOOR).sqrt())
}

/// Growth of the share of calls that fail at a node although no call of its own failed.
///
/// With traces each failed call is looked at by itself. Then the callee that answered last before a
/// call failed is suspect too: an answer that is wrong fails whoever asked. For each pair of a node
/// and the callee that was last, the share of the node's calls that failed after it; several callers
/// of one callee add up as `√Σ z²`, and the callee reads 3/4 of it. Without traces, the failures of a
/// node less those of the calls that it made.
///
/// `O(V + E)`, with traces `O(n log n)` for n calls.
pub(crate) fn read(scope: &Scope<'_>, traces: Option<&TracePair>) -> Readings {
    match traces {
        Some(traces) if !traces.healthy.is_empty() && !traces.abnormal.is_empty() => {
            of_traces(scope, traces)
        }
        _ => of_sums(scope),
    }
}

fn of_sums(scope: &Scope<'_>) -> Readings {
    let graph = scope.graph;
    let mut readings = Readings::new();
    let mut passed_on: BTreeMap<NodeId, [u64; 2]> = BTreeMap::new();
    for (from, to, kind) in graph.edges().filter(|(from, to, _)| from != to) {
        let ends = graph.key(from).zip(graph.key(to));
        for (side, range) in [scope.healthy, scope.abnormal].into_iter().enumerate() {
            let calls = ends.and_then(|(a, b)| graph.calls_over(a, b, kind, range));
            passed_on.entry(from).or_default()[side] += calls.map_or(0, |calls| calls.errors);
        }
    }
    for id in scope.nodes {
        let Some(key) = graph.key(*id) else {
            continue;
        };
        let passed = passed_on.get(id).copied().unwrap_or_default();
        let own = |range, passed: u64| {
            let received = graph.calls_received(key, range)?;
            Some(Share::of(
                received.errors.saturating_sub(passed),
                received.calls,
            ))
        };
        let sides = own(scope.healthy, passed[0]).zip(own(scope.abnormal, passed[1]));
        if let Some((healthy, abnormal, z)) = sides.and_then(|(h, a)| Some((h, a, growth(h, a)?))) {
            worst(&mut readings, *id, z, || Evidence::OwnFailures {
                healthy: healthy.rate(),
                observed: abnormal.rate(),
                z,
            });
        }
    }
    readings
}

/// What traces of one range show: calls of each service, failures by itself, and those by the callee
/// that was last.
#[derive(Debug, Default)]
struct Tally<'a> {
    own: BTreeMap<&'a NodeKey, Share>,
    after: BTreeMap<(&'a NodeKey, &'a NodeKey), f64>,
}

impl<'a> Tally<'a> {
    fn of(traces: &'a Traces) -> Self {
        let mut tally = Self::default();
        let services = traces.services();
        for trace in traces.iter() {
            let calls = trace.calls();
            let mut callee_failed = vec![false; calls.len()];
            let mut last: Vec<Option<usize>> = vec![None; calls.len()];
            for (i, call) in calls.iter().enumerate() {
                let Some(parent) = call.parent.filter(|parent| *parent < calls.len()) else {
                    continue;
                };
                callee_failed[parent] |= call.failed;
                let later = last[parent].is_none_or(|known| calls[known].end() <= call.end());
                if later && call.service != calls[parent].service {
                    last[parent] = Some(i);
                }
            }
            for (i, call) in calls.iter().enumerate() {
                let Some(service) = services.get(call.service) else {
                    continue;
                };
                let by_itself = call.failed && !callee_failed[i];
                let own = tally.own.entry(service).or_default();
                own.calls += 1.0;
                own.failed += f64::from(u8::from(by_itself));
                let callee = last[i].and_then(|last| services.get(calls[last].service));
                if let Some(callee) = callee.filter(|_| by_itself) {
                    *tally.after.entry((service, callee)).or_default() += 1.0;
                }
            }
        }
        tally
    }

    /// Calls of a service that failed after this callee was last.
    fn after(&self, pair: &(&NodeKey, &NodeKey)) -> Share {
        let failed = self.after.get(pair).copied().unwrap_or(0.0);
        let calls = self.own.get(pair.0).map_or(0.0, |own| own.calls);
        Share { failed, calls }
    }
}

fn of_traces(scope: &Scope<'_>, traces: &TracePair) -> Readings {
    let graph = scope.graph;
    let (before, now) = (Tally::of(&traces.healthy), Tally::of(&traces.abnormal));
    let candidate = |key: &NodeKey| {
        graph
            .id(key)
            .filter(|id| scope.nodes.binary_search(id).is_ok())
    };
    let mut readings = Readings::new();
    for (key, abnormal) in &now.own {
        let healthy = before.own.get(key).copied().unwrap_or_default();
        if let Some((id, z)) = candidate(key).zip(growth(healthy, *abnormal)) {
            worst(&mut readings, id, z, || Evidence::OwnFailures {
                healthy: healthy.rate(),
                observed: abnormal.rate(),
                z,
            });
        }
    }
    let mut suspects: BTreeMap<&NodeKey, (f64, f64, &NodeKey)> = BTreeMap::new();
    for pair in now.after.keys() {
        let z = growth(before.after(pair), now.after(pair))
            .unwrap_or(0.0)
            .max(0.0);
        let (caller, callee) = *pair;
        let suspect = suspects.entry(callee).or_insert((0.0, z, caller));
        suspect.0 = suspect.0.hypot(z);
        if z > suspect.1 {
            (suspect.1, suspect.2) = (z, caller);
        }
    }
    for (callee, (z, _, caller)) in suspects {
        let Some(id) = candidate(callee) else {
            continue;
        };
        let z = LAST_SHARE * z;
        let pair = (caller, callee);
        worst(&mut readings, id, z, || Evidence::LastBeforeFailure {
            caller: caller.clone(),
            healthy: before.after(&pair).rate(),
            observed: now.after(&pair).rate(),
            z,
        });
    }
    readings
}
