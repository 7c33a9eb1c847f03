//! Rankers of causes: all with the trait [`Ranker`].
//!
//! [`FusedRanker`] is Astern's own and the default; those of [`baseline`] are published methods.
//!
//! | ranker | looks at | candidates | score |
//! |---|---|---|---|
//! | [`CorrelationRanker`](baseline::CorrelationRanker) | the symptom's metric | all nodes | correlation with the symptom |
//! | [`RobustScorer`](baseline::RobustScorer) | the symptom's metric | all nodes | deviation in healthy interquartile ranges |
//! | [`NSigma`](baseline::NSigma) | all metrics, or the symptom's | all nodes | deviation in healthy standard deviations |
//! | [`ScoreOrdering`](baseline::ScoreOrdering) | all metrics, or the symptom's | all nodes | surprise |
//! | [`SmoothTraversal`](baseline::SmoothTraversal) | the symptom's metric, graph | origins | jump of the anomaly score |
//! | [`TraversalRanker`](baseline::TraversalRanker) | the symptom's metric, graph | origins | sum of anomaly scores along a path |
//! | [`MicroScope`](baseline::MicroScope), [`MicroHecl`](baseline::MicroHecl) | the symptom's metric, graph | ends of anomalous paths | correlation with the symptom |
//! | [`Circa`](baseline::Circa) | the symptom's metric, graph | origins | what origins leave unexplained |
//! | [`LinearCounterfactual`](baseline::LinearCounterfactual) | the symptom's metric, graph | origins | share in the symptom's excess |
//! | [`RandomWalk`](baseline::RandomWalk), [`SecondOrderWalk`](baseline::SecondOrderWalk) | the symptom's metric, graph | origins | time of a walk at the node |
//! | [`PageRank`](baseline::PageRank) | the symptom's metric, graph | all nodes | time of a walk that begins anew |
//! | [`MicroRca`](baseline::MicroRca) | the symptom's metric, resources, graph | nodes at anomalous edges | the same |
//! | [`Published`](baseline::Published) | as its baseline | as its baseline | baselines as benchmarks ran them |
//! | [`SpectrumRanker`](baseline::SpectrumRanker), [`MicroRank`](baseline::MicroRank), [`TraceRca`](baseline::TraceRca) | [traces](crate::trace) | services | presence in abnormal traces |
//!
//! Origins are the nodes from which a fault can have come to the symptom, by
//! [`TemporalGraph::fault_ancestry`]; the symptom's own node is one of them.

pub mod baseline;
mod fused;

use astern_graph_core::signal::{Abstention, Diagnosis, RankedCause};
use astern_graph_core::{NodeId, NodeKey, TemporalGraph};
use astern_stats::order;

use crate::error::RankError;
use crate::incident::Incident;

pub use fused::{FusedParams, FusedRanker, FusedWeights};

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
