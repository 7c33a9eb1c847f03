//! What a person on call does who knows nothing: when the system gets worse, the latest change goes back; if that does not
//! help, the one before it.

use std::time::Duration;

use astern::{Event, Guard};
use astern_graph_core::signal::Verdict;
use astern_graph_core::{Record, Timestamp};
use astern_sim::SimExecutor;

use super::{Controller, Started, WAIT};
use crate::EvalError;
use crate::simulated::params;

/// The guard of a dry run says whether the system is worse.
#[derive(Debug)]
pub(super) struct Latest {
    guard: Guard,
    started: Started,
}

impl Latest {
    pub(super) fn new(step: Duration) -> Result<Self, EvalError> {
        Ok(Self {
            guard: Guard::new(params(step))?,
            started: Started::default(),
        })
    }
}

impl Controller for Latest {
    fn step(
        &mut self,
        records: Vec<Record>,
        now: Timestamp,
        platform: &SimExecutor,
    ) -> Result<(), EvalError> {
        self.started.take(&records);
        let is_worse = |event: &Event| {
            matches!(event, Event::Assessed(assessment)
                if assessment.change.is_none() && assessment.verdict == Verdict::Regressed)
        };
        let is_worse = self.guard.observe(records, now).iter().any(is_worse);
        let last = self.started.undone.values().max();
        let is_soon = last.is_some_and(|last| now.since(*last) < WAIT);
        let latest = self.started.active().next_back().cloned();
        match latest {
            Some(change) if is_worse && !is_soon => self.started.undo(&change, now, platform),
            _ => Ok(()),
        }
    }
}
