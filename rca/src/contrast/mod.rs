//! What each change did: its new against its old side, read once an incident for rankers and for blame.

mod active;
mod difference;
mod units;

use astern_graph_core::{ChangeEvent, TemporalGraph};

use crate::incident::Incident;
use active::active_changes;

pub(crate) use difference::Contrast;
pub(crate) use units::Units;

/// The changes that may be to blame for an incident, each with the difference of its new and its old
/// side ([`ChangeBlame`](crate::blame::ChangeBlame) says how they are compared).
///
/// The comparison reads every instance of every changed service, so it is made once and given to all that
/// look at it: [`Ranker::rank_with`](crate::Ranker::rank_with).
///
/// # Complexity
/// `O(S log S + C · I · T)` for S steps of changes held and the T steps of the I instances of the services
/// of C changes.
#[derive(Debug, Clone)]
pub struct ChangeContrasts(Vec<Compared>);

/// An active change, its sides and their difference.
#[derive(Debug, Clone)]
pub(crate) struct Compared {
    /// The first step of the change.
    pub(crate) start: ChangeEvent,
    pub(crate) units: Option<Units>,
    /// The difference, or why there is none.
    pub(crate) contrast: Result<Contrast, &'static str>,
}

impl ChangeContrasts {
    /// Compares the sides of every active change.
    pub fn of(graph: &TemporalGraph, incident: &Incident) -> Self {
        let active = active_changes(graph, incident).into_iter();
        let compared = active.map(|start| {
            let units = Units::of(graph, incident, &start);
            let contrast = match &units {
                Some(units) => Contrast::of(&start, units),
                None => Err("no calls to what is new were seen"),
            };
            Compared {
                start,
                units,
                contrast,
            }
        });
        Self(compared.collect())
    }

    /// The changes, by id.
    pub(crate) fn changes(&self) -> &[Compared] {
        &self.0
    }
}

impl Compared {
    /// What the comparison says where old instances stood beside the new ones.
    pub(crate) fn controlled(&self) -> Option<&Contrast> {
        self.contrast.as_ref().ok().filter(|found| found.controlled)
    }
}
