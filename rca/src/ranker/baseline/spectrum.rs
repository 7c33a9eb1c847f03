//! Spectrum-based fault localisation on traces.

use astern_graph_core::TemporalGraph;
use serde::{Deserialize, Serialize};

use super::by_trace::{blame, pair};
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::{Ranker, Ranking};
use crate::trace::coverage::Coverage;

/// Stands for 0 where nothing would be divided by it.
pub(super) const TINY: f64 = 1e-7;

/// How a spectrum becomes a score, from the counts of traces: abnormal ones through an operation
/// (ef), normal ones through it (ep) and abnormal ones past it (nf).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Formula {
    /// `ef² / (ep + nf)` (D* with an exponent of 2; Wong et al. 2014).
    #[default]
    Dstar2,
    /// `ef / √((ef + nf)(ef + ep))` (Ochiai 1957).
    Ochiai,
    /// `ef / (ef + nf + ep)`: 1 / (1/s + 1/c - 1) for the support s among abnormal traces and the
    /// confidence c (Jaccard 1901).
    Jaccard,
}

impl Formula {
    pub(super) fn score(self, ef: f64, ep: f64, nf: f64) -> f64 {
        let over = |whole: f64| whole.max(TINY);
        match self {
            Self::Dstar2 => ef * ef / over(ep + nf),
            Self::Ochiai => ef / over(((ef + nf) * (ef + ep)).sqrt()),
            Self::Jaccard => ef / over(ef + nf + ep),
        }
    }
}

/// Ranks services by how much their presence in a trace predicts whether it went wrong.
///
/// A trace of the abnormal range is abnormal when it took longer than its operations explain (see
/// [`MicroRank`](super::MicroRank)). For each operation the abnormal and normal traces through it
/// and past it are counted, and a [`Formula`] gives the score; a service has that of its most
/// suspicious operation.
///
/// Spectrum-based fault localisation (Abreu et al. 2007) with traces in the place of test runs:
/// what [`MicroRank`](super::MicroRank) is without its walk. Operations that the same traces go
/// through are tied. A sum of 0 below the line counts as 1e-7. Abstains when no trace is abnormal.
///
/// # Errors
/// [`RankError`] when the graph does not hold the symptom or the incident carries no traces.
///
/// # Complexity
/// `O(n log n)` in time and `O(n)` in memory for n calls.
///
/// # Example
/// ```
#[doc = include_str!("example.md")]
#[doc = include_str!("example_traces.md")]
/// use astern_rca::Ranker;
/// use astern_rca::ranker::baseline::{Formula, SpectrumRanker};
///
/// // `cart` was slow, and every second request went through it.
/// let ranker = SpectrumRanker::by(Formula::Jaccard);
/// let ranking = ranker.rank(&graph, &incident.traced(healthy, abnormal))?;
/// assert_eq!(ranking.causes[0].subject, cart.into());
/// assert!((ranking.causes[1].score - 0.5).abs() < 1e-12); // all went through `web`
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SpectrumRanker {
    formula: Formula,
}

impl SpectrumRanker {
    /// By that formula.
    pub fn by(formula: Formula) -> Self {
        Self { formula }
    }
}

impl Ranker for SpectrumRanker {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        let coverage = Coverage::of(pair(graph, incident)?);
        let score = |i: usize| {
            let abnormal_through = coverage.abnormal.through[i] as f64;
            let past = coverage.abnormal.traces.len() as f64 - abnormal_through;
            self.formula
                .score(abnormal_through, coverage.normal.through[i] as f64, past)
        };
        let scores: Vec<f64> = (0..coverage.operations.len()).map(score).collect();
        Ok(blame(&coverage, &scores))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{assert_scores, requests, trace_scores};
    use crate::incident::TracePair;

    const HEALTHY: [(&str, u64); 3] = [("cart", 10), ("stock", 10), ("", 0)];

    #[test]
    fn formulas_of_the_counts() {
        // Abnormal through, normal through, abnormal past: web 2 2 0, cart 2 1 0, stock 0 1 2.
        let abnormal = [("cart", 500), ("cart", 500), ("stock", 10), ("cart", 10)];
        for (formula, web, cart) in [
            (Formula::Dstar2, 2.0, 4.0),
            (Formula::Ochiai, 2.0 / 8.0_f64.sqrt(), 2.0 / 6.0_f64.sqrt()),
            (Formula::Jaccard, 0.5, 2.0 / 3.0),
        ] {
            let ranked = trace_scores(&SpectrumRanker::by(formula), &HEALTHY, &abnormal);
            assert_scores(&ranked, &[("cart", cart), ("web", web), ("stock", 0.0)]);
        }
    }

    #[test]
    fn a_trace_is_abnormal_beyond_what_its_operations_explain() {
        // 20 + 10 + 50 ms are expected of a trace through the cart, 20 + 50 through another.
        let called = [
            ("cart", 60),
            ("cart", 61),
            ("other", 50),
            ("other", 51),
            ("", 0),
        ];
        let of = |healthy: &[(&str, u64)], abnormal: &[(&str, u64)]| {
            let (healthy, abnormal) = (requests(healthy), requests(abnormal));
            let pair = TracePair { healthy, abnormal };
            let coverage = Coverage::of(&pair);
            let sides = [&coverage.abnormal, &coverage.normal];
            sides.map(|side| side.traces.len())
        };
        assert_eq!(of(&HEALTHY, &called), [2, 3]);
        assert_eq!(of(&HEALTHY, &called[1..2]), [1, 3]); // the healthy ones stand in
        assert_eq!(of(&[], &called), [4, 1]);
        assert_eq!(of(&HEALTHY, &[]), [0, 3]);
    }

    #[test]
    fn without_an_abnormal_trace_it_abstains() {
        assert!(trace_scores(&SpectrumRanker::default(), &HEALTHY, &HEALTHY).is_empty());
        assert!(trace_scores(&SpectrumRanker::default(), &HEALTHY, &[]).is_empty());
    }
}
