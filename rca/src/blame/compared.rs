//! The active changes, each with what its new and its old side did.

use astern_graph_core::{ChangeEvent, TemporalGraph};

use super::active::active_changes;
use super::contrast::Contrast;
use super::sides::Units;
use crate::incident::Incident;

/// An active change, its sides and their difference: read once an incident, for the channel of changes and
/// for blame.
#[derive(Debug)]
pub(crate) struct Compared {
    /// The first step of the change.
    pub(crate) start: ChangeEvent,
    pub(super) units: Option<Units>,
    /// The difference, or why there is none.
    pub(super) contrast: Result<Contrast, &'static str>,
}

impl Compared {
    /// The changes that may be to blame, by id.
    pub(crate) fn all(graph: &TemporalGraph, incident: &Incident) -> Vec<Self> {
        let active = active_changes(graph, incident).into_iter();
        let compared = active.map(|start| {
            let units = Units::of(graph, incident, &start);
            let contrast = match &units {
                Some(units) => Contrast::of(&start, units),
                None => Err("no calls to what is new were seen"),
            };
            Self {
                start,
                units,
                contrast,
            }
        });
        compared.collect()
    }

    /// What the comparison says where old instances stood beside the new ones.
    pub(crate) fn controlled(&self) -> Option<&Contrast> {
        self.contrast.as_ref().ok().filter(|found| found.controlled)
    }
}
