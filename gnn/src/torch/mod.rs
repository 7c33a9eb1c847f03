//! The layers on libtorch tensors, devices, and training (feature `torch`).
//!
//! * [`GraphTensors`]: a [`Graph`](crate::Graph) on a device, prepared once for every layer.
//! * [`Edges`], [`MessagePassing`]: gather, message, reduce; every layer stands on them, and yours.
//! * [`GcnConv`], [`SageConv`], [`GatConv`], [`GatV2Conv`], [`Linear`]: layers with gradients, of
//!   any float kind, on any device; all are [`GraphLayer`]s and [`Module`]s.
//! * [`RgcnConv`], [`SubtractiveConv`], [`GraphNorm`]: relations, deviation from neighbours, norms.
//! * [`GruCell`], [`LstmCell`], [`NodeGru`], [`TgcnCell`], [`CausalConv`], [`PatchTransformer`]: time.
//! * [`NodeBatch`], [`AttentionReadout`]: many graphs at once, and one row for each.
//! * [`TrainableNetwork`]: a stack of GRU, dense, GCN, SAGE, GAT and `GATv2` layers, from settings; its weights are a
//!   [`Checkpoint`](crate::Checkpoint).
//! * [`DeviceChoice`]: where to compute; `Auto` takes the GPU if there is one. `libtorch_cuda` is
//!   loaded at run time, so one program serves both; [`CudaStatus`] says what was found.
//! * [`explain`]: masks of edges and features that suffice for a score.
//! * [`train`]: training of any module, with checkpoints; [`loss`]: what to train for.
//! * [`pretrain`]: training of encoders without labels; [`few`]: anomalies from few labels.
//! * [`OneClassParams::fit`](crate::OneClassParams::fit): training of the one-class model.
//!
//! Nothing here panics on an error of libtorch: each becomes a [`TorchError`] with the operation
//! and the shapes of its inputs.
//!
//! # Reproducibility
//!
//! On the CPU the same settings, data, libtorch and number of threads give the same weights to the
//! last bit. On CUDA sums run in no fixed order: weights agree to rounding only.
//!
//! The number of threads is left as it is; [`tch::set_num_threads`] and the variable
//! `OMP_NUM_THREADS` set it. For graphs of up to some hundred nodes one thread is as fast as
//! several, and steady where the cores are shared with other programs: there the threads of
//! OpenMP wait for each other by spinning, and a training of a second can take twenty.

mod batch;
mod device;
pub(crate) mod error;
pub mod explain;
pub mod few;
mod graph;
mod kernel;
mod layer;
mod load;
pub mod loss;
mod message;
mod module;
mod network;
pub mod pretrain;
mod state;
pub(crate) mod tensor;
pub mod train;

pub use batch::NodeBatch;
pub use device::{DeviceChoice, DeviceError, TorchDevice};
pub use error::TorchError;
pub use graph::GraphTensors;
pub use layer::{
    AttentionReadout, CausalConv, GatConv, GatV2Conv, GcnConv, GraphNorm, GruCell, Linear,
    LstmCell, LstmState, NodeGru, PatchTransformer, Reconstruction, RgcnConv, SageConv, Sequence,
    SubtractiveConv, TgcnCell, TransformerLayer,
};
pub use load::{CudaStatus, cuda_status};
pub use message::{Edges, Ends, MessagePassing};
pub use module::{ForwardMode, GraphLayer, Init, Module, Visitor, tensor_of};
pub use network::TrainableNetwork;
pub use state::{load_state, state_of};
pub use tch;

pub use crate::graph::Reduce;
