//! What was acted on, so that nothing is done twice.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use astern_graph_core::view::Attempt;
use astern_graph_core::{Artefact, ChangeEvent, ChangeId, ChangePhase, NodeKey, Timestamp};
use astern_rollback_policy::{Action, Mode, Plan, RunState};

/// When each change at each service was last acted on: a later attempt is not acted on yet. Of the time, and not of the
/// attempt, since an attempt may be announced, or announced to have begun earlier, after it was acted on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Acted(BTreeMap<(ChangeId, NodeKey), Times>);

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Times {
    applied: Option<Timestamp>,
    dry: Option<Timestamp>,
    /// What came of it when it was applied last.
    ended: Option<Ended>,
}

/// How an undo has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Ended {
    Succeeded,
    Unverified,
    Failed,
}

impl Ended {
    /// `None` as long as the run is under way.
    pub(super) fn of(state: RunState) -> Option<Self> {
        match state {
            RunState::Running => None,
            RunState::Succeeded => Some(Self::Succeeded),
            RunState::Unverified => Some(Self::Unverified),
            RunState::Failed => Some(Self::Failed),
        }
    }
}

/// An attempt that a plan answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Answered {
    change: ChangeId,
    service: NodeKey,
    /// The id under which it is known until it is announced.
    seen: Option<ChangeId>,
    since: Timestamp,
}

/// The attempts that a plan answers, of the steps of those that are watched.
pub(super) fn answered(plan: &Plan, steps: &[ChangeEvent]) -> Vec<Answered> {
    let attempts = Attempt::last_of_each(steps);
    let of_answer = |(action, change): (&Action, &ChangeId)| {
        let service = action.node();
        let starts = attempts.iter().map(Attempt::start);
        let start = starts
            .filter(|start| start.id == *change && start.service == *service)
            .filter(|start| concerns(action, &start.kind.artefact()))
            .max_by_key(|start| start.at);
        Answered {
            change: change.clone(),
            service: service.clone(),
            seen: start.map(ChangeEvent::seen_id),
            // Nor is one held for ever.
            since: start.map_or(Timestamp::MIN, since),
        }
    };
    answers(plan).map(of_answer).collect()
}

impl Answered {
    pub(super) fn key(&self) -> (ChangeId, NodeKey) {
        (self.change.clone(), self.service.clone())
    }

    /// Whether the change was undone since, or begun again, or is no longer watched.
    pub(super) fn is_overtaken(&self, steps: &[ChangeEvent]) -> bool {
        let attempts = Attempt::last_of_each(steps);
        let mut starts = attempts.iter().map(Attempt::start);
        let is_it = |start: &ChangeEvent| {
            let ids = [start.id.clone(), start.seen_id()];
            let is_named = ids.contains(&self.change)
                || self.seen.as_ref().is_some_and(|seen| ids.contains(seen));
            is_named && start.service == self.service && since(start) <= self.since
        };
        !starts.any(is_it)
    }
}

/// When an attempt began that starts with this step. It is as old as may be whose start was never stated.
fn since(start: &ChangeEvent) -> Timestamp {
    if start.phase == ChangePhase::Started {
        start.at
    } else {
        Timestamp::MIN
    }
}

/// When the last attempt of a change at a service began, of the steps of those that are watched.
pub(super) fn began(change: &ChangeId, service: &NodeKey, steps: &[ChangeEvent]) -> Timestamp {
    let attempts = Attempt::last_of_each(steps);
    let starts = attempts.iter().map(Attempt::start);
    let of_change = starts.filter(|start| start.id == *change && start.service == *service);
    of_change.map(since).max().unwrap_or(Timestamp::MIN)
}

/// Each action with each change that it answers.
fn answers(plan: &Plan) -> impl Iterator<Item = (&Action, &ChangeId)> {
    plan.steps.iter().flat_map(|step| {
        let ids = step.answers.iter().map(|blame| &blame.change);
        ids.map(move |id| (&step.action, id))
    })
}

/// Whether an action may undo a change of a thing.
fn concerns(action: &Action, artefact: &Artefact) -> bool {
    match action {
        Action::SetFlag { flag, .. } => *artefact == Artefact::Flag(flag.clone()),
        Action::SetConfig { .. } => *artefact == Artefact::Config,
        Action::SetTraffic { .. } | Action::SwitchColour { .. } | Action::SetRevision { .. } => {
            *artefact == Artefact::Code
        }
        _ => true,
    }
}

