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
//! | [`PageRank`](baseline::PageRank) | the symptom's metric, graph | all nodes | time of a walk that begins again |
//! | [`MicroRca`](baseline::MicroRca) | the symptom's metric, resources, graph | nodes at anomalous edges | the same |
//! | [`Published`](baseline::Published) | as its baseline | as its baseline | baselines as benchmarks ran them |
//! | [`SpectrumRanker`](baseline::SpectrumRanker), [`MicroRank`](baseline::MicroRank), [`TraceRca`](baseline::TraceRca) | [traces](crate::trace) | services | presence in abnormal traces |
//!
//! Origins are the nodes from which a fault can have come to the symptom, by
//! [`TemporalGraph::fault_ancestry`]; the symptom's own node is one of them.

pub mod baseline;
mod catalogue;
mod fused;
mod ranking;

use astern_graph_core::TemporalGraph;

use crate::contrast::ChangeContrasts;
use crate::error::RankError;
use crate::incident::Incident;

pub use catalogue::{AnyRanker, Candidates, RankerParams, catalogue};
pub use fused::{FusedParams, FusedRanker, FusedWeights};
pub use ranking::{Ranking, ScoreScale};

/// Ranks the candidates for the cause of an incident, best first; ties are broken by key.
///
/// A [`Diagnoser`](crate::Diagnoser) makes a full diagnosis of what any ranker answers.
pub trait Ranker {
    /// Ranks causes.
    ///
    /// # Errors
    /// [`RankError`] when the graph does not hold the symptom.
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError>;

    /// [`rank`](Self::rank) where what the changes did is known already. Only a ranker that looks at it
    /// has to say how; the answer is the same.
    ///
    /// # Errors
    /// Those of [`rank`](Self::rank).
    fn rank_with(
        &self,
        graph: &TemporalGraph,
        incident: &Incident,
        contrasts: &ChangeContrasts,
    ) -> Result<Ranking, RankError> {
        let _ = contrasts;
        self.rank(graph, incident)
    }
}

impl<R: Ranker + ?Sized> Ranker for &R {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        (**self).rank(graph, incident)
    }

    fn rank_with(
        &self,
        graph: &TemporalGraph,
        incident: &Incident,
        contrasts: &ChangeContrasts,
    ) -> Result<Ranking, RankError> {
        (**self).rank_with(graph, incident, contrasts)
    }
}
