//! The time from a change to the fault, and the veto for faults that are older.

use std::collections::BTreeSet;

use astern_graph_core::signal::Evidence;
use astern_graph_core::{ChangeEvent, NodeId};

use super::facts::Facts;
use super::params::BlameParams;
use super::weight::Weight;

/// Whether this evidence caps all that speaks for a change.
pub(super) fn vetoes(evidence: &Evidence) -> bool {
    matches!(evidence, Evidence::OlderThanChange { .. })
}

/// From the earliest onset among the nodes that the change can have hurt: decays by half-life after
/// the change (as Gandalf does; Li et al. 2020), vetoes before it. Without an onset, time is no
/// evidence.
pub(super) fn weigh(
    params: &BlameParams,
    facts: &Facts<'_>,
    start: &ChangeEvent,
    reached: &BTreeSet<NodeId>,
) -> Weight {
    let onsets = reached.iter().filter_map(|id| facts.onsets.get(id));
    let Some(onset) = onsets.min().copied() else {
        return Weight::default();
    };
    let change = start.id.clone();
    if onset.plus(facts.graph.step() * params.steps_slack) < start.at {
        let lead = start.at.since(onset);
        return Weight::new(0.0, Evidence::OlderThanChange { change, lead });
    }
    let delay = onset.since(start.at);
    let effect =
        params.recent * (-delay.as_secs_f64() / params.recent_half_life.as_secs_f64()).exp2();
    Weight::new(effect, Evidence::ChangedBefore { change, delay })
}
