//! Root-cause analysis: which service is the cause of a symptom, and which change.
//!
//! ```text
//! graph + Incident ─► Diagnoser ─► Diagnosis { causes with path and evidence, blamed changes,
//!                        │                     alternatives, explanations }
//!                     Ranker ─► Ranking { causes }
//! ```
//!
//! A [`Diagnoser`] asks one [`Ranker`] for causes, blames changes, says what it may be instead, and explains
//! how the fault came to the symptom. Any ranker serves: one of those below by its name, or the caller's own
//! ([`Diagnoser::with_ranker`]).
//!
//! | ranker | name in parameters | looks at | candidates | score |
//! |---|---|---|---|---|
//! | [`FusedRanker`](ranker::FusedRanker), the default | `fused` | all metrics, calls, resources, changes, graph | origins | log-odds |
//! | [`CorrelationRanker`](ranker::baseline::CorrelationRanker) | `correlation` | the symptom's metric | all nodes | correlation with the symptom |
//! | [`TraversalRanker`](ranker::baseline::TraversalRanker) | `traversal` | the symptom's metric, graph | origins | sum of anomaly scores along a path |
//! | [`RobustScorer`](ranker::baseline::RobustScorer) | `robust_scorer` | the symptom's metric | all nodes | deviation in healthy interquartile ranges |
//! | [`NSigma`](ranker::baseline::NSigma) | `n_sigma` | all metrics, or the symptom's | all nodes | deviation in healthy standard deviations |
//! | [`ScoreOrdering`](ranker::baseline::ScoreOrdering) | `score_ordering` | all metrics, or the symptom's | all nodes | surprise |
//! | [`SmoothTraversal`](ranker::baseline::SmoothTraversal) | `smooth_traversal` | the symptom's metric, graph | origins | jump of the anomaly score |
//! | [`MicroScope`](ranker::baseline::MicroScope) | `micro_scope` | the symptom's metric, graph | ends of anomalous paths | correlation with the symptom |
//! | [`MicroHecl`](ranker::baseline::MicroHecl) | `micro_hecl` | the symptom's metric, graph | ends of anomalous paths | correlation with the symptom |
//! | [`Circa`](ranker::baseline::Circa) | `circa` | the symptom's metric, graph | origins | what origins leave unexplained |
//! | [`LinearCounterfactual`](ranker::baseline::LinearCounterfactual) | `linear_counterfactual` | the symptom's metric, graph | origins | share in the symptom's excess |
//! | [`RandomWalk`](ranker::baseline::RandomWalk) | `random_walk` | the symptom's metric, graph | origins | time of a walk at the node |
//! | [`SecondOrderWalk`](ranker::baseline::SecondOrderWalk) | `second_order_walk` | the symptom's metric, graph | origins | time of a walk at the node |
//! | [`PageRank`](ranker::baseline::PageRank) | `page_rank` | the symptom's metric, graph | all nodes | time of a walk that restarts at anomalous nodes |
//! | [`MicroRca`](ranker::baseline::MicroRca) | `micro_rca` | the symptom's metric, resources, graph | nodes at anomalous edges | time of a walk that restarts at anomalous nodes |
//! | [`MicroRank`](ranker::baseline::MicroRank) | `micro_rank` | [traces](trace) | services | presence in abnormal traces |
//! | [`TraceRca`](ranker::baseline::TraceRca) | `trace_rca` | [traces](trace) | services | presence in abnormal traces |
//! | [`SpectrumRanker`](ranker::baseline::SpectrumRanker) | `spectrum` | [traces](trace) | services | presence in abnormal traces |
//!
//! Origins are the nodes from which a fault can have come to the symptom, by
//! [`fault_ancestry`](astern_graph_core::TemporalGraph::fault_ancestry); the symptom's own node is one of them.
//!
//! ```
//! use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey, Sample, Timestamp};
//! use astern_rca::{DiagnoserParams, Incident};
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
//! let graph = builder.build();
//!
//! // Something is wrong since about minute 35.
//! let incident = Incident::builder().since(&graph, Timestamp::from_secs(60 * 35))?;
//! let diagnosis = DiagnoserParams::default().check()?.diagnose(&graph, &incident)?;
//! assert_eq!(diagnosis.causes[0].subject, cart.into());
//! println!("{diagnosis}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod abstain;
pub mod blame;
mod candidates;
mod channel;
mod contrast;
mod diagnoser;
mod error;
pub mod explain;
#[cfg(test)]
mod fixture;
pub mod incident;
mod influence;
mod order_statistic;
pub mod ranker;
mod regression;
pub mod stream;
pub mod symptom;
mod table;
pub mod te;
pub mod trace;

pub use contrast::ChangeContrasts;
pub use diagnoser::{Diagnoser, DiagnoserParams};
pub use error::RankError;
pub use incident::{Incident, Symptom};
pub use influence::{
    BlendParams, Influence, InfluenceEdge, InfluenceError, InfluenceGraph, InfluenceMethod,
    InfluenceParams, InfluenceScope, influence,
};
pub use ranker::Ranker;
