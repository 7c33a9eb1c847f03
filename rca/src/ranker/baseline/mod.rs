//! Published rankers, re-made from their definitions to compare with: one file a method.
//!
//! The documentation of each names its source and every deviation from it.

mod by_trace;
mod circa;
mod correlation;
mod counterfactual;
mod depth_first;
mod information;
mod limit;
mod micro_hecl;
mod micro_rank;
mod micro_rca;
mod micro_scope;
mod n_sigma;
mod page_rank;
mod published;
mod random_walk;
mod robust_scorer;
mod score_ordering;
mod second_order_walk;
mod smooth_traversal;
mod spectrum;
mod trace_rca;
mod transitions;
mod traversal;

pub use circa::Circa;
pub use correlation::CorrelationRanker;
pub use counterfactual::LinearCounterfactual;
pub use micro_hecl::MicroHecl;
pub use micro_rank::MicroRank;
pub use micro_rca::MicroRca;
pub use micro_scope::MicroScope;
pub use n_sigma::NSigma;
pub use page_rank::PageRank;
pub use published::{Constant, DeviationSide, Filter, Published};
pub use random_walk::RandomWalk;
pub use robust_scorer::RobustScorer;
pub use score_ordering::ScoreOrdering;
pub use second_order_walk::SecondOrderWalk;
pub use smooth_traversal::{AnomalyScore, SmoothTraversal};
pub use spectrum::{Formula, SpectrumRanker};
pub use trace_rca::TraceRca;
pub use traversal::TraversalRanker;

pub use crate::table::Metrics;
