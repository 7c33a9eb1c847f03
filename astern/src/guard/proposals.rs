//! Plans that wait for a person's word.

use std::fmt;

use astern_detect::Detector;
use astern_graph_core::{NodeKey, Timestamp};
use astern_rca::Ranker;
use astern_rollback_policy::{Mode, PageCause, Plan, PlanError, PlanId, Reason};
use serde::{Deserialize, Serialize};

use super::acted::{Answered, Ended};
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
}

impl fmt::Display for Withdrawal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Declined => "a person has declined",
            Self::Unanswered => "nobody has answered in time",
            Self::Recovered => "nothing is wrong any more",
        })
    }
}

/// Plans that wait, the oldest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Proposals(Vec<Proposed>);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Proposed {
    plan: Plan,
    answered: Vec<Answered>,
    until: Timestamp,
}

impl Proposals {
    /// One that changes a service which this plan would change.
    fn meeting(&self, plan: &Plan) -> Option<&Proposed> {
        let changed = plan.changed_services();
        let mut all = self.0.iter();
        all.find(|held| !held.plan.changed_services().is_disjoint(&changed))
    }

    /// Why a plan is not begun now: another one, or the same as of an earlier step, waits.
    pub(super) fn reason(&self, plan: &Plan) -> Option<Reason> {
        self.meeting(plan).map(|held| Reason::AwaitsWord {
            plan: held.plan.id,
            until: held.until,
        })
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.0.iter().map(|held| held.until).min()
    }

    /// # Errors
    /// [`PlanError`] for one that is not valid.
    pub(super) fn validate(&self) -> Result<(), PlanError> {
        self.0.iter().try_for_each(|held| held.plan.validate())
    }

    fn take(&mut self, plan: PlanId) -> Result<Proposed, Error> {
        let place = self.0.iter().position(|held| held.plan.id == plan);
        let place = place.ok_or(Error::NotProposed { plan })?;
        Ok(self.0.remove(place))
    }
}

/// What a page about a plan is about: the first service that the plan changes.
fn service(plan: &Plan) -> Option<NodeKey> {
    plan.changed_services().first().map(|key| (*key).clone())
}

impl<R: Ranker, D: Detector> Guard<R, D> {
    /// Plans that wait for a person's word, the oldest first, each with the time until which it waits: those of
    /// [`Event::Proposed`] that nobody has answered yet.
    pub fn proposals(&self) -> impl Iterator<Item = (&Plan, Timestamp)> {
        let all = self.state.proposals.0.iter();
        all.map(|held| (&held.plan, held.until))
    }

    /// A person agrees to a plan: it is carried out from the next call to [`observe`](Self::observe) or
    /// [`tick`](Self::tick) on, which may come at once. A freeze does not matter then.
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
        self.check_clock(now)?;
        let Proposed { plan, answered, .. } = self.state.proposals.take(plan)?;
        let mut events = Vec::new();
        self.begin(plan, answered, now, &mut events)?;
        instrument::record(&events);
        Ok(events)
    }

    /// A person declines a plan: what it answers is left alone, and not proposed again.
    ///
    /// # Errors
    /// Those of [`approve`](Self::approve).
    pub fn decline(&mut self, plan: PlanId, now: Timestamp) -> Result<Vec<Event>, Error> {
        self.check_clock(now)?;
        let proposed = self.state.proposals.take(plan)?;
        let mut events = Vec::new();
        self.withdraw(proposed, Withdrawal::Declined, now, &mut events);
        instrument::record(&events);
        Ok(events)
    }

    fn check_clock(&self, now: Timestamp) -> Result<(), Error> {
        let (limit, has_learnt) = (self.params.clock_jump_max, self.state.baseline.is_some());
        Ok(self.state.clock.check(now, limit, has_learnt)?)
    }

    /// Asks a person for a plan's sake.
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
        let why = format!("approve or decline a plan: {}", actions.join("; "));
        events.push(Event::Proposed {
            plan: plan.clone(),
            until,
        });
        let asked = self.ask(&plan, &why, now, events);
        self.state.proposals.0.push(Proposed {
            plan,
            answered,
            until,
        });
        asked
    }

    /// Calls a person about a plan that waits, or has waited: once an incident for one reason.
    fn ask(
        &mut self,
        plan: &Plan,
        why: &str,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let Some(service) = service(plan) else {
            return Ok(());
        };
        let (cause, state) = (PageCause::Escalated, &mut self.state);
        let in_incident = state.paging.was_called(cause, Mode::Apply);
        let page = state.pages.page(service, why, plan, now, in_incident)?;
        state.paging.called(cause, Mode::Apply, now);
        page.map_or(Ok(()), |page| self.call(page, Mode::Apply, now, events))
    }

    /// Withdraws what nobody has answered in time, and calls a person about it.
    pub(super) fn withdraw_unanswered(&mut self, now: Timestamp, events: &mut Vec<Event>) {
        let is_late = |held: &mut Proposed| held.until <= now;
        let late: Vec<Proposed> = self.state.proposals.0.extract_if(.., is_late).collect();
        for proposed in late {
            let plan = proposed.plan.clone();
            self.withdraw(proposed, Withdrawal::Unanswered, now, events);
            let why = Reason::Unanswered.to_string();
            let asked = self.ask(&plan, &why, now, events);
            events.extend(asked.err().map(Event::Failed));
        }
    }

    /// Withdraws all: nothing is wrong any more.
    pub(super) fn withdraw_all(&mut self, now: Timestamp, events: &mut Vec<Event>) {
        for proposed in std::mem::take(&mut self.state.proposals.0) {
            self.withdraw(proposed, Withdrawal::Recovered, now, events);
        }
    }

    fn withdraw(
        &mut self,
        proposed: Proposed,
        why: Withdrawal,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) {
        let Proposed { plan, answered, .. } = proposed;
        let ended = match why {
            Withdrawal::Declined => Some(Ended::Declined),
            Withdrawal::Unanswered => Some(Ended::Unanswered),
            // What comes back is proposed again.
            Withdrawal::Recovered => None,
        };
        if let Some(ended) = ended {
            self.state.acted.on(answered, Mode::Apply, now);
            self.state.acted.ended(&plan, ended);
        }
        let plan = plan.id;
        events.push(Event::Withdrawn { plan, why });
    }
}
