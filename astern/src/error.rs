//! The one joined error: which stage failed, and why.

use astern_detect::{FitError, ScoreError};
use astern_graph_core::{CodecError, GraphError};
use astern_rca::RankError;
use astern_rca::symptom::IncidentError;
use astern_rollback_policy::{PlanError, RunError};
use astern_stats::ParamError;

/// A stage of the loop failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter is outside its rule.
    #[error("parameter")]
    Param(#[from] ParamError),
    /// The graph could not answer.
    #[error("graph")]
    Graph(#[from] GraphError),
    /// The baseline could not be learnt.
    #[error("baseline")]
    Fit(#[from] FitError),
    /// A window could not be judged.
    #[error("assessment")]
    Score(#[from] ScoreError),
    /// The incident to diagnose could not be made.
    #[error("incident")]
    Incident(#[from] IncidentError),
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
