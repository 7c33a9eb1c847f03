//! The first-order random walk.

use astern_graph_core::TemporalGraph;

use super::limit::Limit;
use super::transitions::Transitions;
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::{Ranker, Ranking};

/// Ranks the nodes from which a fault can have come to the symptom by how much of its time a random
/// walk from the symptom spends at each.
///
/// With `S(v) = |r|`, Pearson's correlation of a node with the symptom over the abnormal steps (1
/// for the symptom itself; a missing value counts as the mean), the walk goes
///
/// | step | weight |
/// |---|---|
/// | forward, to an [origin](TemporalGraph::fault_origins) o | `S(o)` |
/// | backward, to a node t of which it is one | `.2 S(t)` |
/// | to the node itself | `max(0, S(v) - max over its origins S(o))` |
///
/// and the score is the share of time in the limit: a number, where sampled walks give counts.
/// Public codes weigh the step back by .1 to .5.
///
/// The walk of `CloudRanger` (Wang et al., CCGRID 2018) and `MicroCause` (Meng et al., `IWQoS`
/// 2020), which learn the graph, where it is given here; they sample. `MicroCause` weighs by
/// partial correlations and adds a term for the first anomaly of a series; `CloudRanger` walks with
/// [memory](super::SecondOrderWalk). The symptom's metric is the only one that is looked at; the
/// symptom's node is a candidate too, and a favoured one, since it correlates with itself.
///
/// # Errors
/// [`RankError`] when the graph does not hold the symptom.
///
/// # Complexity
/// `O(N · T + E log E + R E)` in time for R rounds of power iteration, at most 10,000 (the first
/// cause says by [`Evidence::Fallback`](astern_graph_core::signal::Evidence::Fallback) when that
/// was not enough), `O(N · T + E)` in memory.
///
/// # Example
/// ```
#[doc = include_str!("example.md")]
/// use astern_rca::Ranker;
/// use astern_rca::ranker::baseline::RandomWalk;
///
/// let ranking = RandomWalk.rank(&graph, &incident)?;
/// assert_eq!(ranking.causes[0].subject, cart.into());
/// let total: f64 = ranking.causes.iter().map(|cause| cause.score).sum();
/// assert!((total - 1.0).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RandomWalk;

impl Ranker for RandomWalk {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        let walk = Transitions::of(graph, incident)?;
        let mut start = vec![0.0; walk.rows.len()];
        start[walk.start] = 1.0;
        let limit = Limit::of_walk(start, |shares, next| {
            for (share, row) in shares.iter().zip(&walk.rows) {
                for (to, p) in row {
                    next[*to] += share * p;
                }
            }
        });
        Ok(walk.ranking(&limit, &limit.shares))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::fixture::{Fixture, assert_scores};

    /// `x → a → b`, where b correlates with a by .8; x, a caller of the symptom, is not walked to.
    pub(in crate::ranker::baseline) fn pair() -> Fixture {
        let mut fixture = Fixture::new(1, 4);
        fixture.calls("a", "b");
        fixture.calls("x", "a");
        fixture.latency("a", &[10.0], &[11.0, 9.0, 11.0, 9.0]);
        // .8 of the deviations of a and .6 of some orthogonal to them.
        fixture.latency("b", &[10.0], &[11.4, 9.8, 10.2, 8.6]);
        fixture.latency("x", &[10.0], &[11.0, 9.0, 11.0, 9.0]);
        fixture
    }

    #[test]
    fn time_is_shared_by_the_rules() {
        // a: .8 forward, 1 - .8 to itself. b: .2 backward, .8 to itself. In balance .8 a = .2 b.
        let ranked = pair().scores(&RandomWalk, "a");
        assert_scores(&ranked, &[("b", 0.8), ("a", 0.2)]);
    }

    #[test]
    fn mutual_callers_step_forward_both_ways() {
        let mut fixture = pair();
        fixture.calls("b", "a");
        // b goes to a by 1 and not to itself. a: .8 forward, .2 to itself, also from x, which a fault
        // of a reaches. In balance .8 a = b.
        let ranked = fixture.scores(&RandomWalk, "a");
        assert_scores(&ranked, &[("a", 1.0 / 1.8), ("b", 0.8 / 1.8)]);
    }

    #[test]
    fn a_symptom_that_moves_with_nothing_keeps_the_walk() {
        let mut fixture = pair();
        fixture.calls("a", "c");
        fixture.latency("c", &[10.0], &[10.0; 4]);
        let ranked = fixture.scores(&RandomWalk, "a");
        assert_scores(&ranked, &[("b", 0.8), ("a", 0.2), ("c", 0.0)]);
        let ranked = fixture.scores(&RandomWalk, "c");
        assert_scores(&ranked, &[("c", 1.0)]);
    }
}
