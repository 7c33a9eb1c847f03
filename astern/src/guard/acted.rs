//! What was acted on, so that nothing is done twice.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use astern_graph_core::view::Attempt;
use astern_graph_core::{ChangeEvent, ChangeId, NodeKey, Timestamp};
use astern_rollback_policy::{Mode, Plan};

/// When each change at each service was last acted on: a later attempt is not acted on yet. Of the time, and not of the
/// attempt, since an attempt may be announced, or announced to have begun earlier, after it was acted on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Acted(BTreeMap<(ChangeId, NodeKey), Times>);

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Times {
    applied: Option<Timestamp>,
    dry: Option<Timestamp>,
}

/// An attempt that a plan answers.
#[derive(Debug)]
pub(super) struct Answered {
    change: ChangeId,
    service: NodeKey,
    /// The id under which it is known until it is announced.
    seen: Option<ChangeId>,
    since: Timestamp,
}

/// The attempts that a plan answers, of the steps of those that are watched.
pub(super) fn answered(plan: &Plan, steps: &[ChangeEvent]) -> Vec<Answered> {
    let mut answers = BTreeSet::new();
    for step in &plan.steps {
        let ids = step.answers.iter().map(|blame| &blame.change);
        answers.extend(ids.map(|id| (id, step.action.node())));
    }
    let attempts = Attempt::last_of_each(steps);
    let of_answer = |(change, service): (&ChangeId, &NodeKey)| {
        let mut starts = attempts.iter().map(Attempt::start);
        let start = starts.find(|start| start.id == *change && start.service == *service);
        Answered {
            change: change.clone(),
            service: service.clone(),
            seen: start.map(ChangeEvent::seen_id),
            since: start.map_or(Timestamp::MIN, |start| start.at),
        }
    };
    answers.into_iter().map(of_answer).collect()
}

impl Acted {
    /// Whether every one of these attempts was acted on, under its id or before it was announced. What a dry run did changed
    /// nothing, so it does not bind a guard that applies.
    pub(super) fn binds(&self, answered: &[Answered], mode: Mode) -> bool {
        answered.iter().all(|answered| {
            let ids = [Some(&answered.change), answered.seen.as_ref()];
            let keys = ids.into_iter().flatten();
            let mut times =
                keys.filter_map(|id| self.0.get(&(id.clone(), answered.service.clone())));
            times.any(|times| {
                let dry = times.dry.filter(|_| mode == Mode::DryRun);
                times
                    .applied
                    .max(dry)
                    .is_some_and(|at| at >= answered.since)
            })
        })
    }

    /// Takes note that these attempts are acted on.
    pub(super) fn on(&mut self, answered: Vec<Answered>, mode: Mode, now: Timestamp) {
        for Answered {
            change, service, ..
        } in answered
        {
            let times = self.0.entry((change, service)).or_default();
            match mode {
                Mode::Apply => times.applied = Some(now),
                Mode::DryRun => times.dry = Some(now),
            }
        }
    }
}
