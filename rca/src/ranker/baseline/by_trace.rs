//! What the rankers on single traces have in common.

use std::collections::BTreeMap;

use astern_graph_core::signal::{Abstention, RankedCause};
use astern_graph_core::{NodeKey, TemporalGraph};
use astern_stats::order;

use crate::candidates::symptom;
use crate::error::RankError;
use crate::incident::{Incident, TracePair};
use crate::ranker::Ranking;
use crate::trace::coverage::Coverage;

/// The traces of an incident.
pub(super) fn pair<'a>(
    graph: &TemporalGraph,
    incident: &'a Incident,
) -> Result<&'a TracePair, RankError> {
    symptom(graph, incident)?;
    incident.traces.as_ref().ok_or(RankError::NoTraces)
}

/// Blames services by their operation with the greatest score. Without an abnormal trace there
/// is nothing to explain.
pub(super) fn blame(coverage: &Coverage<'_>, scores: &[f64]) -> Ranking {
    if coverage.abnormal.traces.is_empty() {
        return Ranking::abstain(Abstention::NoAnomaly);
    }
    let mut best: BTreeMap<&NodeKey, usize> = BTreeMap::new();
    for (i, operation) in coverage.operations.iter().enumerate() {
        let seen = coverage.abnormal.through[i] + coverage.normal.through[i] > 0;
        let known = best
            .get(&operation.service)
            .map_or(f64::NAN, |known| scores[*known]);
        if seen && order::ascending(known, scores[i]).is_lt() {
            best.insert(&operation.service, i);
        }
    }
    let causes = best.into_iter().map(|(service, i)| {
        RankedCause::new(service.clone(), scores[i]).because([coverage.evidence(i)])
    });
    Ranking::of(causes.collect())
}
