//! Graph neural networks on public data (feature `torch`).

pub mod cora;
pub mod npz;
pub mod pretrain;
