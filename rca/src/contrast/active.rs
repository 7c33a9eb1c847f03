//! Which changes may be to blame at all.

use astern_graph_core::view::Attempt;
use astern_graph_core::{ChangeEvent, TemporalGraph};

use crate::incident::Incident;

/// First step of the last attempt of every change with a step of that attempt in the incident's time, where it is not rolled
/// back at its end; by id and service.
pub(super) fn active_changes(graph: &TemporalGraph, incident: &Incident) -> Vec<ChangeEvent> {
    let end = incident.abnormal.end;
    let from = incident.healthy.start.min(incident.abnormal.start);
    let is_active = |attempt: &Attempt<'_>| !attempt.is_rolled_back() && attempt.end().at >= from;
    let attempts = graph.last_attempts(end).into_iter();
    let active = attempts.filter(is_active);
    active.map(|attempt| attempt.start().clone()).collect()
}
