//! What callers wait beyond what callees work, charged to one end of each edge.

use std::collections::BTreeMap;

use astern_graph_core::signal::Evidence;
use astern_graph_core::{CallSummary, NodeId, NodeKey};

use super::quantile::{Durations, Growth, growth};
use super::{Reading, Readings, Scope, log_odds, worst};

/// Deviation that is as likely a fault as not.
const HALF_Z: f64 = 3.0;

/// An edge whose gap is known.
struct Edge<'a> {
    ends: [NodeId; 2],
    keys: [&'a NodeKey; 2],
    growth: Growth,
}

/// Growth of the gap between the client's and the server's duration over each edge between candidates.
///
/// A slow network, a full queue in front of the callee or a frozen process shows only there: the
/// callee does not know that it was waited for. Which end is to blame, one edge does not tell. Faults of
/// a node's own network touch all of its edges: an edge is charged to the end whose other edges agree
/// more, by the mean of their log-odds with one neutral edge added, at a tie to the callee. A node
/// reads the worst edge that is charged to it; one none of whose edges is charged to it reads 0.
///
/// `O(E)` comparisons.
pub(crate) fn read(scope: &Scope<'_>) -> Readings {
    let edges = edges(scope);
    let mut support: BTreeMap<NodeId, (f64, f64)> = BTreeMap::new();
    let vote = |edge: &Edge<'_>| {
        let z = edge.growth.z.max(0.0);
        log_odds(z / (z + HALF_Z)).max(0.0)
    };
    for edge in &edges {
        for end in edge.ends {
            let (sum, count) = support.entry(end).or_insert((0.0, 0.0));
            *sum += vote(edge);
            *count += 1.0;
        }
    }
    // Of the other edges: the neutral one takes the place of the edge itself.
    let others = |id: NodeId, edge: &Edge<'_>| {
        let (sum, count) = support.get(&id).copied().unwrap_or((0.0, 1.0));
        (sum - vote(edge)) / count
    };
    let neutral = |id: &NodeId| {
        (
            *id,
            Reading {
                z: 0.0,
                evidence: None,
            },
        )
    };
    let mut readings: Readings = support.keys().map(neutral).collect();
    for edge in &edges {
        let [caller, callee] = edge.ends;
        let charged = if others(caller, edge) > others(callee, edge) {
            caller
        } else {
            callee
        };
        let [from, to] = edge.keys;
        worst(&mut readings, charged, edge.growth.z, || Evidence::Gap {
            from: from.clone(),
            to: to.clone(),
            healthy_ms: edge.growth.healthy_ms,
            observed_ms: edge.growth.observed_ms,
            z: edge.growth.z,
        });
    }
    readings
}

fn edges<'a>(scope: &Scope<'a>) -> Vec<Edge<'a>> {
    let graph = scope.graph;
    let mut edges = Vec::new();
    for (from, to, kind) in graph.edges() {
        let known = |id: NodeId| scope.nodes.binary_search(&id).is_ok();
        if from == to || !known(from) || !known(to) {
            continue;
        }
        let Some(keys) = graph.key(from).zip(graph.key(to)) else {
            continue;
        };
        let over = |range| graph.calls_over(keys.0, keys.1, kind, range);
        let Some((healthy, abnormal)) = over(scope.healthy).zip(over(scope.abnormal)) else {
            continue;
        };
        let side = |summary: CallSummary| Durations {
            calls: summary.calls,
            quantile_ms: move |q: f64| summary.gap_ms(q),
        };
        if let Some(growth) = growth(&side(healthy), &side(abnormal), scope.tails) {
            edges.push(Edge {
                ends: [from, to],
                keys: [keys.0, keys.1],
                growth,
            });
        }
    }
    edges
}
