//! Graph neural networks on public data (feature `torch`).

pub mod cora;
pub mod explain;
pub mod npz;
pub mod pretrain;
