//! A graph as it is stored, and as a builder hands it out.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::TemporalGraph;
use crate::store::{Content, Layout, Plan, Store};

impl TemporalGraph {
    /// The graph of all that a builder holds.
    pub(crate) fn of(store: &Store) -> Self {
        let plan = store.plan();
        Self {
            params: Arc::clone(&store.params),
            layout: Arc::clone(&plan.layout),
            nodes: Plan::values(&plan.node_slots, &store.nodes),
            edge_states: Plan::values(&plan.edge_slots, &store.edges),
            changes: Arc::clone(&store.changes),
            call_steps: Arc::clone(&store.call_steps),
            instances: OnceLock::new(),
        }
    }
}

impl From<&TemporalGraph> for Content {
    fn from(graph: &TemporalGraph) -> Self {
        let nodes = graph
            .keys()
            .iter()
            .cloned()
            .zip(graph.nodes.iter().cloned());
        let edges = graph.edges().zip(&graph.edge_states);
        Self {
            params: Arc::clone(&graph.params),
            nodes: nodes.collect(),
            edges: edges
                .map(|((from, to, kind), state)| (from.0, to.0, kind, Arc::clone(state)))
                .collect(),
            changes: Arc::clone(&graph.changes),
            call_steps: Arc::clone(&graph.call_steps),
        }
    }
}

impl From<Content> for TemporalGraph {
    fn from(content: Content) -> Self {
        let places = content
            .edges
            .iter()
            .map(|(from, to, kind, _)| (*from, *to, *kind));
        let (keys, nodes) = content.nodes.into_iter().unzip();
        Self {
            layout: Arc::new(Layout::new(keys, places)),
            params: content.params,
            nodes,
            edge_states: content.edges.into_iter().map(|(.., state)| state).collect(),
            changes: content.changes,
            call_steps: content.call_steps,
            instances: OnceLock::new(),
        }
    }
}

/// All that it holds, in the order of its keys.
impl Serialize for TemporalGraph {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Content::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TemporalGraph {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Content::deserialize(deserializer).map(Self::from)
    }
}
