//! The one joined error: which stage failed, and why.

use std::sync::Arc;

use astern_detect::catalogue::DetectionError;
use astern_detect::{FitError, ScoreError};
use astern_graph_core::{CodecError, GraphError};
use astern_rca::RankError;
use astern_rollback_policy::{PlanError, RunError};
use astern_stats::ParamError;

/// A stage of the loop failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter is outside its rule.
    #[error("parameter")]
    Param(#[from] ParamError),
    /// A detector cannot be made of its parameters.
    #[error(transparent)]
    Detection(DetectionError),
    /// Two detectors have one name.
    #[error("there are two detectors `{name}`")]
    SameDetector {
        /// The name.
        name: Arc<str>,
    },
    /// There is no detector, so nothing could ever be judged.
    #[error("there is no detector")]
    NoDetector,
    /// The graph could not answer.
    #[error("graph")]
    Graph(#[from] GraphError),
    /// The baseline could not be learnt.
    #[error("baseline")]
    Fit(#[from] FitError),
    /// A window could not be judged.
    #[error("assessment")]
    Score(#[from] ScoreError),
    /// The causes could not be ranked.
    #[error("diagnosis")]
    Rank(#[from] RankError),
    /// No plan could be made.
    #[error("plan")]
    Plan(#[from] PlanError),
    /// The run refused an answer.
    #[error("run")]
    Run(#[from] RunError),
    /// A stored state could not be read or written.
    #[error("state")]
    Codec(#[from] CodecError),
}

impl From<DetectionError> for Error {
    fn from(error: DetectionError) -> Self {
        match error {
            DetectionError::Param(error) => Self::Param(error),
            error => Self::Detection(error),
        }
    }
}
