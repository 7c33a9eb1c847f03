//! Plans that wait for a person's word, and what was refused.

use std::collections::BTreeMap;
use std::fmt;

use astern_detect::Detector;
use astern_graph_core::signal::Diagnosis;
use astern_graph_core::{ChangeEvent, ChangeId, NodeKey, Timestamp};
use astern_rca::Ranker;
use astern_rollback_policy::{Mode, PageCause, Plan, PlanError, PlanId, Reason};
use serde::{Deserialize, Serialize};

use super::acted::{Answered, began};
use super::{Event, Guard, instrument};
use crate::error::Error;

/// Why a plan that was proposed is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Withdrawal {
    /// A person has declined.
    Declined,
    /// Nobody has answered in time.
    Unanswered,
    /// Nothing is wrong any more.
    Recovered,
    /// What it would undo was undone, or begun again, meanwhile.
    Overtaken,
    /// The guard asks nobody any more: it goes on in another mode.
    NotAsked,
}

impl fmt::Display for Withdrawal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Declined => "a person has declined",
            Self::Unanswered => "nobody has answered in time",
            Self::Recovered => "nothing is wrong any more",
            Self::Overtaken => "somebody has acted meanwhile",
            Self::NotAsked => "nobody is asked any more",
        })
    }
}

/// Plans that wait, the oldest first, and what was refused.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Proposals {
    waiting: Vec<Proposed>,
    /// When the undo of each change at each service was declined, or not answered, last.
    refused: BTreeMap<(ChangeId, NodeKey), (Timestamp, Withdrawal)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Proposed {
    plan: Plan,
    answered: Vec<Answered>,
    until: Timestamp,
}

impl Proposals {
    /// Why a plan is not begun now: another one, or the same as of an earlier step, waits.
    pub(super) fn reason(&self, plan: &Plan) -> Option<Reason> {
        let changed = plan.changed_services();
        let meets = |held: &&Proposed| !held.plan.changed_services().is_disjoint(&changed);
        self.waiting
            .iter()
            .find(meets)
            .map(|held| Reason::AwaitsWord {
                plan: held.plan.id,
                until: held.until,
            })
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.waiting.iter().map(|held| held.until).min()
    }

    /// # Errors
    /// [`PlanError`] for one that is not valid.
    pub(super) fn validate(&self) -> Result<(), PlanError> {
        self.waiting
            .iter()
            .try_for_each(|held| held.plan.validate())
    }

    /// Forgets what was refused before.
    pub(super) fn forget(&mut self, oldest: Timestamp) {
        self.refused.retain(|_, (at, _)| *at >= oldest);
    }

    /// The diagnosis without the changes whose undo was refused since they began, and why; `None` where there is none. What nobody
    /// has answered binds only who asks.
    pub(super) fn without_refused(
        &self,
        diagnosis: &Diagnosis,
        steps: &[ChangeEvent],
        mode: Mode,
    ) -> Option<(Diagnosis, Reason)> {
        let mut why = None;
        let mut rest = diagnosis.clone();
        rest.changes.retain(|blamed| {
            let key = (blamed.change.clone(), blamed.service.clone());
            let refused = self.refused.get(&key).filter(|(at, refused)| {
                let binds = *refused == Withdrawal::Declined || mode == Mode::Ask;
                binds && *at >= began(&blamed.change, &blamed.service, steps)
            });
            why = why.or(refused.map(|(_, refused)| *refused));
            refused.is_none()
        });
        let reason = match why? {
            Withdrawal::Declined => Reason::Declined,
            _ => Reason::Unanswered,
        };
        Some((rest, reason))
    }

    fn take(&mut self, plan: PlanId) -> Result<Proposed, Error> {
        let place = self.waiting.iter().position(|held| held.plan.id == plan);
        let place = place.ok_or(Error::NotProposed { plan })?;
        Ok(self.waiting.remove(place))
    }
}

impl<R: Ranker, D: Detector> Guard<R, D> {
    /// Plans that wait for a person's word, the oldest first, each with the time until which it waits: those of
    /// [`Event::Proposed`] that nobody has answered yet.
    pub fn proposals(&self) -> impl Iterator<Item = (&Plan, Timestamp)> {
        let all = self.state.proposals.waiting.iter();
        all.map(|held| (&held.plan, held.until))
    }

