//! The second-order random walk.

use astern_graph_core::TemporalGraph;

use super::limit::Limit;
use super::transitions::Transitions;
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::{Ranker, Ranking};

/// Weight of the step at hand against that of the step before.
const BETA: f64 = 0.3;

/// As [`RandomWalk`](super::RandomWalk), with memory: a step also depends on the one before.
///
/// After a step from k to i the walk goes on to j with a probability in proportion to
/// `(1 - β) P_ki + β P_ij`, β = .3, over all j with `P_ij > 0`, where P are the probabilities of the
/// walk without memory. A likely step makes what follows more alike. The score is the share of
/// time at each node in the limit.
///
/// The walk of `CloudRanger` (Wang et al., CCGRID 2018), which samples it and learns the graph; here
/// the graph is given. Before the first step stands one from the symptom to itself.
///
/// # Errors
/// [`RankError`] when the graph does not hold the symptom.
///
/// # Complexity
/// `O(N · T + E log E + R E)` in time for R rounds of power iteration, at most 10,000 (the first
/// cause says by [`Evidence::Fallback`](astern_graph_core::signal::Evidence::Fallback) when that
/// was not enough), `O(N · T + E)` in memory: the states are the E steps, and what goes on from the
/// steps into a node is summed before it is spread.
///
/// # Example
/// ```
#[doc = include_str!("example.md")]
/// use astern_rca::Ranker;
/// use astern_rca::ranker::baseline::SecondOrderWalk;
///
/// let ranking = SecondOrderWalk.rank(&graph, &incident)?;
/// assert_eq!(ranking.causes[0].subject, cart.into());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SecondOrderWalk;

/// A step that the walk may have taken last.
struct Step {
    from: usize,
    to: usize,
    p: f64,
}

impl Ranker for SecondOrderWalk {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        let walk = Transitions::of(graph, incident)?;
        let all = walk.rows.iter().enumerate();
        let steps: Vec<Step> = all
            .flat_map(|(from, row)| {
                row.iter().map(move |(to, p)| Step {
                    from,
                    to: *to,
                    p: *p,
                })
            })
            .collect();
        let spread = |before: &[(f64, f64)], next: &mut [f64]| {
            for (step, next) in steps.iter().zip(next) {
                let (alike, fresh) = before[step.from];
                *next += alike + fresh * step.p;
            }
        };
        // What goes on from a last step of probability p, as a share for every way on and a share
        // to be spread by their probabilities.
        let onward = |p: f64, to: usize| {
            let total = (1.0 - BETA) * p * walk.rows[to].len() as f64 + BETA;
            ((1.0 - BETA) * p / total, BETA / total)
        };
        let resting = walk.rows[walk.start]
            .iter()
            .find(|(to, _)| *to == walk.start);
        let mut before = vec![(0.0, 0.0); walk.rows.len()];
        before[walk.start] = onward(resting.map_or(0.0, |(_, p)| *p), walk.start);
        let mut start = vec![0.0; steps.len()];
        spread(&before, &mut start);
        let limit = Limit::of_walk(start, |shares, next| {
            let mut before = vec![(0.0, 0.0); walk.rows.len()];
            for (step, share) in steps.iter().zip(shares) {
                let (alike, fresh) = onward(step.p, step.to);
                before[step.to].0 += share * alike;
                before[step.to].1 += share * fresh;
            }
            spread(&before, next);
        });
        let mut time = vec![0.0; walk.rows.len()];
        for (step, share) in steps.iter().zip(&limit.shares) {
            time[step.to] += share;
        }
        Ok(walk.ranking(&limit, &time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::assert_scores;
    use crate::ranker::baseline::random_walk::tests::pair;

    #[test]
    fn a_step_remembers_the_one_before() {
        // P is .2 into a and .8 into b, from either. At a: .7 · .2 + .3 · .2 to a, .7 · .2 + .3 · .8 to
        // b, so 19/29 go on to b. At b: .56 + .06 to a, .56 + .24 to b, so 31/71 go back.
        let (to_b, to_a) = (19.0 / 29.0, 31.0 / 71.0);
        let b = to_b / (to_b + to_a);
        let ranked = pair().scores(&SecondOrderWalk, "a");
        assert_scores(&ranked, &[("b", b), ("a", 1.0 - b)]);
    }

    #[test]
    fn a_symptom_alone_keeps_the_walk() {
        let ranked = pair().scores(&SecondOrderWalk, "b");
        assert_scores(&ranked, &[("b", 1.0)]);
    }
}
