//! What is held of one node and of one edge.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Cells, Slot};
use crate::cell::{Cell, Observation};
use crate::key::NodeKey;
use crate::name::Revision;
use crate::record::Party;
use crate::time::Timestamp;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct NodeState {
    pub(crate) cells: Cells,
    /// Calls that it handled, by the revision that did, and by the user segment.
    pub(crate) by_revision: BTreeMap<Revision, Cells>,
    pub(crate) by_segment: BTreeMap<Arc<str>, Cells>,
    /// Instances only: the services they were seen to belong to, and in which step last.
    pub(crate) owners: BTreeMap<NodeKey, i64>,
    /// Instances only: by step, the revision that was seen last in it; of several at one time the
    /// greatest.
    pub(crate) revisions: BTreeMap<i64, (Timestamp, Revision)>,
    /// Declared by the user, so never retired.
    pub(crate) declared: bool,
}

impl NodeState {
    pub(crate) fn belongs_to(&mut self, service: &NodeKey, step: i64) {
        match self.owners.get_mut(service) {
            Some(last) => *last = step.max(*last),
            None => drop(self.owners.insert(service.clone(), step)),
        }
    }

    /// Of several owners the greatest, so that the order of arrival does not matter.
    pub(crate) fn owner(&self) -> Option<&NodeKey> {
        self.owners.last_key_value().map(|(owner, _)| owner)
    }

    pub(crate) fn runs(&mut self, revision: &Revision, at: Timestamp, step: i64) {
        let later = |(seen, held): &(Timestamp, Revision)| (at, revision) > (*seen, held);
        match self.revisions.get_mut(&step) {
            Some(held) if later(held) => {
                held.0 = at;
                if held.1 != *revision {
                    held.1 = revision.clone();
                }
            }
            Some(_) => {}
            None => {
                // Steps in a row share one name.
                let before = self.revisions.range(..step).next_back();
                let same = before.filter(|(_, (_, held))| held == revision);
                let revision = same.map_or(revision, |(_, (_, held))| held).clone();
                self.revisions.insert(step, (at, revision));
            }
        }
    }

    /// Adds a call that the node handled as this party; `false` where it could not be distinguished by
    /// revision or segment, since there were as many as may be.
    pub(crate) fn handle(
        &mut self,
        call: &Observation,
        step: i64,
        party: &Party,
        segment: Option<&Arc<str>>,
        slices_max: usize,
    ) -> bool {
        self.cells.at(step).receive(call);
        self.in_slices(party, segment, slices_max, |cells| {
            cells.at(step).receive(call);
        })
    }

    /// Adds to what is held of the party's revision and of a segment; `false` where there is no room for one of them.
    pub(crate) fn in_slices(
        &mut self,
        party: &Party,
        segment: Option<&Arc<str>>,
        slices_max: usize,
        add: impl Fn(&mut Cells),
    ) -> bool {
        let revision = party.revision.as_ref();
        let by_revision = in_slice(&mut self.by_revision, revision, slices_max, &add);
        let by_segment = in_slice(&mut self.by_segment, segment, slices_max, &add);
        by_revision && by_segment
    }

    /// Drops what was seen before a step.
    pub(crate) fn drop_before(&mut self, oldest: i64) {
        self.cells.drop_before(oldest);
        let kept = |cells: &mut Cells| {
            cells.drop_before(oldest);
            !cells.is_empty()
        };
        self.by_revision.retain(|_, cells| kept(cells));
        self.by_segment.retain(|_, cells| kept(cells));
        self.owners.retain(|_, last| *last >= oldest);
        self.revisions = self.revisions.split_off(&oldest);
    }

    /// The revision that was seen last.
    pub(crate) fn newest_revision(&self) -> Option<&Revision> {
        let newest = self.revisions.last_key_value();
        newest.map(|(_, (_, revision))| revision)
    }

    /// Adds all that another builder holds of the node; says how many samples there was no room
    /// for, and how many calls are not distinguished by revision or segment for want of room.
    pub(crate) fn merge(&mut self, other: &Self, slices_max: usize) -> (u64, u64) {
        let by_revision = merge_slices(&mut self.by_revision, &other.by_revision, slices_max);
        let by_segment = merge_slices(&mut self.by_segment, &other.by_segment, slices_max);
        for (owner, step) in &other.owners {
            self.belongs_to(owner, *step);
        }
        for (step, (at, revision)) in &other.revisions {
            self.runs(revision, *at, *step);
        }
        self.declared |= other.declared;
        let over_limit = self.cells.merge(&other.cells) + by_revision.0 + by_segment.0;
        (over_limit, by_revision.1 + by_segment.1)
    }
}

fn in_slice<K: Clone + Ord>(
    slices: &mut BTreeMap<K, Cells>,
    key: Option<&K>,
    slices_max: usize,
    add: impl Fn(&mut Cells),
) -> bool {
    let Some(key) = key else { return true };
    let full = slices.len() >= slices_max;
    match slices.get_mut(key) {
        Some(cells) => add(cells),
        None if full => return false,
        None => add(slices.entry(key.clone()).or_default()),
    }
    true
}

/// Says how many samples there was no room for, and how many calls and samples are in slices without room.
fn merge_slices<K: Clone + Ord>(
    mine: &mut BTreeMap<K, Cells>,
    theirs: &BTreeMap<K, Cells>,
    slices_max: usize,
) -> (u64, u64) {
    let (mut over_limit, mut unsliced) = (0, 0);
    for (key, cells) in theirs {
        if mine.len() < slices_max || mine.contains_key(key) {
            over_limit += mine.entry(key.clone()).or_default().merge(cells);
        } else {
            let held = |cell: &Cell| cell.calls().saturating_add(cell.samples());
            unsliced += cells.iter().map(|(_, cell)| held(cell)).sum::<u64>();
        }
    }
    (over_limit, unsliced)
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EdgeState {
    pub(crate) cells: Cells,
    pub(crate) declared: bool,
}

impl EdgeState {
    /// Adds all that another builder holds of the edge; says how many samples there was no room for.
    pub(crate) fn merge(&mut self, other: &Self) -> u64 {
        self.declared |= other.declared;
        self.cells.merge(&other.cells)
    }
}

/// Slots of a party of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) service: Slot,
    pub(crate) instance: Option<Slot>,
}
