//! Depth-first search for the ends of anomalous paths, and the blame of those ends.

use std::collections::BTreeMap;

use astern_graph_core::signal::{Evidence, RankedCause};
use astern_graph_core::{NodeId, TemporalGraph};

use super::correlation::together;
use super::n_sigma::Deviation;
use crate::candidates::{Candidate, symptom};
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::Ranking;
use crate::ranker::ranking::keys;
use crate::table::{Metrics, strongest};

/// Deviation in healthy standard deviations from which a node is anomalous.
const ANOMALOUS_Z: f64 = 3.0;

/// Where the search went.
#[derive(Debug, Default)]
pub(super) struct DepthFirst {
    /// The node from which each node was first reached; none for the start.
    reached_from: BTreeMap<NodeId, Option<NodeId>>,
    /// Nodes from which it could go no farther, in the order of the search.
    pub(super) ends: Vec<NodeId>,
    /// All nodes, each after every origin that was reached from it and is not on a circle with it.
    pub(super) finished: Vec<NodeId>,
}

/// A node whose origins are not all looked at yet.
struct Open {
    id: NodeId,
    origins: Vec<NodeId>,
    is_end: bool,
}

impl DepthFirst {
    /// Goes from `start` to the origins of faults wherever `extends(node, origin)`. Origins come in
    /// the order of their ids, each is searched once, and a step back to a node of the path at hand
    /// does not count: a circle ends where it would close. `O(V + E)` calls of `extends`.
    pub(super) fn from(
        graph: &TemporalGraph,
        start: NodeId,
        extends: impl Fn(NodeId, NodeId) -> bool,
    ) -> Self {
        let open = |id: NodeId| Open {
            id,
            // The last is looked at first.
            origins: graph
                .fault_origins(id)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect(),
            is_end: true,
        };
        let mut search = Self::default();
        search.reached_from.insert(start, None);
        let mut path = vec![open(start)];
        let mut on_path = vec![false; graph.node_count()];
        on_path[start.index()] = true;
        while let Some(last) = path.last_mut() {
            let Some(origin) = last.origins.pop() else {
                if last.is_end {
                    search.ends.push(last.id);
                }
                search.finished.push(last.id);
                on_path[last.id.index()] = false;
                path.pop();
                continue;
            };
            if on_path[origin.index()] || !extends(last.id, origin) {
                continue;
            }
            last.is_end = false;
            let from = last.id;
            if let std::collections::btree_map::Entry::Vacant(new) =
                search.reached_from.entry(origin)
            {
                new.insert(Some(from));
                on_path[origin.index()] = true;
                path.push(open(origin));
            }
        }
        search
    }

    /// The way that was taken, from the node to the start.
    pub(super) fn path(&self, id: NodeId) -> Vec<NodeId> {
        let next = |id: &NodeId| self.reached_from.get(id).copied().flatten();
        std::iter::successors(Some(id), next).collect()
    }
}

/// Blames the ends of the anomalous paths from the symptom, by their correlation with it.
///
/// A path goes from a node to an origin that is anomalous (3 healthy standard deviations or more on
/// the worse side) where `extends(node, origin)`.
pub(super) fn blame_ends(
    graph: &TemporalGraph,
    incident: &Incident,
    extends: impl Fn(&Candidate, &Candidate) -> bool,
) -> Result<Ranking, RankError> {
    let target = symptom(graph, incident)?;
    let nodes = strongest(graph, incident, Metrics::Symptom, |series| {
        Deviation::of(series).map(|deviation| (deviation.z, deviation))
    })?;
    // The symptom was noticed: it is searched from, whatever its own deviation.
    let series = |id: NodeId| match nodes.get(&id) {
        Some(scored) => Some(&scored.series),
        None => (id == target.id).then_some(&target),
    };
    let search = DepthFirst::from(graph, target.id, |node, origin| {
        let known = nodes.get(&origin);
        let anomalous = known.filter(|scored| scored.score >= ANOMALOUS_Z);
        let pair = series(node).zip(anomalous);
        pair.is_some_and(|(node, origin)| extends(node, &origin.series))
    });
    let causes = search.ends.iter().filter_map(|id| {
        let end = series(*id)?;
        let r = if *id == target.id {
            1.0
        } else {
            together(end, &target)
        };
        let metric = end.feature.name.clone();
        let shift = nodes.get(id).map(|s| s.detail.evidence(metric.clone()));
        let evidence = shift.into_iter().chain([
            Evidence::Correlation { metric, r },
            Evidence::OriginOfFault {
                anomalous_dependencies: 0,
            },
        ]);
        Some(RankedCause::new(end.key.clone(), r.abs()).because(evidence))
    });
    let mut ranking = Ranking::of(causes.collect());
    for cause in ranking.with_path() {
        let id = graph.id(cause.subject.node());
        cause.path = id.map_or_else(Vec::new, |id| keys(graph, &search.path(id)));
    }
    Ok(ranking)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, service};

    /// Names of the ends of a search from `a` that may go anywhere but into `closed`.
    fn ends(edges: &[(&str, &str)], closed: &str) -> Vec<String> {
        let mut fixture = Fixture::new(1, 1);
        for (from, to) in edges {
            fixture.calls(from, to);
        }
        let graph = fixture.graph();
        let name = |id: NodeId| graph.key(id).unwrap().name.to_string();
        let start = graph.id(&service("a")).unwrap();
        let search = DepthFirst::from(&graph, start, |_, origin| name(origin) != closed);
        let path = |id: &NodeId| search.path(*id).into_iter().map(name).collect::<String>();
        search.ends.iter().map(path).collect()
    }

    #[test]
    fn ends_have_no_origin_to_go_to() {
        let tree = [
            ("a", "b"),
            ("a", "c"),
            ("b", "d"),
            ("c", "d"),
            ("c", "e"),
            ("x", "a"),
        ];
        // `d` is found once, below the first that reaches it.
        assert_eq!(ends(&tree, ""), ["dba", "eca"]);
        assert_eq!(ends(&tree, "d"), ["ba", "eca"]);
        assert_eq!(ends(&tree, "b"), ["dca", "eca"]);
        assert_eq!(ends(&[("b", "a")], ""), ["a"]);
    }

    #[test]
    fn circles_end_where_they_would_close() {
        assert_eq!(
            ends(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "b")], ""),
            ["cba"]
        );
        assert_eq!(ends(&[("a", "a")], ""), ["a"]);
        // `b` goes on to `c`, which was searched before it.
        let loops = [("a", "c"), ("a", "b"), ("c", "d"), ("b", "c"), ("d", "c")];
        assert_eq!(ends(&loops, ""), ["dcba"]);
    }
}
