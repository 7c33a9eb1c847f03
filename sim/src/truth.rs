//! What was really wrong.

use std::time::Duration;

use astern_graph_core::{ChangeId, NodeKey, Subject, Timestamp};
use serde::{Deserialize, Serialize};

use crate::event::{Tick, ticks};
use crate::fault::{AnyFault, Fault, FaultKind};
use crate::model::Model;
use crate::scenario::Scenario;

/// The answer to the question that a run poses. Where nothing is wrong, all but `changes` is
/// missing; where no release is to blame, `culprit` is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GroundTruth {
    /// The change that made things worse.
    pub culprit: Option<ChangeId>,
    /// The service that is at fault: the one that was changed, or the one of the place. A machine
    /// has none; an edge has the callee.
    pub service: Option<NodeKey>,
    /// The place that is at fault: a service, an instance, a machine or an edge.
    #[serde(default)]
    pub subject: Option<Subject>,
    /// What is wrong with it.
    pub fault: Option<FaultKind>,
    /// When it started; for a release, when it reached the first instance or call.
    pub onset: Option<Timestamp>,
    /// When it ended by itself; what followed from it may last.
    #[serde(default)]
    pub end: Option<Timestamp>,
    /// Services that call the faulty one, directly or not, in the order of their keys.
    #[serde(default)]
    pub callers: Vec<NodeKey>,
    /// All changes, in the order of their start and then of their ids.
    pub changes: Vec<ChangeId>,
    /// What else was wrong, each as the truth of a run in which nothing else is: the rest of
    /// [`Scenario::faults`], in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further: Vec<Self>,
}

impl GroundTruth {
    pub(crate) fn of(scenario: &Scenario, model: &Model) -> Self {
        let incidents = scenario.faults();
        let wrong = incidents.iter().zip(&model.bads);
        let mut truths = wrong.map(|(incident, bad)| {
            let service = model.service_of(bad.place);
            let callers = service.map_or_else(Vec::new, |index| model.callers(index));
            match incident {
                AnyFault::Release(fault) => Self::of_release(scenario, Some(fault), callers),
                AnyFault::Place(fault) => Self {
                    service: service.map(|index| model.services[index].key.clone()),
                    subject: Some(fault.subject.clone()),
                    fault: Some(bad.kind),
                    onset: Some(instant(scenario, bad.during.start)),
                    end: fault.lasts.map(|_| instant(scenario, bad.during.end)),
                    ..Self::of_release(scenario, None, callers)
                },
            }
        });
        let nothing = || Self::of_release(scenario, None, Vec::new());
        let mut truth = truths.next().unwrap_or_else(nothing);
        truth.further = truths.collect();
        truth
    }

    /// Where only a release can be at fault; `callers` are those of its service.
    pub(crate) fn of_release(
        scenario: &Scenario,
        fault: Option<&Fault>,
        callers: Vec<NodeKey>,
    ) -> Self {
        let mut releases: Vec<_> = scenario.releases.iter().collect();
        releases.sort_by_key(|release| (release.starts, &release.id));
        let bad = fault.and_then(|fault| releases.iter().find(|r| r.id == fault.change));
        Self {
            culprit: bad.map(|release| release.id.clone()),
            service: bad.map(|release| release.service.clone()),
            subject: bad.map(|release| Subject::Node(release.service.clone())),
            fault: fault.map(|fault| fault.kind),
            onset: bad.map(|release| instant(scenario, ticks(release.starts))),
            end: None,
            callers,
            changes: releases.iter().map(|r| r.id.clone()).collect(),
            further: Vec::new(),
        }
    }
}

/// Batches come and incidents start on whole ticks.
fn instant(scenario: &Scenario, at: Tick) -> Timestamp {
    scenario.start.plus(Duration::from_micros(at))
}
