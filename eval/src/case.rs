//! One incident with a known cause, whatever it was read from or made by.

use astern_graph_core::{NodeKey, TemporalGraph};
use astern_rca::Incident;

/// An incident, ready to be ranked.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// What people call it.
    pub(crate) name: String,
    /// What was wrong, as the tables group cases.
    pub(crate) kind: String,
    pub(crate) graph: TemporalGraph,
    pub(crate) incident: Incident,
    pub(crate) cause: NodeKey,
    /// Number of nodes that a random order would draw from.
    pub(crate) candidates: usize,
    /// Nodes in the order of the data's columns; empty where the data has none.
    pub(crate) columns: Vec<NodeKey>,
}
