//! What can go wrong with a learned detector.

use astern_gnn::{EncodeError, FileError, GraphDataError, OneClassError};
use astern_graph_core::{CodecError, MetricName};

use crate::error::{FitError, ScoreError};

/// A learned detector cannot be trained, fitted, used, written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LearnedError {
    /// The healthy window or a parameter does not do.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The window is not one that the detector can judge.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// The window lacks a feature that the detector was fitted on.
    #[error("the window has no feature `{feature}`, which the detector was fitted on")]
    MissingFeature {
        /// Name of the feature.
        feature: MetricName,
    },
    /// The window makes no snapshots.
    #[error(transparent)]
    Snapshots(#[from] GraphDataError),
    /// The network could not be trained.
    #[error(transparent)]
    Train(#[from] OneClassError),
    /// The network takes other features.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The network could not be written or read.
    #[error(transparent)]
    Network(#[from] FileError),
    /// The detector around the network could not be written or read.
    #[error(transparent)]
    File(#[from] CodecError),
}

impl From<LearnedError> for FitError {
    fn from(error: LearnedError) -> Self {
        match error {
            LearnedError::Fit(error) => error,
            LearnedError::Score(error) => error.into(),
            other => Self::Detector(Box::new(other)),
        }
    }
}

impl From<LearnedError> for ScoreError {
    fn from(error: LearnedError) -> Self {
        match error {
            LearnedError::Score(error) => error,
            other => Self::Detector(Box::new(other)),
        }
    }
}

/// Labels do not have the shape of the scores.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("labels have the shape {labels:?}, scores {scores:?} [steps, nodes]")]
pub struct LabelError {
    /// Shape of the scores.
    pub scores: [usize; 2],
    /// Shape of the labels.
    pub labels: [usize; 2],
}
