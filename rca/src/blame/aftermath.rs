//! What suffers from a change, and what would stay broken once it is undone.

use std::collections::BTreeSet;

use astern_graph_core::signal::StaysBroken;
use astern_graph_core::{ChangeEvent, NodeId, NodeKey, Reversibility};

use super::facts::{Facts, served_by};

/// Nodes but for the service itself that are on its path to the symptom, or that a fault of it
/// can reach and that are anomalous; sorted.
pub(super) fn collateral(
    facts: &Facts<'_>,
    service: &NodeKey,
    reached: &BTreeSet<NodeId>,
) -> Vec<NodeKey> {
    let path = facts.causes.get(service).map_or(&[][..], |(_, path)| path);
    let hurt = reached.iter().filter_map(|id| facts.graph.key(*id));
    let hurt = hurt.filter(|key| facts.anomalous.contains(key));
    let all: BTreeSet<&NodeKey> = hurt.chain(path).filter(|key| *key != service).collect();
    all.into_iter().cloned().collect()
}

/// Anomalous nodes that no fault of the service can have reached, sorted, and data that the
/// revision before cannot use.
pub(super) fn stays_broken(
    facts: &Facts<'_>,
    start: &ChangeEvent,
    reached: &BTreeSet<NodeId>,
) -> Vec<StaysBroken> {
    let explained = |key: &NodeKey| {
        let id = facts.graph.id(served_by(facts.graph, key));
        id.is_some_and(|id| reached.contains(&id))
    };
    let others = facts.anomalous.iter().filter(|key| !explained(key));
    let mut left: Vec<StaysBroken> = others
        .map(|key| StaysBroken::Unexplained((*key).clone()))
        .collect();
    if let Reversibility::ForwardOnly { min_compatible } = &start.reversibility {
        left.push(StaysBroken::Data {
            min_compatible: min_compatible.clone(),
        });
    }
    left
}
