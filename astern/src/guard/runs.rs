//! Runs under way: several at a time, at most one of a service.

use std::collections::BTreeSet;

use astern_graph_core::{CodecError, NodeKey, Timestamp};
use astern_rollback_policy::{
    Action, Failure, Plan, PlanId, Run, RunError, RunParams, RunState, StepId, StepStatus,
};
use serde::{Deserialize, Serialize};

use super::event::Event;

/// Runs under way.
#[derive(Debug, Default)]
pub(super) struct Runs(Vec<Held>);

#[derive(Debug)]
struct Held {
    run: Run,
    /// Steps whose end was reported.
    reported: BTreeSet<StepId>,
}

/// A run as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stored {
    run: Vec<u8>,
    reported: BTreeSet<StepId>,
}

impl Runs {
    pub(super) fn begin(&mut self, run: Run) {
        self.0.push(Held {
            run,
            reported: BTreeSet::new(),
        });
    }

    /// When the first of them wants to go on.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.0.iter().filter_map(|held| held.run.deadline()).min()
    }

    /// The run of a plan.
    pub(super) fn of_plan(&mut self, plan: PlanId) -> Option<&mut Run> {
        let mut runs = self.0.iter_mut().map(|held| &mut held.run);
        runs.find(|run| run.plan().id == plan)
    }

    /// Whether one of them changes a service that a plan would change.
    pub(super) fn meet(&self, plan: &Plan) -> bool {
        let changed = plan.changed_services();
        let mut plans = self.0.iter().map(|held| held.run.plan());
        plans.any(|plan| !plan.changed_services().is_disjoint(&changed))
    }

    /// Whether one of them changes what serves users.
    pub(super) fn change_services(&self) -> bool {
        self.0.iter().any(|held| held.run.plan().changes_services())
    }

    /// Asks each what to do, reports the steps that have come to their end, and gives up the runs that are over.
    pub(super) fn poll(&mut self, now: Timestamp, events: &mut Vec<Event>) -> Vec<Run> {
        for held in &mut self.0 {
            let requests = held.run.poll(now);
            for step in &held.run.plan().steps {
                let status = held.run.status(step.id).filter(|status| status.is_final());
                if let Some(status) = status
                    && held.reported.insert(step.id)
                {
                    let ok = matches!(status, StepStatus::Verified | StepStatus::Possible);
                    let (plan, step) = (held.run.plan().id, step.id);
                    events.push(Event::Verified { plan, step, ok });
                }
            }
            events.extend(requests.into_iter().map(Event::Execute));
        }
        let is_over = |held: &mut Held| held.run.state() != RunState::Running;
        let over = self.0.extract_if(.., is_over);
        over.map(|held| held.run).collect()
    }

    pub(super) fn to_stored(&self) -> Result<Vec<Stored>, CodecError> {
        let stored = |held: &Held| {
            Ok(Stored {
                run: held.run.to_bytes()?,
                reported: held.reported.clone(),
            })
        };
        self.0.iter().map(stored).collect()
    }

    /// Under the parameters and the fence of their next holder.
    pub(super) fn restore(
        stored: Vec<Stored>,
        params: &RunParams,
        fence: u64,
    ) -> Result<Self, RunError> {
        let held = |stored: Stored| {
            let mut run = Run::from_bytes(&stored.run, params.clone())?;
            run.resume(fence)?;
            let reported = stored.reported;
            Ok(Held { run, reported })
        };
        stored
            .into_iter()
            .map(held)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// Why a run needs a person, and the service that this is about: its first step that failed, else the first whose effect
/// could not be seen.
pub(super) fn needs_person(run: &Run) -> Option<(NodeKey, String)> {
    let of_steps = |why: fn(&Action, &StepStatus) -> Option<String>| {
        run.plan().steps.iter().find_map(|step| {
            let why = why(&step.action, run.status(step.id)?)?;
            Some((step.action.node().clone(), why))
        })
    };
    of_steps(why_failed).or_else(|| of_steps(why_unverified))
}

fn why_failed(action: &Action, status: &StepStatus) -> Option<String> {
    let StepStatus::Failed(failure) = status else {
        return None;
    };
    Some(match failure {
        Failure::NotMet { check } if check.is_metric() => {
            format!("done, and it did not help: {action}: {check}")
        }
        failure => format!("cannot go on: {action}: {failure}"),
    })
}

fn why_unverified(action: &Action, status: &StepStatus) -> Option<String> {
    let StepStatus::Unverified { check } = status else {
        return None;
    };
    Some(format!(
        "done, and nobody could see whether this holds: {action}: {check}"
    ))
}
