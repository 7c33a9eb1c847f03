//! Root-cause analysis: which service is the cause of a symptom, and which change.
//!
//! ```text
//! graph + Incident ─► Ranker ─► Diagnosis { causes with path and evidence, blamed changes }
//! ```
//!
//! [`FusedRanker`](ranker::FusedRanker) is the default. The rankers of the literature stand beside
//! it, with the same trait, to compare with.
//!
//! ```
//! use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey, Sample, TimeRange, Timestamp};
//! use astern_rca::{Incident, Ranker, ranker::FusedParams};
//!
//! let (web, cart) = (NodeKey::service("web"), NodeKey::service("cart"));
//! let mut builder = GraphBuilder::new(GraphParams::default())?;
//! builder.declare_edge(web.clone(), cart.clone(), EdgeKind::Calls);
//! for minute in 0..40_i64 {
//!     let slow = if minute < 35 { 0.0 } else { 50.0 + minute as f64 };
//!     let at = Timestamp::from_secs(60 * minute);
//!     let noise = (minute % 5) as f64;
//!     builder.extend([
//!         Sample::new(at, web.clone(), "latency_ms", 40.0 + noise + slow).into(),
//!         Sample::new(at, cart.clone(), "latency_ms", 10.0 + noise + slow).into(),
//!     ]);
//! }
//! let minutes = |from: i64, to: i64| TimeRange::new(Timestamp::from_secs(60 * from), Timestamp::from_secs(60 * to));
//!
//! let incident = Incident::new(web, "latency_ms".into(), minutes(0, 30)?, minutes(30, 40)?);
//! let diagnosis = FusedParams::default().check()?.rank(&builder.build(), &incident)?;
//! assert_eq!(diagnosis.causes[0].subject, cart.into());
//! println!("{diagnosis}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod abstain;
mod blame;
mod candidates;
mod channel;
mod error;
mod explain;
#[cfg(test)]
mod fixture;
mod incident;
mod influence;
mod order_statistic;
pub mod ranker;
mod regression;
pub mod stream;
mod table;
pub mod te;
pub mod trace;

pub use blame::{BlameParams, ChangeBlame};
pub use error::RankError;
pub use incident::{Incident, Symptom, TracePair};
pub use influence::{
    BlendParams, Influence, InfluenceEdge, InfluenceError, InfluenceGraph, InfluenceMethod,
    InfluenceParams, InfluenceScope, influence,
};
pub use ranker::Ranker;
