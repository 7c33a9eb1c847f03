//! Training, as far as it needs no libtorch: settings, learning rates, early stops, reports, and
//! checkpoints.
//!
//! Training itself is `torch::train` (feature `torch`).

mod checkpoint;
pub(crate) mod draw;
mod few;
mod hops;
mod negative;
mod optimizer;
mod params;
mod report;
pub(crate) mod rule;
mod schedule;
mod smote;
mod state;
mod watch;

pub use checkpoint::TrainCheckpoint;
pub use few::{FewLabels, LabelledNodes};
pub use hops::{HopPairs, HopSampler};
pub use negative::{NegativeSampler, NonEdges};
pub use optimizer::{AdamConfig, OptimizerConfig, RmsPropConfig, SgdConfig};
pub use params::{Clip, TrainParams};
pub use report::{Problem, StopReason, TrainerReport};
pub use schedule::{Schedule, Scheduler};
pub use smote::{Smote, SmoteAmount, SmoteError, SmotePlan, Synthetic};
#[cfg(feature = "torch")]
pub(crate) use state::{Measured, Progress};
pub use watch::{EarlyStop, Goal, MinDelta, Watch};
