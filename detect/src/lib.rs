//! Is something worse than it was while healthy? Detectors, the one pipeline that makes anomalies of their scores,
//! and the judges of releases.
//!
//! ```text
//! healthy range ─ Pipeline::fit ─► Calibrated     (a fitted detector; thresholds from healthy data only)
//! newest range ─ Pipeline::assess ─► Assessment   (score → smooth → threshold → verdict with evidence)
//! ```
//!
//! Fitted and unfitted are two types, so thresholds cannot see the data that they will judge.
//!
//! # Detectors
//!
//! | detector | scores | method | name in files |
//! |---|---|---|---|
//! | [`RobustZ`](score::RobustZ) | each metric of nodes or edges | deviation from the healthy median in robust standard deviations | `robust_z` |
//! | `Hypersphere` (feature `gnn`) | whole nodes | distance of a graph network's embedding from the centre of the healthy ones | `hypersphere` |
//! | your own | either | [`Detector`] | |
//!
//! [`catalogue`] names all of them in files of parameters and in stored state. The judges of releases are in
//! [`release`].
//!
//! # Example
//! ```
//! use astern_detect::pipeline::PipelineParams;
//! use astern_detect::score::RobustZParams;
//! use astern_graph_core::{GraphBuilder, GraphParams, NodeKey, Sample, TimeRange, Timestamp};
//! use astern_graph_core::signal::Verdict;
//!
//! let mut builder = GraphBuilder::new(GraphParams::default())?;
//! let cart = NodeKey::service("cart");
//! for minute in 0..130_i64 {
//!     let wobble = (minute % 7) as f64;
//!     let latency_ms = if minute < 120 { 20.0 + wobble } else { 60.0 + wobble };
//!     let at = Timestamp::from_secs(60 * minute);
//!     builder.extend([Sample::new(at, cart.clone(), "latency_ms", latency_ms).into()]);
//! }
//! let graph = builder.build();
//! let minutes = |from: i64, to: i64| TimeRange::new(Timestamp::from_secs(60 * from), Timestamp::from_secs(60 * to));
//!
//! let pipeline = PipelineParams::default().check()?;
//! let fitted = pipeline.fit(&RobustZParams::default(), &graph, minutes(0, 120)?)?;
//! let assessment = pipeline.assess(&fitted, &graph, minutes(120, 130)?)?;
//! assert_eq!(assessment.verdict, Verdict::Regressed);
//! println!("{assessment}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod catalogue;
mod detector;
mod error;
#[cfg(feature = "gnn")]
pub mod learned;
pub mod pipeline;
pub mod release;
pub mod score;
mod scores;
mod subjects;

pub use detector::{Detector, FittedDetector};
pub use error::{FitError, ScoreError};
pub use scores::Scores;
pub use subjects::Subjects;
