//! Why a training failed.

use super::super::TorchError;
use crate::error::ConfigError;
use crate::train::Problem;

/// A training that cannot begin or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The settings are not allowed.
    #[error(transparent)]
    Param(#[from] ConfigError),
    /// The best parameters are to be put back, and nothing says which are best.
    #[error("`restore_best` needs a validation value")]
    NoValidation,
    /// A number stopped being finite.
    #[error("training diverged: {problem} ({value}); a smaller learning rate may help")]
    Diverged {
        /// What was found, and when.
        problem: Problem,
        /// The validation value for [`Problem::Validation`], else the loss of the epoch.
        value: f64,
    },
    /// libtorch refused an operation, or loss or validation failed.
    #[error(transparent)]
    Torch(#[from] TorchError),
}
