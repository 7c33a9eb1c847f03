//! Why a suite has no table.

use std::path::{Path, PathBuf};

use astern::policy::{PlanError, RunError};
use astern_graph_core::{CodecError, GraphError, TimeError};
use astern_rca::RankError;
use astern_sim::SimError;
use astern_sim::export::ExportError;
use astern_stats::ParamError;
use astern_traces::ParseError;

/// Why a suite has no table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file does not look as documented.
    #[error("{}: {problem}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A document of traces is refused.
    #[error("{} is refused: {cause}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: ParseError,
    },
    /// The simulator refuses a scenario.
    #[error(transparent)]
    Sim(#[from] SimError),
    /// A guard refuses its parameters or an answer.
    #[error(transparent)]
    Guard(#[from] astern::Error),
    /// A graph cannot answer.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A planner makes no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A run does not take an answer.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Records are not written or read back.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A state is not stored.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A document of traces that is made here is refused.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A simulated platform does not do what a control asks for.
    #[error("a control's action was not done: {outcome}")]
    Control {
        /// What the platform answered.
        outcome: String,
    },
    /// A range of time is none.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// A ranker cannot answer.
    #[error(transparent)]
    Rank(#[from] RankError),
    /// A parameter is outside its rule.
    #[error(transparent)]
    Param(#[from] ParamError),
}

pub(crate) fn unreadable(
    path: &Path,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> EvalError {
    EvalError::Read {
        path: path.to_owned(),
        cause: cause.into(),
    }
}

pub(crate) fn misshapen(path: &Path, problem: impl Into<String>) -> EvalError {
    EvalError::Shape {
        path: path.to_owned(),
        problem: problem.into(),
    }
}

pub(crate) fn refused(path: &Path, cause: ParseError) -> EvalError {
    EvalError::Refused {
        path: path.to_owned(),
        cause,
    }
}
