//! What can go wrong when a one-class model is fitted.

use super::Collapse;
use crate::error::{ConfigError, EncodeError};
use crate::scale::ScaleError;

/// Why a one-class model could not be fitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OneClassError {
    /// The settings are not allowed.
    #[error(transparent)]
    Param(#[from] ConfigError),
    /// A feature cannot be standardised.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// Every value is missing.
    #[error("no value in {snapshots} snapshots of {nodes} nodes")]
    NoObservation {
        /// Snapshots given.
        snapshots: usize,
        /// Nodes given.
        nodes: usize,
    },
    /// The network does not take the data.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The network maps all data to one point, so that its score says nothing.
    #[error("the embedding collapsed: {0}")]
    Collapsed(Collapse),
    /// Loss or weights stopped being finite.
    #[error("training diverged in epoch {epoch}: loss {loss}; a smaller learning rate may help")]
    Diverged {
        /// Epoch, from 0.
        epoch: usize,
        /// Loss of that epoch.
        loss: f64,
    },
    /// The device cannot be used.
    #[cfg(feature = "torch")]
    #[error(transparent)]
    Device(#[from] crate::torch::DeviceError),
    /// libtorch refused an operation.
    #[cfg(feature = "torch")]
    #[error(transparent)]
    Torch(#[from] crate::torch::TorchError),
}
