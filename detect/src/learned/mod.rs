//! Learned detectors (feature `gnn`): does a node behave, on its graph, as it did while healthy?
//!
//! ```text
//! healthy window ─ first two thirds ─► deviations per node ─ train ─► two networks: a model, as bytes
//! healthy range  ─ first two thirds ─► levels of metrics, levels of distances  ─► fitted detector
//!                └ last third ───────► distance ─ less the node's level ─► the pipeline's tail
//! later range ─► distance ─ less the node's level ─► the pipeline: EMA, p-value, anomalies
//! ```
//!
//! * Inputs: each feature's deviation from the node's own healthy median, in healthy standard
//!   deviations. Messages run where faults run: from the callee to its caller.
//! * Score: `|z - c|² - r²` of the node's embedding `z`; see [`gnn::one_class`] for centre, radius
//!   and sources.
//! * Level: the distance from the centre is measured from the node's own healthy median, in its
//!   healthy standard deviations, as each metric is in [`RobustZ`](crate::score::RobustZ). A node that
//!   receives from many others scores otherwise than a leaf even while all is well.
//! * Threshold, onset, verdict: those of the [`Pipeline`](crate::pipeline::Pipeline).
//!
//! Training and fitting are two things. A [`HypersphereModel`] is trained once, anywhere; fitting takes its
//! networks as they are and learns what is normal for the system at hand, as often as a guard learns its
//! baseline.
//!
//! # Learning has to earn its place
//!
//! On injected benchmarks an untrained network, or no network at all, often ranks as well as a
//! trained one. So [`Hypersphere::scores`] always gives four scores of the same data: the trained
//! network, the same network untrained, an MLP of the same layers without messages, and the
//! greatest robust z-score. Given labels, [`ControlScores::compare`] says which separates best; on
//! [`Hypersphere::deviations`] none is ahead only because it separates busy nodes from quiet ones. A
//! sphere knows no better and worse: a node that became faster lies outside as well. It is then an anomaly
//! and, since its metrics moved for the better, no regression.
//!
//! # Example
//! ```
//! use astern_detect::learned::{HypersphereModel, HypersphereParams};
//! use astern_detect::pipeline::PipelineParams;
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
//! let (healthy, newest) = (minutes(0, 120)?, minutes(120, 130)?);
//!
//! // `train` in place of `untrained` trains, with the feature `torch`.
//! let window = graph.window(NodeKind::Service, healthy)?;
//! let bytes = HypersphereParams::default().untrained(&graph, &window)?.to_bytes()?;
//!
//! let model = HypersphereModel::from_bytes(&bytes)?;
//! let pipeline = PipelineParams::default().check()?;
//! let fitted = pipeline.fit(&model, &graph, healthy)?;
//! let assessment = pipeline.assess(&fitted, &graph, newest)?;
//! assert_eq!(assessment.anomalies.len(), 1);
//! assert_eq!(assessment.anomalies[0].subject, services[2].clone().into());
//! assert_eq!(assessment.anomalies[0].metric, Some("latency_ms".into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod controls;
mod error;
mod hypersphere;
mod inputs;
mod model_params;

pub use astern_gnn as gnn;
pub use astern_gnn::graph::message_edges;

pub use controls::{Comparison, ControlScores};
pub use error::{LabelError, LearnedError};
pub use hypersphere::{Hypersphere, HypersphereModel, HypersphereParams, NetworkRole};
pub use model_params::ModelParams;
