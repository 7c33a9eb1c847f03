//! What to draw, and how.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::edge::EdgeKind;
use crate::key::{NodeKey, NodeKind};

/// What a drawing shows. Every value is valid.
///
/// | parameter | default | meaning |
/// |---|---|---|
/// | `node_kinds` | all | kinds of nodes that are drawn |
/// | `edge_kinds` | all | kinds of edges that are drawn, where both ends are |
/// | `only` | every node | the nodes that may be drawn at all, such as a neighbourhood |
/// | `marks` | none | nodes that are highlighted, and why |
/// | `edge_labels` | [`EdgeLabels::NotCalls`] | which edges say their kind |
/// | `grouped` | true | instances stand in a frame together with their service |
/// | `nodes_max` | 200 | further nodes are given as a number: marked nodes first, then by key |
/// | `edges_max` | 500 | further edges are given as a number; Mermaid by default draws no more |
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

astern_stats::setters!(ExportParams {
    /// Draws nodes of these kinds alone.
    node_kinds: BTreeSet<NodeKind>,
    /// Draws edges of these kinds alone.
    edge_kinds: BTreeSet<EdgeKind>,
    /// Draws these nodes alone, and the edges among them.
    only: BTreeSet<NodeKey>,
    /// Sets which edges say their kind.
    edge_labels: EdgeLabels,
    /// Sets whether frames hold a service and its instances.
    grouped: bool,
    /// Sets the greatest number of nodes.
    nodes_max: u32,
    /// Sets the greatest number of edges.
    edges_max: u32,
});

impl ExportParams {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_only_what_differs() {
        let read = |json| serde_json::from_str::<ExportParams>(json);
        assert_eq!(read("{}").unwrap(), ExportParams::default());
        let json = r#"{"node_kinds": ["service"], "marks": {"service/web": "cause"}, "edge_labels": "all"}"#;
        let params = ExportParams::default()
            .node_kinds([NodeKind::Service].into())
            .mark(Mark::Cause, [NodeKey::service("web")])
            .edge_labels(EdgeLabels::All);
        assert_eq!(read(json).unwrap(), params);
        let whole = serde_json::to_string(&params).unwrap();
        assert_eq!(read(&whole).unwrap(), params);
        let text = read(r#"{"node_max": 3}"#).unwrap_err().to_string();
        assert!(text.contains("unknown field `node_max`"), "{text}");
    }
}
