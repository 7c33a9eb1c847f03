//! Absolute correlation with the symptom.

use astern_graph_core::TemporalGraph;
use astern_graph_core::signal::{Evidence, RankedCause};
use astern_stats::correlation::pearson;

use crate::candidates::{Candidate, candidate, filled, symptom};
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::{Ranker, Ranking};

/// Ranks every node but the symptom's by `|r|` between its series of the symptom's metric and the
/// symptom, over the abnormal steps. Uses no graph.
///
/// The plainest of baselines, and a strong one (the ranked-correlation baseline of the `PetShop`
/// benchmark, Hardt et al. 2024, without its filter of anomalous nodes). As there, a missing value
/// counts as the mean of the series, so sparse series correlate less. `O(N · T)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CorrelationRanker;

impl Ranker for CorrelationRanker {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        let target = symptom(graph, incident)?;
        let mut causes = Vec::new();
        for id in graph.ids().filter(|id| *id != target.id) {
            let Some(node) = candidate(graph, incident, id, &incident.symptom.metric)? else {
                continue;
            };
            let r = together(&node, &target);
            let evidence = Evidence::Correlation {
                metric: node.feature.name,
                r,
            };
            causes.push(RankedCause::new(node.key, r.abs()).because([evidence]));
        }
        Ok(Ranking::of(causes))
    }
}

/// Correlation over the abnormal steps, where a missing value counts as the mean of its series; 0
/// where one does not vary.
pub(super) fn together(a: &Candidate, b: &Candidate) -> f64 {
    pearson(&filled(&a.abnormal), &filled(&b.abnormal)).unwrap_or(0.0)
}
