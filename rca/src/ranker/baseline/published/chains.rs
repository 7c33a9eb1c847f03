//! Scores that go along the call graph.

use std::collections::{BTreeMap, BTreeSet};

use astern_graph_core::{NodeId, TemporalGraph};
use astern_stats::robust;

use super::deviation::{n_sigma, or_one, third_step, ties_by_deviation};
use super::rows::Rows;
use super::{Constant, DeviationSide};
use crate::ranker::baseline::correlation::together;
use crate::ranker::baseline::information::information;
use crate::ranker::baseline::page_rank::page_rank;
use crate::regression::Regression;

/// Deviation in standard deviations from which a node is anomalous.
const ANOMALOUS_Z: f64 = 3.0;

/// Weight of an edge whose ends do not move together at all.
const UNCORRELATED: f64 = 0.1;

pub(super) fn smooth_information(rows: &Rows, graph: &TemporalGraph) -> BTreeMap<NodeId, f64> {
    let scored = rows
        .of
        .iter()
        .filter_map(|(id, row)| Some((*id, information(row)?)));
    ties_by_deviation(jumps(rows, graph, &scored.collect()), rows)
}

pub(super) fn smooth_deviations(rows: &Rows, graph: &TemporalGraph) -> BTreeMap<NodeId, f64> {
    jumps(rows, graph, &third_step(rows))
}

/// The score of each node that the symptom depends on, less the greatest one of its callees.
fn jumps(
    rows: &Rows,
    graph: &TemporalGraph,
    scores: &BTreeMap<NodeId, f64>,
) -> BTreeMap<NodeId, f64> {
    let ancestry = graph.fault_ancestry(rows.target).into_keys();
    let jump = |id: NodeId| {
        let callees = rows.callees(graph, id).into_iter();
        let greatest = callees.filter_map(|callee| scores.get(&callee)).copied();
        Some((
            id,
            scores.get(&id)? - greatest.reduce(f64::max).unwrap_or(0.0),
        ))
    };
    ancestry.filter_map(jump).collect()
}

pub(super) fn circa(rows: &Rows, graph: &TemporalGraph, adjusted: bool) -> BTreeMap<NodeId, f64> {
    let tested = |id: &NodeId| Some((*id, unexplained(rows, graph, *id)?));
    let z: BTreeMap<NodeId, f64> = rows.of.keys().filter_map(tested).collect();
    if adjusted { adjust(rows, graph, &z) } else { z }
}

/// The greatest deviation of what the regression on the callees leaves.
fn unexplained(rows: &Rows, graph: &TemporalGraph, id: NodeId) -> Option<f64> {
    let row = rows.of.get(&id)?;
    let callees = rows.callees(graph, id);
    let known: Vec<_> = callees.iter().filter_map(|id| rows.of.get(id)).collect();
    let columns: Vec<&[f64]> = known.iter().map(|callee| &callee.healthy[..]).collect();
    let fit = Regression::fit(&row.healthy, &columns)?;
    let scale = or_one(fit.deviation(), robust::mean(&row.healthy)?, row);
    let noise = row.abnormal.iter().enumerate().map(|(t, x)| {
        let callees = known.iter().map(|callee| callee.abnormal[t]);
        (fit.noise(*x, callees) / scale).abs()
    });
    robust::max(&noise.collect::<Vec<_>>())
}

/// To a node with `z ≥ 3` the greatest score of its callers is added, adjusted before it; a caller
/// with `z < 3` stands for its own callers too. In a circle a score counts as far as it is known.
fn adjust(rows: &Rows, graph: &TemporalGraph, z: &BTreeMap<NodeId, f64>) -> BTreeMap<NodeId, f64> {
    let mut scores = z.clone();
    for id in callers_first(rows, graph) {
        let Some(own) = z.get(&id).filter(|z| **z >= ANOMALOUS_Z) else {
            continue;
        };
        let mut greatest: f64 = 0.0;
        let mut seen = BTreeSet::from([id]);
        let mut open = rows.callers(graph, id);
        while let Some(caller) = open.pop() {
            if !seen.insert(caller) {
                continue;
            }
            if z.get(&caller).is_some_and(|z| *z < ANOMALOUS_Z) {
                open.extend(rows.callers(graph, caller));
            }
            greatest = greatest.max(scores.get(&caller).copied().unwrap_or(0.0));
        }
        scores.insert(id, own + greatest);
    }
    scores
}

