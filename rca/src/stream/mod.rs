//! Baselines that are kept up step by step instead of being read from the whole healthy range again.
//!
//! ```text
//! graph at each step ─► Baselines::advance ─► Baselines::rank(graph, incident) ─► Diagnosis
//! ```
//!
//! A diagnosis from the baselines is that of [`RobustScorer`](crate::ranker::baseline::RobustScorer) over the same
//! healthy range, to the bit. There is no clock: time comes in with each call, and the state can be
//! written down after any of them.
//!
//! ```
//! use astern_graph_core::{GraphBuilder, GraphParams, NodeKey, Sample, TimeRange, Timestamp};
//! use astern_rca::ranker::baseline::RobustScorer;
//! use astern_rca::stream::BaselineParams;
//! use astern_rca::{Incident, Ranker};
//!
//! let at = |minute: i64| Timestamp::from_secs(60 * minute);
//! let cart = NodeKey::service("cart");
//! let mut builder = GraphBuilder::new(GraphParams::default())?;
//! let mut baselines = BaselineParams::default().steps(30).check()?;
//! for minute in 0..45 {
//!     let slow = if minute < 40 { 0.0 } else { 50.0 + minute as f64 };
//!     let ms = 20.0 + (minute % 7) as f64 + slow;
//!     builder.extend([Sample::new(at(minute), cart.clone(), "latency_ms", ms).into()]);
//!     if minute < 40 {
//!         // While all is well; afterwards the baselines stay as they are.
//!         baselines.advance(&builder.build(), at(minute + 1))?;
//!     }
//! }
//! let healthy = baselines.range().unwrap();
//! assert_eq!(healthy, TimeRange::new(at(10), at(40))?);
//!
//! let graph = builder.build();
//! let abnormal = TimeRange::new(at(40), at(45))?;
//! let incident = Incident::new(cart, "latency_ms".into(), healthy, abnormal);
//! assert_eq!(baselines.rank(&graph, &incident)?, RobustScorer.rank(&graph, &incident)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod baselines;
mod params;
mod sliding;

pub use baselines::Baselines;
pub use params::BaselineParams;
pub use sliding::SlidingSample;
