//! Networks as data, and scoring them in pure Rust.
//!
//! * [`NetworkConfig`]: which layers there are, checked once; JSON by serde.
//! * [`Checkpoint`]: settings and weights, as checksummed bytes.
//! * [`Network`]: runs a checkpoint in `f32` or `f64` without libtorch.
//! * [`PreparedGraph`]: what the layers need of a graph, worked out once.
//! * `onnx` (feature `onnx`): a checkpoint as an ONNX file, for inference servers.
//!
//! Training is `torch::Network`'s (feature `torch`): it is made of the same settings, and its weights
//! become a checkpoint.
//!
//! # Same bytes everywhere
//!
//! The same checkpoint and graph give the same bytes on every machine of one target, whatever its
//! processor: sums have one order, products are rounded before they are added, and the exponential
//! function is this crate's own. Against libtorch results agree to rounding.

mod activation;
mod checkpoint;
mod config;
mod initial;
mod network;
#[cfg(feature = "onnx")]
pub mod onnx;

pub use crate::kernel::Real;
pub use crate::layer::PreparedGraph;
pub use activation::Activation;
pub use checkpoint::Checkpoint;
pub use config::{LayerConfig, NetworkConfig};
#[cfg(feature = "torch")]
pub(crate) use initial::uniform;
pub use network::Network;
