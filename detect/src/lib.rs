//! Is something worse than it was while healthy? Scores, smoothing, thresholds, and the comparison
//! of a release's new instances with its old ones.
//!
//! ```text
//! healthy Window ─ fit ─► Assessor        (centre and spread; thresholds from healthy data only)
//! newest Window ─ assess ─► Assessment    (score → smooth → threshold → verdict with evidence)
//! ```
//!
//! Fitted and unfitted are two types, so thresholds cannot see the data that they will judge.
//!
//! ```
//! use astern_detect::AssessorParams;
//! use astern_graph_core::{GraphBuilder, GraphParams, NodeKey, NodeKind, Sample, TimeRange, Timestamp};
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
//! let healthy = graph.window(NodeKind::Service, minutes(0, 120)?)?;
//! let assessor = AssessorParams::default().fit(&healthy)?;
//! let assessment = assessor.assess(&graph.window(NodeKind::Service, minutes(120, 130)?)?)?;
//! assert_eq!(assessment.verdict, Verdict::Regressed);
//! println!("{assessment}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod assess;
mod error;
#[cfg(feature = "gnn")]
pub mod learned;
pub mod release;
pub mod score;
mod smooth;

pub use assess::{Assessor, AssessorParams};
pub use error::{FitError, ScoreError};
pub use smooth::smooth;
