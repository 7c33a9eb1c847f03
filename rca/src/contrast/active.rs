//! Which changes may be to blame at all.

use std::collections::{BTreeMap, BTreeSet};

use astern_graph_core::{ChangeEvent, ChangeId, ChangePhase, TemporalGraph, TimeRange, Timestamp};

use crate::incident::Incident;

/// First step of every change with a step in the incident's time that is not rolled back at its end.
pub(super) fn active_changes(graph: &TemporalGraph, incident: &Incident) -> Vec<ChangeEvent> {
    let end = incident.abnormal.end;
    let from = incident.healthy.start.min(incident.abnormal.start);
    let (Ok(range), Ok(until_end)) = (
        TimeRange::new(from, end),
        TimeRange::new(Timestamp::MIN, end),
    ) else {
        return Vec::new();
    };
    let seen: BTreeSet<&ChangeId> = graph.changes(range).iter().map(|step| &step.id).collect();
    let steps = graph.changes(until_end).iter();
    let mut active: BTreeMap<&ChangeId, &ChangeEvent> = BTreeMap::new();
    for step in steps.filter(|step| seen.contains(&step.id)) {
        if step.phase == ChangePhase::RolledBack {
            active.remove(&step.id);
        } else {
            active.entry(&step.id).or_insert(step);
        }
    }
    active.into_values().cloned().collect()
}
