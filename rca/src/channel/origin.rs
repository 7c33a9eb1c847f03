//! What no dependency explains.

use std::collections::BTreeMap;

use astern_graph_core::schema::FeatureClass;
use astern_graph_core::{NodeId, TemporalGraph};

use crate::candidates::{Candidate, Shift};

/// Deviation in healthy standard deviations from which a dependency counts as anomalous.
const ANOMALOUS_Z: f64 = 3.0;

/// What the dependencies of a node leave of its excess.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Origin {
    /// Share of the excess, in the metric's unit, that no dependency explains:
    /// `1 − max_d excess(d) / excess`; 1/2 without an excess.
    pub(crate) unexplained: f64,
    /// Dependencies that are anomalous in what users feel.
    pub(crate) anomalous: usize,
}

/// Compares amounts, not significance: a callee whose latency rose by 2 ms does not explain a caller
/// that rose by 200 ms, however significant the 2 ms are. Only dependencies with the same metric
/// count. `O(d)` for d dependencies.
pub(crate) fn read(
    graph: &TemporalGraph,
    nodes: &BTreeMap<NodeId, (Candidate, Shift)>,
    node: &Candidate,
    shift: &Shift,
) -> Origin {
    let known = graph.fault_origins(node.id).filter(|id| *id != node.id);
    let (mut explained, mut anomalous) = (0.0, 0);
    for (other, theirs) in known.filter_map(|id| nodes.get(&id)) {
        if other.feature.name == node.feature.name {
            explained = f64::max(explained, theirs.excess);
        }
        // A busy machine is as often what its guest does to it.
        let is_felt = other.feature.class == FeatureClass::Application;
        anomalous += usize::from(is_felt && theirs.z >= ANOMALOUS_Z);
    }
    let unexplained = if shift.excess > 0.0 {
        1.0 - (explained / shift.excess).min(1.0)
    } else {
        0.5
    };
    Origin {
        unexplained,
        anomalous,
    }
}
