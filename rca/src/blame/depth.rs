//! How far the change's service is from the symptom.

use astern_graph_core::ChangeEvent;
use astern_graph_core::signal::Evidence;

use super::facts::Facts;
use super::params::BlameParams;
use super::weight::Weight;

/// `depth · (4 / (2 + hops) - 1)`: the term `2 / (2 + d)` of `ChangeRCA` (Yu et al. 2024), scaled so
/// that it is 0 at two hops and lies between -1 and 1; -1 where no fault can come to the symptom.
pub(super) fn weigh(params: &BlameParams, facts: &Facts<'_>, start: &ChangeEvent) -> Weight {
    let id = facts.graph.id(&start.service);
    let hops = id.and_then(|id| facts.hops.get(&id)).copied();
    let nearness = hops.map_or(-1.0, |hops| 4.0 / (2.0 + f64::from(hops)) - 1.0);
    let evidence = Evidence::Distance {
        from: start.service.clone(),
        to: facts.incident.symptom.node.clone(),
        hops,
    };
    Weight::new(params.depth * nearness, evidence)
}
