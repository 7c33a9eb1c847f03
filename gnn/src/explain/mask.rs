//! What a learned mask says.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much of one edge a learned mask keeps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EdgeImportance {
    /// Place of the edge in the graph's [`EdgeIndex`](crate::EdgeIndex).
    pub edge: u32,
    /// Its sender.
    pub source: u32,
    /// Its receiver.
    pub target: u32,
    /// From 0 to 1; 0 where the edge does not reach the node.
    pub importance: f64,
}

/// How much of one feature a learned mask keeps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FeatureImportance {
    /// The node; `None` where the mask is common to all nodes.
    pub node: Option<u32>,
    /// The feature; `None` where the mask is of whole nodes.
    pub feature: Option<usize>,
    /// From 0 to 1; 0 where the feature does not reach the node.
    pub importance: f64,
}

/// Learned masks, the most important first; ties by edge, node and feature.
///
/// Importances are a ranking, not effects: [`AblationParams`](super::AblationParams) gives those.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MaskExplanation {
    /// The node that is explained.
    pub node: u32,
    /// Every edge.
    pub edges: Vec<EdgeImportance>,
    /// Every entry of the feature mask; none without one.
    pub features: Vec<FeatureImportance>,
    /// Loss of each epoch.
    pub losses: Vec<f64>,
}

#[cfg(feature = "torch")]
impl MaskExplanation {
    /// Sorts what was found.
    pub(crate) fn ranked(
        node: u32,
        mut edges: Vec<EdgeImportance>,
        mut features: Vec<FeatureImportance>,
        losses: Vec<f64>,
    ) -> Self {
        use astern_stats::order::descending;
        // Stable sorts: what comes in order stays so.
        edges.sort_by(|a, b| descending(a.importance, b.importance));
        features.sort_by(|a, b| descending(a.importance, b.importance));
        Self {
            node,
            edges,
            features,
            losses,
        }
    }
}

impl fmt::Display for MaskExplanation {
    /// The five edges and features that matter most.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}", self.node)?;
        for e in self.edges.iter().take(5) {
            let (source, target) = (e.source, e.target);
            write!(f, "\n  edge {source} -> {target}: {:.3}", e.importance)?;
        }
        for x in self.features.iter().take(5) {
            let node = x.node.map_or_else(|| "any".into(), |n| n.to_string());
            let feature = x.feature.map_or_else(|| "any".into(), |n| n.to_string());
            let importance = x.importance;
            write!(f, "\n  feature {feature} of node {node}: {importance:.3}")?;
        }
        Ok(())
    }
}
