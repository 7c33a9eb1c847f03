//! `MicroRank`: `PageRank` over traces and operations, then their spectrum.

use std::collections::BTreeMap;

use astern_graph_core::TemporalGraph;
use serde::{Deserialize, Serialize};

use super::by_trace::{blame, pair};
use super::page_rank::DAMPING;
use super::spectrum::{Formula, TINY};
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::{Ranker, Ranking};
use crate::trace::coverage::{Coverage, Side};

/// Weight of calls between operations against that of the traces through them.
const OMEGA: f64 = 0.01;
/// Share of the preference for short traces against that for rare kinds, of abnormal ones.
const PHI: f64 = 0.5;
const ROUNDS: usize = 25;

/// Ranks services by the spectrum of their operations, in which an operation counts by its rank
/// among those of abnormal traces and of normal ones.
///
/// **Abnormal traces.** A trace of the abnormal range is abnormal when its first call took more
/// than 50 ms longer than `Σ (μ_o + σ_o)` over its calls, where μ and σ are of the self times of the
/// operation in the [healthy traces](Incident::traced); an operation that was not seen there is
/// expected to take no time.
///
/// **Walk.** On either side, `s = d (A_ot r + ω A_oo s)` for operations and
/// `r = d A_to s + (1 - d) u` for traces, 25 rounds, d = .85, ω = .01, each vector over its
/// greatest element after each round. `A_ot` leads from a trace to its operations, `A_to` back,
/// `A_oo` from an operation to those called on its behalf; all spread evenly. u prefers rare kinds
/// of traces, those with few of the same operations, and among abnormal ones those with few
/// operations: `u_i ∝ φ n_i⁻¹ / Σ n_j⁻¹ + (1 - φ) k_i⁻¹ / Σ k_j⁻¹`, φ = .5, for n operations and k
/// traces of the kind; normal ones by `k_i⁻¹ / Σ k_j⁻¹` alone. The weight of an operation is its
/// rank times the mean rank.
///
/// **Spectrum.** With the weights F among abnormal traces and P among normal ones, `ef = F N_ef`,
/// `nf = F (N_f - N_ef)`, `ep = P N_ep` for the counts N of traces; a [`Formula`] gives the score
/// of the operation, and a service has that of its most suspicious one.
///
/// `MicroRank` (Yu et al., WWW 2021). Deviations from its code: φ and both preferences are as in
/// the paper (there a bracket is misplaced); where the abnormal range has no normal trace, the
/// healthy range stands for it, instead of no answer; an operation is one of a service, not of an
/// instance. As there, an operation that only abnormal traces have gets `ep = 1e-7`, and one that
/// only normal ones have `ef = nf = 1e-7`, `ep = (1 + P) N_ep`. Abstains when no trace is abnormal.
///
/// # Errors
/// [`RankError`] when the graph does not hold the symptom or the incident carries no traces.
///
/// # Complexity
/// `O(n log n)` in time for n calls, and `O(n)` in memory.
///
/// # Example
/// ```
#[doc = include_str!("example.md")]
#[doc = include_str!("example_traces.md")]
/// use astern_rca::Ranker;
/// use astern_rca::ranker::baseline::MicroRank;
///
/// // `cart` was slow, and every second request went through it.
/// let ranking = MicroRank::default().rank(&graph, &incident.traced(healthy, abnormal))?;
/// assert_eq!(ranking.causes[0].subject, cart.into());
/// println!("{ranking}"); // 10 of 10 requests that went wrong went through it, 0 of 10 others
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct MicroRank {
    formula: Formula,
}

impl MicroRank {
    /// By that formula; [`Dstar2`](Formula::Dstar2) is that of its code.
    pub fn by(formula: Formula) -> Self {
        Self { formula }
    }
}

impl Ranker for MicroRank {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        let coverage = Coverage::of(pair(graph, incident)?);
        let (abnormal, normal) = (&coverage.abnormal, &coverage.normal);
        let (f, p) = (weights(abnormal, true), weights(normal, false));
        let score = |i: usize| {
            let (n_ef, n_ep) = (abnormal.through[i], normal.through[i]);
            let (ef, nf, ep) = match (n_ef, n_ep) {
                (0, _) => (TINY, TINY, (1.0 + p[i]) * n_ep as f64),
                (_, 0) => (f[i] * n_ef as f64, past(f[i], abnormal, n_ef), TINY),
                _ => (
                    f[i] * n_ef as f64,
                    past(f[i], abnormal, n_ef),
                    p[i] * n_ep as f64,
                ),
            };
            self.formula.score(ef, ep, nf)
        };
        let scores: Vec<f64> = (0..coverage.operations.len()).map(score).collect();
        Ok(blame(&coverage, &scores))
    }
}

fn past(weight: f64, side: &Side, through: usize) -> f64 {
    weight * (side.traces.len() - through) as f64
}

