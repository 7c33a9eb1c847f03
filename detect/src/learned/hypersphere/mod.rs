//! A hypersphere around healthy embeddings of a graph neural network.

mod calibration;
mod file;
mod fitted;
mod judge;
mod networks;
mod params;
#[cfg(feature = "torch")]
mod train;

pub use fitted::Hypersphere;
pub use params::{HypersphereParams, Network};