    /// A person agrees to a plan: it is carried out from the next call to [`observe`](Self::observe) or
    /// [`tick`](Self::tick) on, which may come at once. A freeze does not matter then. Store the state after it.
    ///
    /// # Errors
    /// [`Error::NotProposed`] for a plan that does not wait, or no longer; [`Error::Clock`] for a time that cannot be right;
    /// nothing is changed then.
    ///
    /// # Example
    /// ```
    /// use astern::graph::Timestamp;
    /// use astern::policy::{DryRun, Mode, PlanId};
    /// use astern::{Error, Guard, GuardParams};
    ///
    /// let mut guard = Guard::new(GuardParams::default().mode(Mode::Ask))?;
    /// let now = Timestamp::from_secs(60);
    /// let waiting: Vec<PlanId> = guard.proposals().map(|(plan, _)| plan.id).collect();
    /// for plan in waiting {
    ///     guard.approve(plan, now)?;
    /// }
    /// let events = guard.tick([], now, &DryRun, |_| Ok::<(), std::io::Error>(()));
    /// # assert!(events.is_empty());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn approve(&mut self, plan: PlanId, now: Timestamp) -> Result<Vec<Event>, Error> {
        let Proposed { plan, answered, .. } = self.answered(plan, now)?;
        let mut events = Vec::new();
        let now = now.max(plan.made);
        self.begin(plan, answered, now, &mut events)?;
        instrument::record(&events);
        Ok(events)
    }

    /// A person declines a plan: what it answers is left alone, and not proposed again, also not as a part of another plan. Store
    /// the state after it.
    ///
    /// # Errors
    /// Those of [`approve`](Self::approve).
    pub fn decline(&mut self, plan: PlanId, now: Timestamp) -> Result<Vec<Event>, Error> {
        let proposed = self.answered(plan, now)?;
        let mut events = Vec::new();
        self.withdraw(&proposed, Withdrawal::Declined, now, &mut events);
        instrument::record(&events);
        Ok(events)
    }

    /// The plan that a person has answered.
    fn answered(&mut self, plan: PlanId, now: Timestamp) -> Result<Proposed, Error> {
        let (limit, has_learnt) = (self.params.clock_jump_max, self.state.baseline.is_some());
        self.state.clock.check(now, limit, has_learnt)?;
        let mut all = self.proposals();
        let is_open = all.any(|(held, until)| held.id == plan && now < until);
        drop(all);
        if self.params.mode != Mode::Ask || !is_open {
            return Err(Error::NotProposed { plan });
        }
        self.state.proposals.take(plan)
    }

    /// Asks a person for a plan's sake. It is no page about the incident: whoever agrees is called if the plan does not help.
    pub(super) fn propose(
        &mut self,
        plan: Plan,
        answered: Vec<Answered>,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let until = now.plus(self.stages.policy.answer_within());
        let actions = plan.steps.iter().map(|step| step.action.to_string());
        let actions: Vec<String> = actions.collect();
        let why = format!(
            "approve or decline plan {}: {}",
            plan.id,
            actions.join("; ")
        );
        events.push(Event::Proposed {
            plan: plan.clone(),
            until,
        });
        let asked = self.ask(&plan, &why, now, events);
        self.state.proposals.waiting.push(Proposed {
            plan,
            answered,
            until,
        });
        asked
    }

    /// Calls a person about a plan that waits, or has waited: about the first service that it changes.
    fn ask(
        &mut self,
        plan: &Plan,
        why: &str,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let Some(service) = plan.changed_services().first().map(|key| (*key).clone()) else {
            return Ok(());
        };
        let in_incident = self
            .state
            .paging
            .was_called(PageCause::Escalated, Mode::Apply);
        let page = self
            .state
            .pages
            .page(service, why, plan, now, in_incident)?;
        page.map_or(Ok(()), |page| self.call(page, Mode::Apply, now, events))
    }

    /// Withdraws what nobody has answered in time, and calls a person about it; all, where the guard goes on in another mode.
    pub(super) fn withdraw_unanswered(&mut self, now: Timestamp, events: &mut Vec<Event>) {
        if self.params.mode != Mode::Ask {
            self.withdraw_where(Withdrawal::NotAsked, now, events, |_| true);
        }
        let late = |held: &Proposed| held.until <= now;
        for plan in self.withdraw_where(Withdrawal::Unanswered, now, events, late) {
            let why = format!("{}: plan {}", Reason::Unanswered, plan.id);
            let asked = self.ask(&plan, &why, now, events);
            events.extend(asked.err().map(Event::Failed));
        }
    }

    /// Withdraws all: nothing is wrong any more.
    pub(super) fn withdraw_recovered(&mut self, now: Timestamp, events: &mut Vec<Event>) {
        self.withdraw_where(Withdrawal::Recovered, now, events, |_| true);
    }

    /// Withdraws what somebody has undone or begun again meanwhile.
    pub(super) fn withdraw_overtaken(
        &mut self,
        steps: &[ChangeEvent],
        now: Timestamp,
        events: &mut Vec<Event>,
    ) {
        let is_overtaken = |held: &Proposed| held.answered.iter().any(|a| a.is_overtaken(steps));
        self.withdraw_where(Withdrawal::Overtaken, now, events, is_overtaken);
    }

    fn withdraw_where(
        &mut self,
        why: Withdrawal,
        now: Timestamp,
        events: &mut Vec<Event>,
        is_it: impl Fn(&Proposed) -> bool,
    ) -> Vec<Plan> {
        let waiting = &mut self.state.proposals.waiting;
        let withdrawn: Vec<Proposed> = waiting.extract_if(.., |held| is_it(held)).collect();
        for proposed in &withdrawn {
            self.withdraw(proposed, why, now, events);
        }
        withdrawn.into_iter().map(|held| held.plan).collect()
    }

    fn withdraw(
        &mut self,
        proposed: &Proposed,
        why: Withdrawal,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) {
        if matches!(why, Withdrawal::Declined | Withdrawal::Unanswered) {
            let at = now.max(proposed.plan.made);
            let keys = proposed.answered.iter().map(Answered::key);
            let refused = keys.map(|key| (key, (at, why)));
            self.state.proposals.refused.extend(refused);
        }
        let plan = proposed.plan.id;
        events.push(Event::Withdrawn { plan, why });
    }
}
