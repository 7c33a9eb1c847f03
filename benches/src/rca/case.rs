//! One incident with a known cause, whatever it was read from or made by.

use std::path::{Path, PathBuf};

use astern_graph_core::{GraphError, NodeKey, TemporalGraph, TimeError};
use astern_rca::{Incident, RankError};
use astern_sim::SimError;
use astern_stats::ParamError;
use astern_traces::ParseError;

use crate::petshop::DataError;
use crate::simulated::SimulatedError;

/// An incident, ready to be ranked.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// What people call it.
    pub(super) name: String,
    /// What was wrong, as the tables group cases.
    pub(super) kind: String,
    pub(super) graph: TemporalGraph,
    pub(super) incident: Incident,
    pub(super) cause: NodeKey,
    /// Number of nodes that a random order would draw from.
    pub(super) candidates: usize,
}

/// Why there is no table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
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
    #[error("{} is refused", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ParseError,
    },
    /// The pet shop's data.
    #[error(transparent)]
    PetShop(#[from] DataError),
    /// A simulation or its guard.
    #[error(transparent)]
    Simulated(#[from] SimulatedError),
    /// A graph cannot answer.
    #[error(transparent)]
    Graph(#[from] GraphError),
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

impl From<SimError> for EvalError {
    fn from(source: SimError) -> Self {
        Self::Simulated(source.into())
    }
}

pub(super) fn unreadable(
    path: &Path,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> EvalError {
    EvalError::Read {
        path: path.to_owned(),
        source: source.into(),
    }
}

pub(super) fn misshapen(path: &Path, problem: impl Into<String>) -> EvalError {
    EvalError::Shape {
        path: path.to_owned(),
        problem: problem.into(),
    }
}
