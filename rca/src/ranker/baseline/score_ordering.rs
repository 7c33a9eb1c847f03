//! The order of anomaly scores.

use astern_graph_core::TemporalGraph;
use astern_graph_core::signal::RankedCause;
use serde::{Deserialize, Serialize};

use super::information::information;
use super::n_sigma::Deviation;
use crate::candidates::symptom;
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::{Ranker, Ranking};
use crate::table::{Metrics, strongest};

/// Ranks nodes by how surprising their abnormal values are: the information-theoretic (IT) score.
///
/// `S(v) = -ln((1 + #{n: d(x_n) >= d(x)}) / (1 + N))` over the N healthy values, with the distance
/// `d(x) = |x - median|`: minus the logarithm of the share of healthy values that are as far off. Of
/// several abnormal steps and metrics the greatest counts. Uses no graph; the symptom's node is a
/// candidate too.
///
/// Score Ordering of Okati, Mejia, Orchard, Blöbaum and Janzing (`NeurIPS` 2025): a root cause is
/// likely to be more anomalous than what it causes. They look at one abnormal sample. All values
/// beyond the healthy ones score the same, `ln(1 + N)`: such nodes are truly tied for this method,
/// and an evaluation must give them the worst of their ranks.
///
/// The evidence shows the deviation in healthy standard deviations beside it. A metric with fewer
/// than 5 healthy values or no abnormal one is left out, so is a node without any other.
///
/// # Errors
/// [`RankError`] when the graph does not hold the symptom.
///
/// # Complexity
/// `O(N · M · T log T)` in time for N nodes of M metrics over T steps, `O(N · T)` in memory.
///
/// # Example
/// ```
#[doc = include_str!("example.md")]
/// use astern_rca::Ranker;
/// use astern_rca::ranker::baseline::ScoreOrdering;
///
/// let ranking = ScoreOrdering::default().rank(&graph, &incident)?;
/// // Both are beyond all 30 healthy values.
/// assert!(ranking.causes.iter().all(|cause| (cause.score - 31_f64.ln()).abs() < 1e-12));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ScoreOrdering {
    metrics: Metrics,
}

impl ScoreOrdering {
    /// Over those metrics of each node.
    pub fn over(metrics: Metrics) -> Self {
        Self { metrics }
    }
}

impl Ranker for ScoreOrdering {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        symptom(graph, incident)?;
        let best = strongest(graph, incident, self.metrics, |series| {
            information(series).map(|score| (score, ()))
        })?;
        let causes = best.into_values().map(|scored| {
            let deviation = Deviation::of(&scored.series);
            let metric = scored.series.feature.name;
            let evidence = deviation.map(|deviation| deviation.evidence(metric));
            RankedCause::new(scored.series.key, scored.score).because(evidence)
        });
        Ok(Ranking::of(causes.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, assert_scores};

    #[test]
    fn nodes_are_ordered_by_surprise_and_tied_beyond_what_was_seen() {
        let healthy = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        let mut fixture = Fixture::new(9, 2);
        fixture.latency("far", &healthy, &[5.0, 500.0]);
        fixture.latency("low", &healthy, &[-1.0, 5.0]);
        fixture.latency("near", &healthy, &[5.0, 8.0]);
        fixture.latency("short", &[f64::NAN; 9], &[5.0, 8.0]);
        fixture.series("near", "cpu_utilisation", &[0.5; 11]);
        let ranked = fixture.scores(&ScoreOrdering::default(), "near");
        let most = 10.0_f64.ln();
        let expected = [("far", most), ("low", most), ("near", 2.0_f64.ln())];
        assert_scores(&ranked, &expected);
    }
}
