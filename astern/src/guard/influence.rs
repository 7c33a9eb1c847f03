//! How strongly faults show at callers, for the planner's ranking by impact.

use std::collections::BTreeSet;

use astern_graph_core::schema::LATENCY_MS_P95;
use astern_graph_core::signal::Diagnosis;
use astern_graph_core::{NodeId, TemporalGraph, TimeRange};
use astern_rollback_policy::InfluenceWeights;
use astern_stats::ParamError;

/// Transfer entropy on the call edges over which a fault of a blamed service can travel, estimated
/// on healthy data. An edge weighs `(1 + w) / 2` for the share w of the caller's variance that the
/// callee's past explains, and 1 where it cannot be estimated: what is not seen to influence still
/// depends on it.
pub(super) fn of_blamed(
    graph: &TemporalGraph,
    diagnosis: &Diagnosis,
    healthy: TimeRange,
) -> Result<InfluenceWeights, ParamError> {
    let blamed = diagnosis
        .changes
        .iter()
        .filter_map(|blamed| graph.id(&blamed.service));
    let reached: BTreeSet<NodeId> = blamed
        .flat_map(|id| graph.blast_radius(id).into_keys())
        .collect();
    let mut influence = InfluenceWeights::full();
    for callee in &reached {
        for caller in graph.callers(*callee) {
            let Some((from, to)) = graph.key(*callee).zip(graph.key(caller)) else {
                continue;
            };
            let metric = LATENCY_MS_P95.into();
            let found = astern_rca::influence::influence(graph, from, to, &metric, healthy);
            if let Some(weight) = found.weight {
                let weight = f64::midpoint(1.0, weight);
                influence = influence.with(from.clone(), to.clone(), weight)?;
            }
        }
    }
    Ok(influence)
}
