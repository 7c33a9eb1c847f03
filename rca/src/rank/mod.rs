//! Rankers of causes: one file each, all with the trait [`Ranker`].
//!
//! [`FusedRanker`] is Astern's own and the default. The others are published methods, re-made from
//! their definitions to compare with; their documentation names each deviation.

mod correlation;
mod fused;
mod robust_scorer;
mod traversal;

use astern_graph_core::signal::{Abstention, Diagnosis, RankedCause};
use astern_graph_core::{NodeId, NodeKey, TemporalGraph};
use astern_stats::order;

use crate::error::RankError;
use crate::incident::Incident;

pub use correlation::CorrelationRanker;
pub use fused::{FusedParams, FusedRanker, FusedWeights};
pub use robust_scorer::RobustScorer;
pub use traversal::TraversalRanker;

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
