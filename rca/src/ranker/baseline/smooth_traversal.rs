//! The steepest rise of the anomaly score from a node's origins to itself.

use std::collections::BTreeMap;

use astern_graph_core::signal::RankedCause;
use astern_graph_core::{NodeId, TemporalGraph};
use serde::{Deserialize, Serialize};

use super::information::information;
use super::n_sigma::Deviation;
use crate::candidates::{Candidate, symptom};
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::{Ranker, Ranking};
use crate::table::{Metrics, strongest};

/// The anomaly score that a [`SmoothTraversal`] goes by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnomalyScore {
    /// The information-theoretic score, as in [`ScoreOrdering`](super::ScoreOrdering): bounded.
    #[default]
    Information,
    /// Healthy standard deviations, as in [`NSigma`](super::NSigma).
    Deviations,
}

/// Ranks the nodes from which a fault can have come to the symptom by how much more anomalous they
/// are than anything that the fault can have come from to them.
///
/// `S(v) - max over the origins p of v of S(p)`, where the score of no origin is 0. Origins are
/// those of [`TemporalGraph::fault_origins`]: of plain calls the callees. A cause is anomalous and
/// what it depends on is not, so the score jumps there, while it changes smoothly where anomalies
/// are only passed on.
///
/// Smooth Traversal of Okati, Mejia, Orchard, Blöbaum and Janzing (`NeurIPS` 2025), over the
/// symptom's metric. A node without telemetry is no candidate and no origin; nor is a node its own
/// origin. The graph may have circles. The symptom's node is a candidate too.
///
/// # Errors
/// [`RankError`] when the graph does not hold the symptom.
///
/// # Complexity
/// `O(N · T log T + E)` in time, `O(N · T + E)` in memory.
///
/// # Example
/// ```
#[doc = include_str!("example.md")]
/// use astern_rca::Ranker;
/// use astern_rca::ranker::baseline::SmoothTraversal;
///
/// let ranking = SmoothTraversal::default().rank(&graph, &incident)?;
/// assert_eq!(ranking.causes[0].subject, cart.into());
/// assert!(ranking.causes[1].score.abs() < 1e-12); // `web` is no more surprising than `cart`
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SmoothTraversal {
    score: AnomalyScore,
}

impl SmoothTraversal {
    /// By that anomaly score.
    pub fn by(score: AnomalyScore) -> Self {
        Self { score }
    }

    fn score(self, series: &Candidate) -> Option<f64> {
        match self.score {
            AnomalyScore::Information => information(series),
            AnomalyScore::Deviations => Deviation::of(series).map(|deviation| deviation.z),
        }
    }
}

impl Ranker for SmoothTraversal {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        let target = symptom(graph, incident)?;
        let scores = strongest(graph, incident, Metrics::Symptom, |series| {
            self.score(series)
                .map(|score| (score, Deviation::of(series)))
        })?;
        let score = |id: NodeId| scores.get(&id).map(|scored| scored.score);
        let ancestry: BTreeMap<NodeId, u32> = graph.fault_ancestry(target.id);
        let causes = ancestry.into_keys().filter_map(|id| {
            let scored = scores.get(&id)?;
            let origins = graph.fault_origins(id).filter(|origin| *origin != id);
            let explained = origins.filter_map(score).reduce(f64::max).unwrap_or(0.0);
            let metric = scored.series.feature.name.clone();
            let evidence = scored.detail.map(|deviation| deviation.evidence(metric));
            let key = scored.series.key.clone();
            Some(RankedCause::new(key, scored.score - explained).because(evidence))
        });
        Ok(Ranking::of(causes.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, assert_scores};

    #[test]
    fn the_jump_of_the_score_is_what_counts() {
        let healthy = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        let mut fixture = Fixture::new(9, 1);
        for (from, to) in [("a", "b"), ("b", "c"), ("b", "d"), ("c", "c"), ("x", "a")] {
            fixture.calls(from, to);
        }
        fixture.latency("a", &healthy, &[8.0]); // ln 2
        fixture.latency("b", &healthy, &[50.0]); // ln 10
        fixture.latency("c", &healthy, &[9.0]); // 2 of 9: ln(10/3)
        fixture.latency("d", &healthy, &[5.0]); // 0
        fixture.latency("x", &healthy, &[500.0]); // a caller of the symptom is no candidate
        let found = fixture.scores(&SmoothTraversal::default(), "a");
        let expected = [
            ("c", (10.0_f64 / 3.0).ln()),
            ("b", 3.0_f64.ln()),
            ("d", 0.0),
            ("a", 0.2_f64.ln()),
        ];
        assert_scores(&found, &expected);

        let sigma = (60.0_f64 / 9.0).sqrt();
        let found = fixture.scores(&SmoothTraversal::by(AnomalyScore::Deviations), "a");
        let expected = [
            ("b", 41.0 / sigma),
            ("c", 4.0 / sigma),
            ("d", 0.0),
            ("a", -42.0 / sigma),
        ];
        assert_scores(&found, &expected);
    }
}
