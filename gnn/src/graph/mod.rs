//! Graphs as data, checked once, without libtorch.
//!
//! * [`EdgeIndex`]: who sends messages to whom, sorted by receiver.
//! * [`Graph`]: features of nodes and edges on an edge index.
//! * [`SelfLoops`] and [`Propagation`]: the edges that a layer really runs on.
//! * [`Batch`]: several graphs as one.
//! * [`NodeSplit`]: which nodes a model learns from and is tested on.
//! * [`k_hop`] and [`NeighbourSampler`]: the [`Subgraph`] that some nodes receive from.
//! * [`GraphSnapshots`]: features of the same nodes at several times.
//! * [`GraphWindow`]: windows of telemetry as graphs, messages in the direction of a
//!   [`MessageFlow`].

mod batch;
mod coalesce;
mod data;
mod degree;
mod edge_index;
mod k_hop;
mod missing;
mod propagation;
mod sample;
mod snapshots;
mod split;
mod subgraph;
mod temporal;

pub use batch::Batch;
pub use coalesce::Reduce;
pub use data::Graph;
pub use edge_index::EdgeIndex;
pub use k_hop::k_hop;
pub use missing::Missing;
pub use propagation::{Propagation, SelfLoops};
pub use sample::NeighbourSampler;
pub use snapshots::GraphSnapshots;
pub use split::{NodeSplit, SplitError};
pub use subgraph::{NeighbourSampleError, Subgraph};
pub use temporal::{GraphWindow, MessageFlow, WindowError, message_edges};