/// Every node after its callers; those on circles come last, by id.
fn callers_first(rows: &Rows, graph: &TemporalGraph) -> Vec<NodeId> {
    let mut waits: BTreeMap<NodeId, usize> = rows
        .of
        .keys()
        .map(|id| (*id, rows.callers(graph, *id).len()))
        .collect();
    let free = waits.iter().filter(|(_, callers)| **callers == 0);
    let mut open: Vec<NodeId> = free.map(|(id, _)| *id).collect();
    let mut order = Vec::new();
    while let Some(id) = open.pop() {
        waits.remove(&id);
        order.push(id);
        for callee in rows.callees(graph, id) {
            if let Some(callers) = waits.get_mut(&callee) {
                *callers -= 1;
                if *callers == 0 {
                    open.push(callee);
                }
            }
        }
    }
    order.extend(waits.into_keys());
    order
}

pub(super) fn page_rank_of(
    rows: &Rows,
    graph: &TemporalGraph,
    correlated: bool,
) -> BTreeMap<NodeId, f64> {
    let z = n_sigma(rows, DeviationSide::Either, Constant::Kept);
    let places: BTreeMap<NodeId, usize> = rows.of.keys().copied().zip(0..).collect();
    let edges = rows.of.iter().map(|(id, row)| {
        let callees = rows.callees(graph, *id).into_iter();
        let edge = |callee: NodeId| {
            let weight = if correlated {
                UNCORRELATED + together(row, rows.of.get(&callee)?).abs()
            } else {
                1.0
            };
            Some((*places.get(&callee)?, weight))
        };
        callees.filter_map(edge).collect()
    });
    let edges: Vec<Vec<(usize, f64)>> = edges.collect();
    let preferences: Vec<f64> = rows
        .of
        .keys()
        .map(|id| z.get(id).copied().unwrap_or(0.0))
        .collect();
    let limit = page_rank(&edges, &preferences);
    rows.of.keys().copied().zip(limit.shares).collect()
}

#[cfg(test)]
mod tests {
    use crate::fixture::{Fixture, assert_scores};
    use crate::ranker::baseline::Published;

    const HEALTHY: [f64; 5] = [8.0, 10.0, 12.0, 10.0, 10.0];

    #[test]
    fn jumps_are_read_at_the_third_step() {
        let sigma = 1.6_f64.sqrt();
        let mut fixture = Fixture::new(5, 4);
        fixture.calls("a", "b");
        fixture.calls("x", "a");
        fixture.latency("a", &HEALTHY, &[10.0, 90.0, 13.0, 10.0]);
        fixture.latency("b", &HEALTHY, &[10.0, 10.0, 6.0, 90.0]);
        fixture.latency("x", &HEALTHY, &[10.0, 10.0, 90.0, 10.0]);
        let ranked = fixture.scores(&Published::SmoothDeviations, "a");
        assert_scores(&ranked, &[("b", 4.0 / sigma), ("a", -1.0 / sigma)]);
    }

    #[test]
    fn a_chain_of_hurt_nodes_adds_up() {
        let of = |adjusted| {
            let mut fixture = Fixture::new(8, 1);
            for (from, to) in [("a", "b"), ("b", "c")] {
                fixture.calls(from, to);
            }
            // Own noise of standard deviation 1, orthogonal, on top of what the callee takes.
            let mut healthy = [20.0; 8];
            let mut abnormal = 20.0;
            for (name, period, now) in [("c", 4, 9.0), ("b", 2, 4.0), ("a", 1, 5.0)] {
                healthy = std::array::from_fn(|t| {
                    healthy[t] + if t / period % 2 == 0 { 1.0 } else { -1.0 }
                });
                abnormal += now;
                fixture.latency(name, &healthy, &[abnormal]);
            }
            fixture.scores(&Published::Circa { adjusted }, "a")
        };
        assert_scores(&of(false), &[("c", 9.0), ("a", 5.0), ("b", 4.0)]);
        assert_scores(&of(true), &[("c", 18.0), ("b", 9.0), ("a", 5.0)]);
    }

    #[test]
    fn preferences_are_two_sided() {
        // Deviations 10 down and 30 up in the ratio of 1 to 3; b has no callee and begins again.
        let mut fixture = Fixture::new(5, 1);
        fixture.calls("a", "b");
        fixture.latency("a", &HEALTHY, &[0.0]);
        fixture.latency("b", &HEALTHY, &[40.0]);
        let g = 1.0 / 1.2125;
        for correlated in [false, true] {
            let ranked = fixture.scores(&Published::PageRank { correlated }, "a");
            assert_scores(&ranked, &[("b", 0.9625 * g), ("a", 0.25 * g)]);
        }
    }
}
