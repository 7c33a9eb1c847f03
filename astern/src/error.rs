//! The one joined error: which stage failed, and why.

use std::sync::Arc;

use astern_detect::catalogue::DetectionError;
use astern_detect::{FitError, ScoreError};
use astern_graph_core::{CodecError, GraphError, RestoreError, visible};
use astern_rca::RankError;
use astern_rca::symptom::IncidentError;
use astern_rollback_policy::{PlanError, PlanId, RunError};
use astern_stats::ParamError;

use crate::guard::ClockError;

/// A stage of the loop failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter is outside its rule.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// A detector cannot be made of its parameters.
    #[error(transparent)]
    Detection(DetectionError),
    /// Two detectors have one name.
    #[error("there are two detectors `{}`", visible(.name))]
    SameDetector {
        /// The name.
        name: Arc<str>,
    },
    /// There is no detector, so nothing could ever be judged.
    #[error("there is no detector")]
    NoDetector,
    /// The graph could not answer.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The baseline could not be learnt.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// A window could not be judged.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// The incident to diagnose could not be made.
    #[error(transparent)]
    Incident(#[from] IncidentError),
    /// The causes could not be ranked.
    #[error(transparent)]
    Rank(#[from] RankError),
    /// No plan could be made.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The time cannot be right; nothing was changed.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The run refused an answer.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A plan does not wait for a person's word, or no longer.
    #[error("plan {plan} waits for no word")]
    NotProposed {
        /// Which plan.
        plan: PlanId,
    },
    /// A stored state could not be read or written.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The state could not be stored, so requests were withheld.
    #[error("{withheld} requests are withheld, since the state could not be stored: {cause}")]
    Store {
        /// Requests that are not to be sent.
        withheld: usize,
        /// What stands against storing.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A stored state cannot be taken over under the parameters of its new holder.
    #[error(transparent)]
    Restore(#[from] RestoreError),
}

impl From<DetectionError> for Error {
    fn from(error: DetectionError) -> Self {
        match error {
            DetectionError::Param(error) => Self::Param(error),
            error => Self::Detection(error),
        }
    }
}
