//! A hypersphere around healthy embeddings of a graph neural network.

mod detector;
mod fitted;
mod model;
mod params;
#[cfg(feature = "torch")]
mod train;

pub use fitted::Hypersphere;
pub use model::HypersphereModel;
pub use params::{HypersphereParams, NetworkRole};
