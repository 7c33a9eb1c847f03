//! The widest path from the symptom to every node that a fault can have come from.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

use astern_graph_core::{NodeId, TemporalGraph};
use astern_stats::order;

/// For each node, how anomalous the weakest node on the best path to it is, and that path.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    /// Width of the best path, and the next node on it towards the symptom.
    found: BTreeMap<NodeId, (f64, Option<NodeId>)>,
    /// The nodes found, widest first: each after all others on its path.
    settled: Vec<NodeId>,
}

/// A node to go on from. The widest comes first, of equally wide ones that with the least id.
#[derive(Debug, Clone, Copy)]
struct Open {
    width: f64,
    id: NodeId,
}

impl Ord for Open {
    fn cmp(&self, other: &Self) -> Ordering {
        order::ascending(self.width, other.width).then_with(|| other.id.cmp(&self.id))
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Open {}

impl Reach {
    /// Widest paths (Pollack 1960) along the directions from which faults can come, where a path
    /// is as wide as the least `anomaly` of the nodes between its ends. `O((V + E) log V)`.
    pub(crate) fn from(
        graph: &TemporalGraph,
        symptom: NodeId,
        anomaly: impl Fn(&NodeId) -> f64,
    ) -> Self {
        let start = Open {
            width: 1.0,
            id: symptom,
        };
        let mut found = BTreeMap::from([(symptom, (start.width, None))]);
        let mut open = BinaryHeap::from([start]);
        let mut settled = Vec::new();
        while let Some(Open { width, id }) = open.pop() {
            if width < found[&id].0 {
                continue; // A wider path was found since, and gone on from.
            }
            settled.push(id);
            let own = if id == symptom { 1.0 } else { anomaly(&id) };
            let width = f64::min(width, own);
            for origin in graph.fault_origins(id) {
                if found.get(&origin).is_none_or(|(known, _)| width > *known) {
                    found.insert(origin, (width, Some(id)));
                    open.push(Open { width, id: origin });
                }
            }
        }
        Self { found, settled }
    }

    /// Width of the best path to a node, 0 when there is none.
    pub(crate) fn width(&self, id: NodeId) -> f64 {
        self.found.get(&id).map_or(0.0, |(width, _)| *width)
    }

    /// The best path, from the node to the symptom.
    pub(crate) fn path(&self, id: NodeId) -> Vec<NodeId> {
        let mut path = vec![id];
        let mut at = id;
        while let Some((_, Some(next))) = self.found.get(&at) {
            path.push(*next);
            at = *next;
        }
        path
    }

    /// Every step `(cause, effect)` that lies on a best path; each after all those between its
    /// effect and the symptom.
    pub(crate) fn steps(&self) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        let next = |id: &NodeId| self.found.get(id).and_then(|(_, next)| *next);
        self.settled
            .iter()
            .filter_map(move |id| next(id).map(|next| (*id, next)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey};
    use proptest::prelude::*;

    fn graph(edges: &[(usize, usize)]) -> TemporalGraph {
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        let key = |i: usize| NodeKey::service(format!("{i:05}"));
        for (from, to) in edges {
            builder.declare_edge(key(*from), key(*to), EdgeKind::Calls);
        }
        builder.build()
    }

    /// The definition, as it was before the heap: the widest open node by a scan of all.
    fn by_scan(
        graph: &TemporalGraph,
        symptom: NodeId,
        anomaly: impl Fn(&NodeId) -> f64,
    ) -> BTreeMap<NodeId, (f64, Option<NodeId>)> {
        let mut found = BTreeMap::from([(symptom, (1.0, None))]);
        let mut open = BTreeSet::from([symptom]);
        while let Some(id) = open
            .iter()
            .copied()
            .max_by(|a, b| order::ascending(found[a].0, found[b].0).then_with(|| b.cmp(a)))
        {
            open.remove(&id);
            let own = if id == symptom { 1.0 } else { anomaly(&id) };
            let width = f64::min(found[&id].0, own);
            for origin in graph.fault_origins(id) {
                if found.get(&origin).is_none_or(|(known, _)| width > *known) {
                    found.insert(origin, (width, Some(id)));
                    open.insert(origin);
                }
            }
        }
        found
    }

    proptest! {
        #[test]
        fn finds_the_paths_of_the_definition(
            edges in prop::collection::vec((0..12_usize, 0..12_usize), 1..60),
            widths in prop::collection::vec(0..4_u8, 12),
        ) {
            let graph = graph(&edges);
            let ids: Vec<NodeId> = graph.ids().collect();
            let anomaly = |id: &NodeId| {
                let at = ids.iter().position(|other| other == id).unwrap();
                f64::from(widths[at]) / 4.0
            };
            let reach = Reach::from(&graph, ids[0], anomaly);
            prop_assert_eq!(&reach.found, &by_scan(&graph, ids[0], anomaly));
            let mut seen = BTreeSet::from([ids[0]]);
            for (cause, effect) in reach.steps() {
                prop_assert!(seen.contains(&effect) && seen.insert(cause));
            }
            prop_assert_eq!(seen.len(), reach.found.len());
        }
    }

    #[test]
    fn a_star_of_many_nodes_is_no_quadratic_scan() {
        // 50,000 nodes are open at once: 1.25e9 comparisons by a scan.
        let edges: Vec<(usize, usize)> = (1..50_000).map(|leaf| (0, leaf)).collect();
        let graph = graph(&edges);
        let centre = graph.ids().next().unwrap();
        let reach = Reach::from(&graph, centre, |_| 0.5);
        assert_eq!(reach.steps().count(), 49_999);
    }
}
