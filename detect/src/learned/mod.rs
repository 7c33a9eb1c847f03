//! Learned detectors (feature `gnn`): does a node behave, on its graph, as it did while healthy?
//!
//! ```text
//! healthy Window ─ first two thirds ─► deviations per node ─ train ─► two networks, levels
//!                └ last third ───────► distance ─ less the node's level ─ EMA ─► upper tail
//! later Window ─► distance ─ less the node's level ─ EMA ─ p-value ─ Benjamini-Hochberg ─► anomalies
//! ```
//!
//! * Inputs: each feature's deviation from the node's own healthy median, in healthy standard
//!   deviations. Messages run where faults run: from the callee to its caller.
//! * Score: `|z - c|² - r²` of the node's embedding `z`; see [`gnn::one_class`] for centre, radius
//!   and sources.
//! * Level: the distance from the centre is measured from the node's own healthy median, in its
//!   healthy standard deviations, as each metric is in [`Assessor`](crate::Assessor). A node that
//!   hears many others scores otherwise than a leaf even while all is well.
//! * Threshold: split conformal calibration (Papadopoulos et al. 2002) on the third of the healthy
//!   window that training has not seen, with an exponential tail beyond the sample.
//!
//! # Learning has to earn its place
//!
//! On injected benchmarks an untrained network, or no network at all, often ranks as well as a
//! trained one. So [`Hypersphere::scores`] always gives four scores of the same data: the trained
//! network, the same network untrained, an MLP of the same layers that hears no neighbour, and the
//! greatest robust z-score. Given labels, [`Scores::compare`] says which separates best; on
//! [`Hypersphere::deviations`] none is ahead only because it tells busy nodes from quiet ones. A
//! sphere knows no better and worse: a node that became faster lies outside as well.
//!
//! # Example
//! ```
//! use astern_detect::learned::{HypersphereParams, message_edges};
//! use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey, NodeKind, Sample, TimeRange, Timestamp};
//!
//! let services = ["web", "cart", "stock"].map(|name| NodeKey::service(name));
//! let mut builder = GraphBuilder::new(GraphParams::default())?;
//! builder.declare_edge(services[0].clone(), services[1].clone(), EdgeKind::Calls);
//! for minute in 0..130_i64 {
//!     for (n, service) in services.iter().enumerate() {
//!         let wobble = (minute as f64 * (1.0 + 0.37 * n as f64)).sin();
//!         let fault = if n == 2 && minute >= 120 { 30.0 } else { 0.0 };
//!         let at = Timestamp::from_secs(60 * minute);
//!         let sample = Sample::new(at, service.clone(), "latency_ms", 20.0 + wobble + fault);
//!         builder.extend([sample.into()]);
//!     }
//! }
//! let graph = builder.build();
//! let minutes = |from: i64, to: i64| TimeRange::new(Timestamp::from_secs(60 * from), Timestamp::from_secs(60 * to));
//! let healthy = graph.window(NodeKind::Service, minutes(0, 120)?)?;
//! let newest = graph.window(NodeKind::Service, minutes(120, 130)?)?;
//!
//! // `fit` in place of `untrained` trains, with the feature `torch`.
//! let detector = HypersphereParams::default().untrained(&graph, &healthy)?;
//! let anomalies = detector.anomalies(&graph, &newest)?;
//! assert_eq!(anomalies.len(), 1);
//! assert_eq!(anomalies[0].subject, services[2].clone().into());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod controls;
mod error;
mod hypersphere;
mod inputs;

pub use astern_gnn as gnn;
pub use astern_gnn::message_edges;

pub use controls::{Comparison, Scores};
pub use error::{LabelError, LearnedError};
pub use hypersphere::{Hypersphere, HypersphereParams, Network};
