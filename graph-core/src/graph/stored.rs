//! A graph as it is stored, and as a builder hands it out.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ChangeIndex, TemporalGraph};
use crate::params::GraphParams;
use crate::schema::FeatureCatalogue;
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
            change_index: ChangeIndex::default(),
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
            step: graph.params.step,
            nodes: nodes.collect(),
            edges: edges
                .map(|((from, to, kind), state)| (from.0, to.0, kind, Arc::clone(state)))
                .collect(),
            changes: Arc::clone(&graph.changes),
            call_steps: Arc::clone(&graph.call_steps),
        }
    }
}

/// A graph as it is stored: what it holds, and what the metrics in it mean.
#[derive(Serialize, Deserialize)]
struct Stored {
    catalogue: FeatureCatalogue,
    content: Content,
}

impl From<Stored> for TemporalGraph {
    fn from(Stored { catalogue, content }: Stored) -> Self {
        let places = content
            .edges
            .iter()
            .map(|(from, to, kind, _)| (*from, *to, *kind));
        let (keys, nodes) = content.nodes.into_iter().unzip();
        let params = GraphParams::default()
            .step(content.step)
            .catalogue(catalogue);
        Self {
            layout: Arc::new(Layout::new(keys, places)),
            params: Arc::new(params),
            nodes,
            edge_states: content.edges.into_iter().map(|(.., state)| state).collect(),
            changes: content.changes,
            call_steps: content.call_steps,
            instances: OnceLock::new(),
            change_index: ChangeIndex::default(),
        }
    }
}

/// All that it holds, in the order of its keys.
impl Serialize for TemporalGraph {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = Stored {
            catalogue: self.params.catalogue.clone(),
            content: Content::from(self),
        };
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TemporalGraph {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Stored::deserialize(deserializer).map(Self::from)
    }
}
