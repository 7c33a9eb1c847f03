//! Errors of fitting and of scoring.

use astern_graph_core::GraphError;
use astern_stats::ParamError;

use crate::Subjects;

/// A detector could not be fitted.
#[derive(Debug, thiserror::Error)]
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
    /// The graph has no window of the healthy range.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The healthy steps that calibrate could not be scored.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// What only this detector can meet.
    #[error(transparent)]
    Detector(Box<dyn std::error::Error + Send + Sync>),
}

/// Telemetry could not be scored or judged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// The window is of other subjects than the detector was fitted on.
    #[error("the detector was fitted on {fitted}, the window has {given}")]
    OtherKind {
        /// Subjects at fitting.
        fitted: Subjects,
        /// Subjects of the window.
        given: Subjects,
    },
    /// The axes of scores do not fit together.
    #[error("scores have the shape {values:?}, their axes {axes:?} [steps, subjects, metrics]")]
    Shape {
        /// Shape of the scores.
        values: [usize; 3],
        /// Lengths of the axes.
        axes: [usize; 3],
    },
    /// The graph has no window of the range.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// What only this detector can meet.
    #[error(transparent)]
    Detector(Box<dyn std::error::Error + Send + Sync>),
}
