//! What to draw, and how.

use std::collections::{BTreeMap, BTreeSet};

use crate::edge::EdgeKind;
use crate::key::{NodeKey, NodeKind};

/// What a drawing shows. Every value is valid.
///
/// | parameter | default | meaning |
/// |---|---|---|
/// | `node_kinds` | all | kinds of nodes that are drawn |
/// | `edge_kinds` | all | kinds of edges that are drawn, where both ends are |
/// | `only` | every node | the nodes that may be drawn at all, such as a neighbourhood |
/// | `edge_labels` | [`EdgeLabels::NotCalls`] | which edges say their kind |
/// | `grouped` | true | instances stand in a frame together with their service |
/// | `nodes_max` | 200 | further nodes are told as a number: marked nodes first, then by key |
/// | `edges_max` | 500 | further edges are told as a number; Mermaid by default draws no more |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportParams {
    pub(super) node_kinds: Option<BTreeSet<NodeKind>>,
    pub(super) edge_kinds: Option<BTreeSet<EdgeKind>>,
    pub(super) only: Option<BTreeSet<NodeKey>>,
    pub(super) marks: BTreeMap<NodeKey, Mark>,
    pub(super) edge_labels: EdgeLabels,
    pub(super) grouped: bool,
    pub(super) nodes_max: u32,
    pub(super) edges_max: u32,
}

/// Why a node is highlighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Mark {
    /// It is held to be a cause: red.
    Cause,
    /// It suffers: yellow.
    Symptom,
    /// It has changed: blue.
    Changed,
}

/// Which edges say their kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EdgeLabels {
    /// None.
    None,
    /// All but calls.
    NotCalls,
    /// All.
    All,
}

impl Mark {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Cause => "cause",
            Self::Symptom => "symptom",
            Self::Changed => "changed",
        }
    }

    /// Colour behind black letters.
    pub(super) fn fill(self) -> &'static str {
        match self {
            Self::Cause => "#f4a3a3",
            Self::Symptom => "#fbe3a4",
            Self::Changed => "#b9d9f5",
        }
    }
}

impl Default for ExportParams {
    fn default() -> Self {
        Self {
            node_kinds: None,
            edge_kinds: None,
            only: None,
            marks: BTreeMap::new(),
            edge_labels: EdgeLabels::NotCalls,
            grouped: true,
            nodes_max: 200,
            edges_max: 500,
        }
    }
}

impl ExportParams {
    /// With nodes of these kinds alone.
    #[must_use]
    pub fn node_kinds(mut self, kinds: impl IntoIterator<Item = NodeKind>) -> Self {
        self.node_kinds = Some(kinds.into_iter().collect());
        self
    }

    /// With edges of these kinds alone.
    #[must_use]
    pub fn edge_kinds(mut self, kinds: impl IntoIterator<Item = EdgeKind>) -> Self {
        self.edge_kinds = Some(kinds.into_iter().collect());
        self
    }

    /// With these nodes alone, and the edges among them.
    #[must_use]
    pub fn only(mut self, nodes: impl IntoIterator<Item = NodeKey>) -> Self {
        self.only = Some(nodes.into_iter().collect());
        self
    }

    /// With these nodes highlighted, besides those that are. Of several marks on one node the
    /// first in the order of [`Mark`] is shown.
    #[must_use]
    pub fn mark(mut self, mark: Mark, nodes: impl IntoIterator<Item = NodeKey>) -> Self {
        for node in nodes {
            let shown = self.marks.entry(node).or_insert(mark);
            *shown = mark.min(*shown);
        }
        self
    }

    /// With other edges saying their kind.
    #[must_use]
    pub fn edge_labels(mut self, labels: EdgeLabels) -> Self {
        self.edge_labels = labels;
        self
    }

    /// With or without frames that hold a service and its instances.
    #[must_use]
    pub fn grouped(mut self, grouped: bool) -> Self {
        self.grouped = grouped;
        self
    }

    /// With another greatest number of nodes.
    #[must_use]
    pub fn nodes_max(mut self, nodes: u32) -> Self {
        self.nodes_max = nodes;
        self
    }

    /// With another greatest number of edges.
    #[must_use]
    pub fn edges_max(mut self, edges: u32) -> Self {
        self.edges_max = edges;
        self
    }
}
