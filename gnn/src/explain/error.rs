//! Why something cannot be explained.

use std::error::Error;

use crate::error::{ConfigError, GraphDataError};
use crate::graph::NeighbourSampleError;

/// A score cannot be explained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// The scorer failed.
    #[error("the scorer failed: {cause}")]
    Scorer {
        /// Its message.
        cause: Box<dyn Error + Send + Sync>,
    },
    /// A scorer gives one score a node.
    #[error("{got} scores of {expected} nodes")]
    ScoreCount {
        /// Nodes of the graph that was scored.
        expected: usize,
        /// Scores given.
        got: usize,
    },
    /// A score is infinite or `NaN`: nothing can be compared with it.
    #[error("the score of node {node} is {score}")]
    NotFinite {
        /// The node.
        node: u32,
        /// Its score.
        score: f64,
    },
    /// One value a feature is needed.
    #[error("{name} of {got} entries for {expected} features")]
    FeatureCount {
        /// What was given: `baseline` or `scale`.
        name: &'static str,
        /// Features of the graph.
        expected: usize,
        /// Entries given.
        got: usize,
    },
    /// The node is not there.
    #[error(transparent)]
    Sample(#[from] NeighbourSampleError),
    /// A changed graph is none, such as one with a baseline that is not finite.
    #[error(transparent)]
    Graph(#[from] GraphDataError),
    /// The settings are not allowed.
    #[error(transparent)]
    Param(#[from] ConfigError),
}
