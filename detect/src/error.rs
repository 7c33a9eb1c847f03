//! Errors of fitting and of scoring.

use astern_graph_core::NodeKind;
use astern_stats::ParamError;

/// A detector could not be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// A parameter is outside its rule.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// Too few healthy steps.
    #[error("{have} healthy steps; at least {need} are needed")]
    TooShort {
        /// Steps there are.
        have: usize,
        /// Steps needed.
        need: usize,
    },
    /// No series has enough values to fit.
    #[error("none of {series} series has {need} values while healthy")]
    NoSeries {
        /// Series looked at.
        series: usize,
        /// Values that one needs.
        need: usize,
    },
}

/// A window could not be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// The window is of another kind of node than the detector was fitted on.
    #[error("the detector was fitted on {fitted} nodes, the window has {given} nodes")]
    OtherKind {
        /// Kind at fitting.
        fitted: NodeKind,
        /// Kind of the window.
        given: NodeKind,
    },
}