/// The weight of each operation; 0 for those of no trace of this side.
fn weights(side: &Side, abnormal: bool) -> Vec<f64> {
    let preferences = preferences(side, abnormal);
    let ways = side.through.iter().filter(|n| **n > 0).count();
    let all = (ways + side.traces.len()) as f64;
    let covered = |n: &usize| if *n > 0 { 1.0 / all } else { 0.0 };
    let mut operations: Vec<f64> = side.through.iter().map(covered).collect();
    let mut traces = vec![1.0 / all; side.traces.len()];
    for _ in 0..ROUNDS {
        let mut next = vec![0.0; operations.len()];
        let mut next_traces: Vec<f64> = preferences.iter().map(|u| (1.0 - DAMPING) * u).collect();
        for (i, trace) in side.traces.iter().enumerate() {
            for operation in trace {
                next[*operation] += DAMPING * traces[i] / trace.len() as f64;
                let back = operations[*operation] / side.through[*operation] as f64;
                next_traces[i] += DAMPING * back;
            }
        }
        for (callees, rank) in side.callees.iter().zip(&operations) {
            for callee in callees {
                next[*callee] += DAMPING * OMEGA * rank / callees.len() as f64;
            }
        }
        (operations, traces) = (over_greatest(next), over_greatest(next_traces));
    }
    let mean = operations.iter().sum::<f64>() / ways.max(1) as f64;
    operations.into_iter().map(|rank| rank * mean).collect()
}

fn over_greatest(mut values: Vec<f64>) -> Vec<f64> {
    let greatest = values.iter().copied().fold(0.0, f64::max);
    if greatest > 0.0 {
        for x in &mut values {
            *x /= greatest;
        }
    }
    values
}

/// Where the walk begins again, as shares of 1.
fn preferences(side: &Side, abnormal: bool) -> Vec<f64> {
    let mut kinds: BTreeMap<&[usize], usize> = BTreeMap::new();
    for trace in &side.traces {
        *kinds.entry(trace).or_default() += 1;
    }
    let traces = side.traces.iter();
    let rare = shares(traces.clone().map(|trace| 1.0 / kinds[&trace[..]] as f64));
    if !abnormal {
        return rare;
    }
    let short = shares(traces.map(|trace| 1.0 / trace.len() as f64));
    let blend = |(rare, short): (&f64, &f64)| PHI * short + (1.0 - PHI) * rare;
    rare.iter().zip(&short).map(blend).collect()
}

fn shares(values: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let total: f64 = values.clone().sum();
    values.map(|x| x / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{assert_scores, trace_scores};

    #[test]
    fn ranks_weigh_the_spectrum() {
        // One abnormal trace through web and cart, one normal through web, whose weight is then 1.
        // In the abnormal walk cart is the greatest, and web's rank x is half of what the trace has to
        // give over half and .01 x: .5 x + .01 x² = .5.
        let x = (0.27_f64.sqrt() - 0.5) / 0.02;
        let (cart, web) = (f64::midpoint(1.0, x), x * f64::midpoint(1.0, x));
        let scores = |ranker| trace_scores(&ranker, &[("cart", 10)], &[("cart", 500), ("", 0)]);
        let expected = [("cart", cart * cart / 1e-7), ("web", web * web)];
        assert_scores(&scores(MicroRank::default()), &expected);
        let ochiai = |weight: f64, ep: f64| (weight / (weight + ep)).sqrt();
        let expected = [("cart", ochiai(cart, 1e-7)), ("web", ochiai(web, 1.0))];
        assert_scores(&scores(MicroRank::by(Formula::Ochiai)), &expected);
    }

    #[test]
    fn what_only_normal_traces_have_scores_least() {
        let healthy = [("cart", 10), ("stock", 10)];
        let found = trace_scores(
            &MicroRank::default(),
            &healthy,
            &[("cart", 500), ("stock", 10)],
        );
        let (name, score) = &found[2];
        assert_eq!(name, "stock");
        // Its ef and nf are 1e-7, its ep 1 + P for a weight P of at most 1.
        assert!((1e-14 / 2.0..=1e-14).contains(score), "{found:?}");
    }

    #[test]
    fn rare_and_short_traces_are_preferred() {
        let side = Side {
            traces: vec![vec![0, 1], vec![0, 1], vec![0, 1, 2]],
            ..Side::default()
        };
        // Kinds of 2, 2 and 1: .25 .25 .5. Of 2, 2 and 3 operations: .375 .375 .25.
        for (abnormal, expected) in [(false, [0.25, 0.25, 0.5]), (true, [0.3125, 0.3125, 0.375])] {
            let found = preferences(&side, abnormal);
            let close = found
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-12);
            assert!(close && found.len() == 3, "{found:?}");
        }
    }

    #[test]
    fn without_an_abnormal_trace_it_abstains() {
        let healthy = [("cart", 10)];
        assert!(trace_scores(&MicroRank::default(), &healthy, &healthy).is_empty());
    }
}
