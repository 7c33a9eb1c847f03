//! What was really wrong.

use std::time::Duration;

use astern_graph_core::{ChangeId, NodeKey, Timestamp};
use serde::{Deserialize, Serialize};

use crate::event::ticks;
use crate::fault::FaultKind;
use crate::scenario::Scenario;

/// The answer to the question that a run poses. Without a fault, all but `changes` is missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GroundTruth {
    /// The change that made things worse.
    pub culprit: Option<ChangeId>,
    /// The service that it changed.
    pub service: Option<NodeKey>,
    /// What is wrong with it.
    pub fault: Option<FaultKind>,
    /// When the first instance got the bad revision.
    pub onset: Option<Timestamp>,
    /// All changes, in the order of their start and then of their ids.
    pub changes: Vec<ChangeId>,
}

impl GroundTruth {
    /// Of a scenario whose parameters were checked.
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let mut releases: Vec<_> = scenario.releases.iter().collect();
        releases.sort_by_key(|release| (release.starts, &release.id));
        let fault = scenario.fault.as_ref();
        let bad = fault.and_then(|fault| releases.iter().find(|r| r.id == fault.change));
        Self {
            culprit: bad.map(|release| release.id.clone()),
            service: bad.map(|release| release.service.clone()),
            fault: fault.map(|fault| fault.kind),
            onset: bad.map(|release| {
                // Batches come on whole ticks.
                let whole = Duration::from_micros(ticks(release.starts));
                scenario.start.plus(whole)
            }),
            changes: releases.iter().map(|r| r.id.clone()).collect(),
        }
    }
}
