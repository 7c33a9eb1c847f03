//! Which subjects a detector is about.

use std::fmt;

use astern_graph_core::{EdgeKind, NodeKind};
use serde::{Deserialize, Serialize};

/// All nodes, or all edges, of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Subjects {
    /// Nodes of a kind.
    Nodes(NodeKind),
    /// Edges of a kind.
    Edges(EdgeKind),
}

/// Services: what is released.
impl Default for Subjects {
    fn default() -> Self {
        Self::Nodes(NodeKind::Service)
    }
}

impl From<NodeKind> for Subjects {
    fn from(kind: NodeKind) -> Self {
        Self::Nodes(kind)
    }
}

impl From<EdgeKind> for Subjects {
    fn from(kind: EdgeKind) -> Self {
        Self::Edges(kind)
    }
}

impl fmt::Display for Subjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nodes(kind) => write!(f, "nodes of kind {kind}"),
            Self::Edges(kind) => write!(f, "edges of kind {kind}"),
        }
    }
}