impl Acted {
    /// Whether every one of these attempts was acted on, under its id or before it was announced. What a dry run did changed
    /// nothing, so it does not bind a guard that applies.
    pub(super) fn binds(&self, answered: &[Answered], mode: Mode) -> bool {
        answered.iter().all(|answered| {
            let mut times = self.times(answered);
            times.any(|times| {
                let dry = times.dry.filter(|_| mode == Mode::DryRun);
                times
                    .applied
                    .max(dry)
                    .is_some_and(|at| at >= answered.since)
            })
        })
    }

    /// Forgets what was last acted on before `oldest`, but for changes with a step among those that are watched.
    pub(super) fn forget(&mut self, oldest: Timestamp, steps: &[ChangeEvent]) {
        let ids = |step: &ChangeEvent| [step.id.clone(), step.seen_id()];
        let keys = |step| ids(step).map(|id| (id, step.service.clone()));
        let watched: BTreeSet<(ChangeId, NodeKey)> = steps.iter().flat_map(keys).collect();
        let is_recent = |times: &Times| times.applied.max(times.dry) >= Some(oldest);
        let is_kept =
            |key: &(ChangeId, NodeKey), times: &Times| is_recent(times) || watched.contains(key);
        self.0.retain(|key, times| is_kept(key, times));
    }

    /// Takes note that these attempts are acted on.
    pub(super) fn on(&mut self, answered: Vec<Answered>, mode: Mode, now: Timestamp) {
        for Answered {
            change, service, ..
        } in answered
        {
            let times = self.0.entry((change, service)).or_default();
            if mode == Mode::DryRun {
                times.dry = Some(now);
            } else {
                (times.applied, times.ended) = (Some(now), None);
            }
        }
    }

    /// Takes note of how a plan which was applied has ended.
    pub(super) fn ended(&mut self, plan: &Plan, ended: Ended) {
        for (action, change) in answers(plan) {
            let key = (change.clone(), action.node().clone());
            if let Some(times) = self.0.get_mut(&key) {
                times.ended = Some(ended);
            }
        }
    }

    /// How undoing these attempts has ended, the worst of it; `None` as long as one was not acted on, or is under way.
    pub(super) fn outcome(&self, answered: &[Answered]) -> Option<Ended> {
        let outcome = |answered: &Answered| {
            let times = self.times(answered);
            let applied = times.filter(|times| times.applied >= Some(answered.since));
            applied.filter_map(|times| times.ended).min()
        };
        let outcomes: Option<Vec<Ended>> = answered.iter().map(outcome).collect();
        outcomes?.into_iter().max()
    }

    /// Under its id and under the one by which it was known before it was announced.
    fn times(&self, answered: &Answered) -> impl Iterator<Item = &Times> {
        let ids = [Some(&answered.change), answered.seen.as_ref()];
        let keys = ids.map(|id| id.map(|id| (id.clone(), answered.service.clone())));
        keys.into_iter()
            .flatten()
            .filter_map(|key| self.0.get(&key))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(10_000);

    fn acted(id: &str, ago: u64) -> (Acted, Vec<Answered>) {
        let answered = || Answered {
            change: id.into(),
            service: NodeKey::service("cart"),
            seen: None,
            since: Timestamp::MIN,
        };
        let mut acted = Acted::default();
        let at = NOW.minus(Duration::from_secs(ago));
        acted.on(vec![answered()], Mode::Apply, at);
        (acted, vec![answered()])
    }

    #[test]
    fn what_was_acted_on_long_ago_is_forgotten_unless_it_is_watched() {
        let oldest = NOW.minus(Duration::from_secs(1_000));
        let cart = NodeKey::service("cart");
        let watched = ChangeEvent::new("cart@2", NOW, cart, None, "v2".into());
        let seen = watched.seen_id();
        for (id, ago, steps, is_kept) in [
            ("cart@1", 1_001, &[][..], false),
            ("cart@1", 1_000, &[], true),
            ("cart@1", 5_000, std::slice::from_ref(&watched), false),
            ("cart@2", 5_000, std::slice::from_ref(&watched), true),
            (seen.as_str(), 5_000, std::slice::from_ref(&watched), true),
        ] {
            let (mut acted, answered) = acted(id, ago);
            acted.forget(oldest, steps);
            assert_eq!(acted.binds(&answered, Mode::Apply), is_kept, "{id} {ago}");
        }
    }
}
