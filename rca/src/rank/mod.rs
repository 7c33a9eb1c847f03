//! Rankers of causes: one file each, all with the trait [`Ranker`].
//!
//! [`FusedRanker`] is Astern's own and the default. The others are published methods, re-made from
//! their definitions to compare with; their documentation names each deviation.
//!
//! | ranker | looks at | candidates | score |
//! |---|---|---|---|
//! | [`CorrelationRanker`] | the symptom's metric | all nodes | correlation with the symptom |
//! | [`RobustScorer`] | the symptom's metric | all nodes | deviation in healthy interquartile ranges |
//! | [`NSigma`] | all metrics, or the symptom's | all nodes | deviation in healthy standard deviations |
//! | [`ScoreOrdering`] | all metrics, or the symptom's | all nodes | surprise |
//! | [`SmoothTraversal`] | the symptom's metric, graph | origins | jump of the anomaly score |
//! | [`TraversalRanker`] | the symptom's metric, graph | origins | sum of anomaly scores along a path |
//! | [`MicroScope`], [`MicroHecl`] | the symptom's metric, graph | ends of anomalous paths | correlation with the symptom |
//! | [`Circa`] | the symptom's metric, graph | origins | what origins leave unexplained |
//! | [`LinearCounterfactual`] | the symptom's metric, graph | origins | share in the symptom's excess |
//! | [`RandomWalk`], [`SecondOrderWalk`] | the symptom's metric, graph | origins | time of a walk at the node |
//! | [`PageRank`] | the symptom's metric, graph | all nodes | time of a walk that begins anew |
//! | [`MicroRca`] | the symptom's metric, resources, graph | nodes at anomalous edges | the same |
//! | [`Published`] | as its baseline | as its baseline | baselines as benchmarks ran them |
//! | [`SpectrumRanker`], [`MicroRank`], [`TraceRca`] | [traces](crate::trace) | services | presence in abnormal traces |
//!
//! Origins are the nodes from which a fault can have come to the symptom, by
//! [`TemporalGraph::fault_ancestry`]; the symptom's own node is one of them.

mod by_trace;
mod circa;
mod correlation;
mod counterfactual;
mod depth_first;
mod fused;
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

use astern_graph_core::signal::{Abstention, Diagnosis, RankedCause};
use astern_graph_core::{NodeId, NodeKey, TemporalGraph};
use astern_stats::order;

use crate::error::RankError;
use crate::incident::Incident;

pub use circa::Circa;
pub use correlation::CorrelationRanker;
pub use counterfactual::LinearCounterfactual;
pub use fused::{FusedParams, FusedRanker, FusedWeights};
pub use micro_hecl::MicroHecl;
pub use micro_rank::MicroRank;
pub use micro_rca::MicroRca;
pub use micro_scope::MicroScope;
pub use n_sigma::NSigma;
pub use page_rank::PageRank;
pub use published::{Constant, Filter, Published, Side};
pub use random_walk::RandomWalk;
pub use robust_scorer::RobustScorer;
pub use score_ordering::ScoreOrdering;
pub use second_order_walk::SecondOrderWalk;
pub use smooth_traversal::{AnomalyScore, SmoothTraversal};
pub use spectrum::{Formula, SpectrumRanker};
pub use trace_rca::TraceRca;
pub use traversal::TraversalRanker;

pub use crate::table::Metrics;

/// How many causes carry a path. A path may be as long as the graph is deep, so that paths of all
/// causes would take quadratic memory; nobody reads the rest.
const WITH_PATH: usize = 20;

/// Ranks the candidates for the cause of an incident, best first; ties are broken by key.
///
/// At most the first 20 causes carry a path; the others have an empty one.
pub trait Ranker {
    /// Ranks causes.
    ///
    /// # Errors
    /// [`RankError`] when the graph does not hold the symptom.
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Diagnosis, RankError>;
}

/// A diagnosis of causes sorted best first, or an abstention when there is none.
pub(crate) fn ranked(mut causes: Vec<RankedCause>) -> Diagnosis {
    if causes.is_empty() {
        return Diagnosis::abstain(Abstention::NoCandidate);
    }
    causes.sort_by(|a, b| {
        order::descending(a.score, b.score).then_with(|| a.subject.cmp(&b.subject))
    });
    Diagnosis::new(causes, Vec::new())
}

/// The causes that carry a path.
fn first(diagnosis: &mut Diagnosis) -> impl Iterator<Item = &mut RankedCause> {
    diagnosis.causes.iter_mut().take(WITH_PATH)
}

fn keys(graph: &TemporalGraph, path: &[NodeId]) -> Vec<NodeKey> {
    let known = path.iter().filter_map(|id| graph.key(*id));
    known.cloned().collect()
}
