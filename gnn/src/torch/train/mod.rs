//! Training of any [`Module`](super::Module): [`Trainer`], and its parts for loops of your own.
//!
//! Settings, schedules and checkpoints are in [`crate::train`], losses in [`super::loss`].
//!
//! # Example
//!
//! Two groups of three nodes; one node of each has a label.
//!
//! ```
//! use astern_gnn::layer::GcnConfig;
//! use astern_gnn::ndarray::Array2;
//! use astern_gnn::torch::loss::CrossEntropy;
//! use astern_gnn::torch::tch::{Device, Kind, Tensor};
//! use astern_gnn::torch::train::Trainer;
//! use astern_gnn::torch::{GcnConv, GraphLayer, GraphTensors, Init, ForwardMode};
//! use astern_gnn::train::{OptimizerConfig, TrainParams};
//! use astern_gnn::Graph;
//!
//! let edges = [(0, 1), (1, 0), (1, 2), (2, 1), (3, 4), (4, 3), (4, 5), (5, 4)];
//! let graph = Graph::new(Array2::eye(6), edges)?;
//! let graph = GraphTensors::new(&graph, Kind::Float, Device::Cpu)?;
//! let layer = GcnConv::new(&GcnConfig::new(6, 2), &mut Init::new(1, Kind::Float, Device::Cpu))?;
//!
//! let loss = CrossEntropy::new(&[0, 0, 0, 1, 1, 1], 2, Device::Cpu)?;
//! let labelled = Tensor::f_from_slice(&[0f32, 1.0, 0.0, 0.0, 1.0, 0.0])?;
//! let params = TrainParams::new(OptimizerConfig::adam(0.05)).epochs(50);
//! let report = Trainer::new(&layer, &params)?.run(|_| {
//!     let logits = layer.forward(graph.x(), &graph, ForwardMode::Train)?;
//!     loss.loss(&logits, Some(&labelled))
//! })?;
//! assert!(report.losses[49] < 0.2 * report.losses[0]);
//! println!("{report}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Reproducibility
//!
//! Dropout draws from libtorch's generator, of which there is one a process. A trainer seeds it
//! before every step from (seed, epoch, step), and lets no other trainer of the process near it
//! while the loss is computed. So the same settings give the same weights, and a resumed training
//! those of an uninterrupted one, to the last bit on the CPU. Whoever draws from libtorch's
//! generator from another thread without a trainer breaks this.

mod checkpoint;
mod epoch;
mod error;
mod generator;
mod gradients;
mod optimizer;
#[cfg(feature = "progress")]
mod progress;
mod smote;
mod step;
mod trainer;

pub use epoch::Epoch;
pub use error::TrainError;
pub use gradients::Gradients;
pub use optimizer::Optimizer;
#[cfg(feature = "progress")]
pub use progress::progress_bar;
pub use smote::{EdgePredictor, SmoteTensors};
pub use step::TrainStep;
pub use trainer::Trainer;
