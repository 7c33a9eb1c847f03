//! What a training says after each epoch.

use super::super::TorchError;
use super::trainer::Core;
use crate::train::TrainCheckpoint;

/// An epoch that has just ended, as reported to [`Trainer::on_epoch`](super::Trainer::on_epoch).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Epoch<'a> {
    /// Number of the epoch, from 0.
    pub index: usize,
    /// Most epochs there will be.
    pub of: usize,
    /// Mean loss of the steps, each taken before its step.
    pub loss: f64,
    /// Validation value after the last step.
    pub validation: Option<f64>,
    /// Learning rate.
    pub learning_rate: f64,
    /// Joint norm of all gradients before clipping, the greatest of the steps.
    pub gradient_norm: f64,
    /// Whether the watched value is the best so far.
    pub is_best: bool,
    pub(super) core: &'a Core,
}

impl Epoch<'_> {
    /// The training as it is now, to be taken up again; `config` is kept with it, see
    /// [`TrainCheckpoint::config`].
    ///
    /// # Errors
    ///
    /// [`TorchError`] when a tensor cannot be read.
    pub fn checkpoint(&self, config: serde_json::Value) -> Result<TrainCheckpoint, TorchError> {
        self.core.checkpoint(config)
    }
}
