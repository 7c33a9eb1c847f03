//! Graph neural networks for Astern: trained on libtorch, scored in pure Rust.
//!
//! A deployment changes how a service behaves *and* how it relates to the services around it. This
//! crate embeds services on their call graph, learns where healthy embeddings lie, and scores how
//! far a node has moved away.
//!
//! * [`GraphSnapshots`]: features `[T, N, F]` of the nodes over time, and the edges, checked once.
//! * [`layer`]: message-passing layers, equal to `PyTorch` Geometric's to rounding.
//! * [`model`]: [`NetworkConfig`] → [`Checkpoint`] → [`Network`], stacks of GRU, dense, GCN,
//!   SAGE, GAT and `GATv2` layers as data, as bytes, and scored in `f32` or `f64` without libtorch.
//! * [`one_class`]: [`OneClassParams`] → [`OneClass`], a hypersphere around healthy embeddings,
//!   with its untrained twin as a control; saved and loaded as bytes.
//! * [`explain`]: what an edge, a feature or a fault does to scores.
//! * [`train`]: settings, schedules and checkpoints of trainings; [`search`]: folds and grids.
//! * `torch` (feature `torch`): the same layers on libtorch tensors, training, CPU and CUDA.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `torch` | off | training and CUDA through `tch`; needs libtorch to build and to run |
//! | `onnx` | off | networks as ONNX files, for inference servers; pure Rust |
//! | `progress` | off | a progress bar for trainings; turns `torch` on |
//!
//! Without `torch` the crate is plain Rust on `ndarray` and scores models that were trained
//! elsewhere. Pure-Rust results are the same bytes for the same input, seed and target.
//!
//! With `torch`, programs and tests that cargo starts find libtorch where it was built against;
//! programs that are started otherwise need an rpath to its `lib` folder, or `LD_LIBRARY_PATH`.
//!
//! # Example
//!
//! Three services; `web` calls `cart`, `cart` calls `db`. Faults travel from the called service to
//! its caller, so messages run along the reversed calls.
//!
//! ```
//! use astern_gnn::{GraphSnapshots, OneClassParams, ndarray::Array3};
//!
//! let (web, cart, db) = (0, 1, 2);
//! let x = Array3::from_shape_fn((10, 3, 2), |(t, n, f)| ((7 * t + 3 * n + f) % 5) as f64);
//! let data = GraphSnapshots::new(x, [(cart, web), (db, cart)])?
//!     .with_feature_names(["p99_ms", "error_rate"])?;
//!
//! // The control that a trained model has to beat needs no training.
//! let model = OneClassParams::default().hidden(&[16]).embedding(8).untrained(&data)?;
//! assert_eq!(model.embed(&data)?.dim(), (10, 3, 8));
//! assert_eq!(model.score(&data)?.dim(), (10, 3));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(
    feature = "torch",
    doc = r"
Training needs the feature `torch`:

```
use astern_gnn::{GraphSnapshots, OneClass, OneClassParams, ndarray::Array3};

let x = Array3::from_shape_fn((30, 3, 2), |(t, n, f)| ((7 * t + 3 * n + 2 * f) % 11) as f64);
let healthy = GraphSnapshots::new(x, [(1, 0), (2, 1)])?;
let params = OneClassParams::default().hidden(&[8]).embedding(4).epochs(20).seed(1);
let model = params.fit(&healthy)?;
assert_eq!(model.report().epochs_run(), 20);

// The bytes can be scored where libtorch is absent.
let loaded = OneClass::from_bytes(&model.to_bytes()?)?;
assert_eq!(loaded.score(&healthy)?, model.score(&healthy)?);
# Ok::<(), Box<dyn std::error::Error>>(())
```
"
)]

mod error;
pub mod explain;
mod file;
pub mod graph;
mod kernel;
pub mod layer;
pub mod model;
pub mod one_class;
mod scale;
pub mod search;
mod state;
#[cfg(feature = "torch")]
pub mod torch;
pub mod train;
mod weights;

pub use error::{ConfigError, EncodeError, FileError, GraphDataError};
pub use graph::{
    Batch, GraphWindow, MessageFlow, Missing, NeighbourSampler, NodeSplit, Reduce, Subgraph,
};
pub use graph::{EdgeIndex, Graph, GraphSnapshots, Propagation, SelfLoops};
pub use graph::{NeighbourSampleError, SplitError, WindowError, k_hop, message_edges};
pub use model::{Activation, Checkpoint, LayerConfig, Network, NetworkConfig, PreparedGraph, Real};
pub use ndarray;
pub use one_class::{
    Collapse, CollapsePolicy, Objective, OneClass, OneClassError, OneClassParams, Plateau,
    StopReason, TrainReport,
};
pub use scale::{ScaleError, Scaler};
pub use state::{StateDict, StateTensor};
