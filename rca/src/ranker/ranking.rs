//! What a ranker answers.

use std::fmt;

use astern_graph_core::signal::{Abstention, Diagnosis, RankedCause};
use astern_graph_core::{NodeId, NodeKey, TemporalGraph};
use astern_stats::order;

/// How many causes carry a path. A path may be as long as the graph is deep, so that paths of all
/// causes would take quadratic memory; nobody reads the rest.
const WITH_PATH: usize = 20;

/// What the scores of a [`Ranking`] mean beside their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScoreScale {
    /// Nothing beyond one ranking: counts, correlations, shares of a walk. Blame takes nothing from them.
    #[default]
    Relative,
    /// Log-odds of "the fault lies here": a difference of scores is evidence of that size.
    LogOdds,
    /// Log-odds of the size that the probabilities in [`abstain`](crate::abstain) were fitted to: those
    /// of [`FusedParams`](super::FusedParams) by default.
    FittedLogOdds,
}

impl ScoreScale {
    /// Whether a difference of scores is evidence of that size.
    pub fn is_log_odds(self) -> bool {
        matches!(self, Self::LogOdds | Self::FittedLogOdds)
    }

    /// Whether the probabilities in [`abstain`](crate::abstain) were fitted to such scores.
    pub fn is_fitted(self) -> bool {
        self == Self::FittedLogOdds
    }
}

/// The candidates for the cause of an incident, best first.
///
/// ```
/// use astern_graph_core::NodeKey;
/// use astern_graph_core::signal::RankedCause;
/// use astern_rca::ranker::{Ranking, ScoreScale};
///
/// let cause = |name, score| RankedCause::new(NodeKey::service(name), score);
/// let ranking = Ranking::of(vec![cause("web", 0.4), cause("cart", 2.5)]).scaled(ScoreScale::LogOdds);
/// assert_eq!(ranking.causes[0].subject, NodeKey::service("cart").into());
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Ranking {
    /// Candidates for the cause, best first. At most the first 20 carry a path.
    pub causes: Vec<RankedCause>,
    /// What the scores mean.
    pub scale: ScoreScale,
    /// Why there is none, where there is none.
    pub abstained: Option<Abstention>,
}

impl Ranking {
    /// Sorts causes, best first; of equal scores by key. Without any it abstains.
    pub fn of(mut causes: Vec<RankedCause>) -> Self {
        if causes.is_empty() {
            return Self::abstain(Abstention::NoCandidate);
        }
        causes.sort_by(|a, b| {
            order::descending(a.score, b.score).then_with(|| a.subject.cmp(&b.subject))
        });
        Self {
            causes,
            ..Self::default()
        }
    }

    /// No cause, and why.
    pub fn abstain(reason: Abstention) -> Self {
        Self {
            abstained: Some(reason),
            ..Self::default()
        }
    }

    /// With scores that mean this.
    #[must_use]
    pub fn scaled(mut self, scale: ScoreScale) -> Self {
        self.scale = scale;
        self
    }

    /// The causes that carry a path.
    pub(super) fn with_path(&mut self) -> impl Iterator<Item = &mut RankedCause> {
        self.causes.iter_mut().take(WITH_PATH)
    }
}

impl fmt::Display for Ranking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut alone = Diagnosis::new(self.causes.clone(), Vec::new());
        alone.abstained.clone_from(&self.abstained);
        alone.fmt(f)
    }
}

pub(super) fn keys(graph: &TemporalGraph, path: &[NodeId]) -> Vec<NodeKey> {
    let known = path.iter().filter_map(|id| graph.key(*id));
    known.cloned().collect()
}
