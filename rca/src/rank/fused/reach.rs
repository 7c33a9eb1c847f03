//! The widest path from the symptom to every node that a fault can have come from.

use std::collections::{BTreeMap, BTreeSet};

use astern_graph_core::{NodeId, TemporalGraph};
use astern_stats::order;

/// For each node, how anomalous the weakest node on the best path to it is, and that path.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    /// Width of the best path, and the next node on it towards the symptom.
    found: BTreeMap<NodeId, (f64, Option<NodeId>)>,
}

impl Reach {
    /// Widest paths (Pollack 1960) along the directions from which faults can come, where a path
    /// is as wide as the least `anomaly` of the nodes between its ends. `O(V² + E)`.
    pub(super) fn from(
        graph: &TemporalGraph,
        symptom: NodeId,
        anomaly: impl Fn(&NodeId) -> f64,
    ) -> Self {
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
        Self { found }
    }

    /// Width of the best path to a node, 0 when there is none.
    pub(super) fn width(&self, id: NodeId) -> f64 {
        self.found.get(&id).map_or(0.0, |(width, _)| *width)
    }

    /// The best path, from the node to the symptom.
    pub(super) fn path(&self, id: NodeId) -> Vec<NodeId> {
        let mut path = vec![id];
        let mut at = id;
        while let Some((_, Some(next))) = self.found.get(&at) {
            path.push(*next);
            at = *next;
        }
        path
    }

    /// Every step `(cause, effect)` that lies on a best path.
    pub(super) fn steps(&self) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        self.found
            .iter()
            .filter_map(|(id, (_, next))| next.map(|next| (*id, next)))
    }
}
