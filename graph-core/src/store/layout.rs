//! Which nodes and edges there are, in the order of their keys: shared by all graphs that are built
//! until one comes or goes.

use std::hash::Hash;
use std::sync::Arc;

use petgraph::graph::{DiGraph, NodeIndex};

use super::{EdgeKey, EdgeState, NodeState, Slot, Table};
use crate::edge::EdgeKind;
use crate::key::{NodeId, NodeKey};

/// Keys in order, and the edges between them in the order of their ends and kinds: the place of a
/// node or edge in the digraph is its place in that order.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    pub(crate) keys: Vec<NodeKey>,
    pub(crate) digraph: DiGraph<(), EdgeKind, u32>,
}

impl Layout {
    /// Of sorted keys and sorted edges by the places of their ends.
    pub(crate) fn new(
        keys: Vec<NodeKey>,
        edges: impl ExactSizeIterator<Item = (u32, u32, EdgeKind)>,
    ) -> Self {
        let mut digraph = DiGraph::with_capacity(keys.len(), edges.len());
        for _ in &keys {
            digraph.add_node(());
        }
        for (from, to, kind) in edges {
            digraph.add_edge(NodeIndex::from(from), NodeIndex::from(to), kind);
        }
        Self { keys, digraph }
    }

    pub(crate) fn id(&self, key: &NodeKey) -> Option<NodeId> {
        let index = self.keys.binary_search(key).ok()?;
        u32::try_from(index).ok().map(NodeId)
    }

    /// Place of an edge.
    pub(crate) fn edge(&self, from: &NodeKey, to: &NodeKey, kind: EdgeKind) -> Option<usize> {
        let wanted = (self.id(from)?.index(), self.id(to)?.index(), kind);
        let edges = self.digraph.raw_edges();
        let place = |edge: &petgraph::graph::Edge<EdgeKind>| {
            (edge.source().index(), edge.target().index(), edge.weight)
        };
        edges.binary_search_by_key(&wanted, place).ok()
    }
}

/// A layout, and where a builder holds what belongs to it.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) layout: Arc<Layout>,
    pub(crate) node_slots: Vec<Slot>,
    pub(crate) edge_slots: Vec<Slot>,
}

impl Plan {
    pub(crate) fn of(nodes: &Table<NodeKey, NodeState>, edges: &Table<EdgeKey, EdgeState>) -> Self {
        let node_slots = nodes.sorted();
        let mut places = vec![0_u32; node_slots.iter().max().map_or(0, |max| *max as usize + 1)];
        for (place, slot) in (0..).zip(&node_slots) {
            places[*slot as usize] = place;
        }
        let place = |(from, to, kind): EdgeKey| {
            let [from, to] = [from, to].map(|slot| places.get(slot as usize).copied());
            (from.unwrap_or_default(), to.unwrap_or_default(), kind)
        };
        let mut placed: Vec<(EdgeKey, Slot)> = edges
            .entries()
            .map(|(key, slot)| (place(*key), slot))
            .collect();
        placed.sort_unstable();
        let keys = node_slots.iter().filter_map(|slot| nodes.get(*slot));
        let keys = keys.map(|(key, _)| key.clone()).collect();
        let layout = Layout::new(keys, placed.iter().map(|(edge, _)| *edge));
        Self {
            layout: Arc::new(layout),
            node_slots,
            edge_slots: placed.into_iter().map(|(_, slot)| slot).collect(),
        }
    }

    /// What these slots hold.
    pub(crate) fn values<K, V>(slots: &[Slot], table: &Table<K, V>) -> Vec<Arc<V>>
    where
        K: Clone + Eq + Hash + Ord,
        V: Clone + Default,
    {
        let held = slots.iter().filter_map(|slot| table.get(*slot));
        held.map(|(_, value)| Arc::clone(value)).collect()
    }
}
