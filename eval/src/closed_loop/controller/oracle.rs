//! Knows what is to be undone: undoes it at the end of the first step in which it was there, or as soon as a test of its calls,
//! new against old, finds it worse.

use std::collections::{BTreeMap, BTreeSet};

use astern_graph_core::{ChangeEvent, ChangeId, Record, Timestamp};
use astern_sim::SimExecutor;

use super::{Controller, Started};
use crate::EvalError;
use crate::closed_loop::family::Story;
use crate::door::sides::Sides;

#[derive(Debug)]
pub(super) struct Oracle {
    culprits: BTreeSet<ChangeId>,
    started: Started,
    /// The calls of each culprit, where it waits for a test.
    sides: Option<BTreeMap<ChangeId, Sides>>,
    /// Records of steps before any culprit.
    before: Vec<Record>,
}

impl Oracle {
    pub(super) fn new(story: &Story) -> Self {
        Self {
            culprits: story.culprits.clone(),
            started: Started::default(),
            sides: None,
            before: Vec::new(),
        }
    }

    pub(super) fn that_tests(story: &Story) -> Self {
        Self {
            sides: Some(BTreeMap::new()),
            ..Self::new(story)
        }
    }

    /// Whether a change is undone now.
    fn is_due(&mut self, change: &ChangeEvent, records: &[Record]) -> bool {
        let Some(sides) = &mut self.sides else {
            return true;
        };
        let sides = sides.entry(change.id.clone()).or_insert_with(|| {
            let mut sides = Sides::default();
            sides.take(change, &self.before);
            sides
        });
        sides.take(change, records);
        sides.oracle().rejects()
    }
}

impl Controller for Oracle {
    fn step(
        &mut self,
        records: Vec<Record>,
        now: Timestamp,
        platform: &SimExecutor,
    ) -> Result<(), EvalError> {
        self.started.take(&records);
        let active = self.started.active();
        let bad: Vec<ChangeEvent> = active
            .filter(|change| self.culprits.contains(&change.id))
            .cloned()
            .collect();
        for change in bad {
            if self.is_due(&change, &records) {
                self.started.undo(&change, now, platform)?;
            }
        }
        if self.sides.is_some() {
            self.before.extend(records);
        }
        Ok(())
    }
}
