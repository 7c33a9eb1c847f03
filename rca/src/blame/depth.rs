//! How far the change's service is from the symptom.

use astern_graph_core::signal::Evidence;
use astern_graph_core::{ChangeEvent, EdgeKind, NodeKey};

use super::facts::Facts;
use super::params::BlameParams;
use super::weight::Weight;

/// `depth · (4 / (2 + hops) - 1)`: the term `2 / (2 + d)` of `ChangeRCA` (Yu et al. 2024), scaled so
/// that it is 0 at two hops and lies between -1 and 1; -1 where no fault can come to the symptom; 0 where no edge of one of
/// the two is known.
pub(super) fn weigh(params: &BlameParams, facts: &Facts<'_>, start: &ChangeEvent) -> Weight {
    let id = facts.graph.id(&start.service);
    let hops = id.and_then(|id| facts.hops.get(&id)).copied();
    let symptom = &facts.incident.symptom.node;
    let unknown = [&start.service, symptom]
        .into_iter()
        .find(|key| !has_edges(facts, key));
    if let (None, Some(without_edges)) = (hops, unknown) {
        let evidence = Evidence::UnknownDistance {
            from: start.service.clone(),
            to: symptom.clone(),
            without_edges: without_edges.clone(),
        };
        return Weight::new(0.0, evidence);
    }
    let nearness = hops.map_or(-1.0, |hops| 4.0 / (2.0 + f64::from(hops)) - 1.0);
    let evidence = Evidence::Distance {
        from: start.service.clone(),
        to: symptom.clone(),
        hops,
    };
    Weight::new(params.depth * nearness, evidence)
}

fn has_edges(facts: &Facts<'_>, key: &NodeKey) -> bool {
    let of_calls = |id| {
        let mut edges = facts.graph.edges();
        edges.any(|(from, to, kind)| kind != EdgeKind::RunsOn && (from == id || to == id))
    };
    facts.graph.id(key).is_some_and(of_calls)
}
