//! Rankers of causes: all with the trait [`Ranker`].
//!
//! [`FusedRanker`] is Astern's own and the default; those of [`baseline`] are published methods. The
//! [crate page](crate) has the table of all of them: what each looks at, its candidates and its score.

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
