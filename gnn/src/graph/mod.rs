//! Graphs as data, checked once, without libtorch.
//!
//! * [`EdgeIndex`]: who sends messages to whom, sorted by receiver.
//! * [`Graph`]: features of nodes and edges on an edge index.
//! * [`SelfLoops`] and [`Propagation`]: the edges that a layer really runs on.
//! * [`Batch`]: several graphs as one.
//! * [`NodeSplit`]: which nodes a model learns from and is tested on.
//! * [`GraphSnapshots`]: features of the same nodes at several times.

mod batch;
mod coalesce;
mod data;
mod degree;
mod edge_index;
mod propagation;
mod snapshots;
mod split;

pub use batch::Batch;
pub use coalesce::Reduce;
pub use data::Graph;
pub use edge_index::EdgeIndex;
pub use propagation::{Propagation, SelfLoops};
pub use snapshots::GraphSnapshots;
pub use split::{NodeSplit, SplitError};
