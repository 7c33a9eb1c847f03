//! Kinds of edges and the one table of how faults travel along them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::key::NodeKey;

/// Kind of an edge `u → v`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EdgeKind {
    /// u calls v and waits for it.
    Calls,
    /// u runs on v.
    RunsOn,
    /// u reads from v.
    Reads,
    /// u writes to v.
    Writes,
    /// u publishes to v.
    Publishes,
    /// u consumes from v.
    Consumes,
}

/// Which way a fault crosses an edge `source → target`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultFlow {
    /// A faulty target hurts its source: the caller of a slow callee is slow.
    TargetToSource,
    /// Either end hurts the other: a flooding writer hurts the store, a slow store the writer.
    Both,
}

impl EdgeKind {
    /// How faults travel along this kind of edge. Every tracer and every default of message
    /// passing goes by this table and by no other.
    pub fn fault_flow(self) -> FaultFlow {
        match self {
            Self::Calls | Self::Reads | Self::RunsOn | Self::Consumes => FaultFlow::TargetToSource,
            Self::Writes | Self::Publishes => FaultFlow::Both,
        }
    }
}

impl fmt::Display for EdgeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Calls => "calls",
            Self::RunsOn => "runs on",
            Self::Reads => "reads",
            Self::Writes => "writes",
            Self::Publishes => "publishes",
            Self::Consumes => "consumes",
        })
    }
}

/// An edge by its ends and kind: the stable identity of an edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Link {
    /// Source of the edge: the caller.
    pub from: NodeKey,
    /// Target of the edge: the callee.
    pub to: NodeKey,
    /// Its kind.
    pub kind: EdgeKind,
}

impl Link {
    /// The edge `from → to` of a kind.
    pub fn new(from: NodeKey, to: NodeKey, kind: EdgeKind) -> Self {
        Self { from, to, kind }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {} {}", self.from, self.kind, self.to))
    }
}

impl From<Link> for Subject {
    fn from(Link { from, to, kind }: Link) -> Self {
        Self::Edge { from, to, kind }
    }
}

/// What a sample, an anomaly or a cause is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A node.
    Node(NodeKey),
    /// An edge.
    Edge {
        /// Source of the edge: the caller.
        from: NodeKey,
        /// Target of the edge: the callee.
        to: NodeKey,
        /// Its kind.
        kind: EdgeKind,
    },
}

impl Subject {
    /// The node that is responsible: the node itself, or the target of the edge.
    pub fn node(&self) -> &NodeKey {
        match self {
            Self::Node(key) => key,
            Self::Edge { to, .. } => to,
        }
    }
}

impl From<NodeKey> for Subject {
    fn from(key: NodeKey) -> Self {
        Self::Node(key)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(key) => key.fmt(f),
            Self::Edge { from, to, kind } => f.pad(&format!("{from} {kind} {to}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_travel_as_the_design_says() {
        let both = [EdgeKind::Writes, EdgeKind::Publishes];
        let back = [
            EdgeKind::Calls,
            EdgeKind::Reads,
            EdgeKind::RunsOn,
            EdgeKind::Consumes,
        ];
        assert!(both.iter().all(|k| k.fault_flow() == FaultFlow::Both));
        assert!(
            back.iter()
                .all(|k| k.fault_flow() == FaultFlow::TargetToSource)
        );
    }
}
