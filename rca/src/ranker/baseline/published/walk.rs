//! The random walk of `PyRCA`.

use std::collections::BTreeMap;

use astern_graph_core::{NodeId, TemporalGraph};
use astern_stats::order::descending;

use super::rows::Rows;
use crate::ranker::baseline::correlation::together;

/// Weight of a step back to a caller, relative to one to a callee.
const BACKWARD: f64 = 0.1;
const STEPS: usize = 10;
/// How many nodes are ranked.
const RANKED: usize = 4;

/// Expected visits of walks from all anomalous nodes, of those nodes that call none.
pub(super) fn random(
    rows: &Rows,
    graph: &TemporalGraph,
    anomalous: &BTreeMap<NodeId, f64>,
) -> BTreeMap<NodeId, f64> {
    let starts: Vec<NodeId> = rows
        .of
        .keys()
        .copied()
        .filter(|id| anomalous.contains_key(id))
        .collect();
    let edges = steps(rows, graph, &starts);
    let mut visits: BTreeMap<NodeId, f64> = BTreeMap::new();
    let mut at: BTreeMap<NodeId, f64> = starts.iter().map(|id| (*id, 1.0)).collect();
    for _ in 0..STEPS {
        let mut next: BTreeMap<NodeId, f64> = BTreeMap::new();
        for (id, share) in at {
            for (to, p) in edges.get(&id).into_iter().flatten() {
                *next.entry(*to).or_insert(0.0) += share * p;
            }
        }
        for (id, share) in &next {
            *visits.entry(*id).or_insert(0.0) += share;
        }
        at = next;
    }
    let ends = rows
        .of
        .keys()
        .filter(|id| !starts.is_empty() && rows.callees(graph, **id).is_empty());
    let mut scored: Vec<(NodeId, f64)> = ends
        .map(|id| (*id, visits.get(id).copied().unwrap_or(0.0)))
        .collect();
    scored.sort_by(|a, b| descending(a.1, b.1).then_with(|| a.0.cmp(&b.0)));
    scored.into_iter().take(RANKED).collect()
}

/// The probabilities of the steps from each node.
fn steps(
    rows: &Rows,
    graph: &TemporalGraph,
    starts: &[NodeId],
) -> BTreeMap<NodeId, Vec<(NodeId, f64)>> {
    // For each node its correlation with every start; 0 with a callee whose caller it is.
    let weights: BTreeMap<NodeId, Vec<f64>> = rows
        .of
        .iter()
        .map(|(id, row)| {
            let of = starts.iter().map(|start| {
                if start == id {
                    1.0
                } else if rows.callees(graph, *id).contains(start) {
                    0.0
                } else {
                    rows.of.get(start).map_or(0.0, |s| together(row, s).abs())
                }
            });
            (*id, of.collect())
        })
        .collect();
    let greatest = |id: &NodeId| weights[id].iter().copied().fold(0.0, f64::max);
    let own = |id: &NodeId, callees: &[NodeId]| {
        if starts.contains(id) {
            return 0.0;
        }
        let beyond = |(i, weight): (usize, &f64)| {
            let explained = callees.iter().map(|callee| weights[callee][i]);
            weight - explained.fold(0.0, f64::max)
        };
        weights[id]
            .iter()
            .enumerate()
            .map(beyond)
            .fold(0.0, f64::max)
    };
    let row = |id: &NodeId| {
        let callees = rows.callees(graph, *id);
        let mut row = vec![(*id, own(id, &callees))];
        row.extend(callees.iter().map(|to| (*to, greatest(to))));
        let back = rows.callers(graph, *id).into_iter();
        row.extend(back.map(|to| (to, BACKWARD * greatest(&to))));
        let total: f64 = row.iter().map(|(_, weight)| weight).sum();
        row.retain(|(_, weight)| *weight > 0.0);
        for (_, weight) in &mut row {
            *weight /= total;
        }
        row
    };
    rows.of.keys().map(|id| (*id, row(id))).collect()
}

#[cfg(test)]
mod tests {
    use crate::fixture::Fixture;
    use crate::ranker::baseline::Published;

    #[test]
    fn only_nodes_without_a_callee_are_ranked() {
        let healthy: Vec<f64> = (0..12).map(|i| 10.0 + f64::from(i % 3)).collect();
        let mut fixture = Fixture::new(12, 4);
        for (from, to) in [("a", "b"), ("a", "c"), ("b", "d")] {
            fixture.calls(from, to);
        }
        fixture.latency("a", &healthy, &[50.0, 60.0, 70.0, 80.0]);
        fixture.latency("b", &healthy, &[50.0, 60.0, 70.0, 80.0]);
        fixture.latency("c", &healthy, &[11.0, 10.0, 11.0, 10.0]);
        fixture.latency("d", &healthy, &[50.0, 60.0, 70.0, 80.0]);
        let ranked = fixture.scores(&Published::RandomWalk, "a");
        let names: Vec<&str> = ranked.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["d", "c"]);
        // Not anomalous: no answer.
        assert!(fixture.scores(&Published::RandomWalk, "c").is_empty());
    }
}
