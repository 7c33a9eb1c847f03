//! A platform in a known state, on which a law is played.

use std::fmt;
use std::time::Duration;

use astern_graph_core::Timestamp;

use crate::action::Action;
use crate::executor::{Effect, Executor, IdempotencyKey, Observed, Outcome, Request};
use crate::fact::Fact;
use crate::place::Version;
use crate::plan::{Check, Plan, PlanError, Precondition, Step, StepId};

/// A platform in a known state: an action that it can do, what holds before it, and what somebody else would do.
pub struct Setting<E> {
    pub(super) executor: E,
    pub(super) action: Action,
    pub(super) before: Fact,
    pub(super) somebody_acts: Box<dyn Fn(&E)>,
    pub(super) versioned: bool,
    pub(super) remembers: bool,
}

impl<E: Executor> Setting<E> {
    /// An executor on whose platform `before` holds, of the same kind as the target of the action, and an act of somebody
    /// else after which `before` holds again, as a new release of the same revision does.
    pub fn new(
        executor: E,
        action: Action,
        before: Fact,
        somebody_acts: impl Fn(&E) + 'static,
    ) -> Self {
        Self {
            executor,
            action,
            before,
            somebody_acts: Box::new(somebody_acts),
            versioned: true,
            remembers: true,
        }
    }

    /// Without the laws about [versions](Version): the platform has none.
    #[must_use]
    pub fn unversioned(mut self) -> Self {
        self.versioned = false;
        self
    }

    /// Without the law that keys are remembered.
    #[must_use]
    pub fn forgetful(mut self) -> Self {
        self.remembers = false;
        self
    }

    pub(super) fn key(&self) -> Result<IdempotencyKey, PlanError> {
        let step = Step::new(StepId::new(1), self.action.clone());
        let plan = Plan::new(Timestamp::from_secs(0), vec![step], Vec::new())?;
        Ok(IdempotencyKey::effect(plan.id, StepId::new(1)))
    }

    pub(super) fn ask(
        &self,
        key: IdempotencyKey,
        fence: u64,
        effect: Effect,
        requires: Option<Precondition>,
    ) -> Outcome {
        let request = Request::new(key, fence, effect).requiring(requires);
        self.executor.execute(&request)
    }

    pub(super) fn apply(&self, key: IdempotencyKey, requires: Option<Precondition>) -> Outcome {
        self.ask(key, 1, Effect::Apply(self.action.clone()), requires)
    }

    /// What is to be seen of the facts before and after.
    pub(super) fn look(&self) -> Effect {
        let facts = self
            .action
            .target()
            .into_iter()
            .chain([self.before.clone()]);
        let checks = facts.map(|fact| Check::reached(fact, Duration::ZERO));
        Effect::Observe(checks.collect())
    }

    /// What is seen now, under a key of its own.
    pub(super) fn seen(&self, key: IdempotencyKey, number: u32) -> Option<Observed> {
        let key = IdempotencyKey::observation(key.plan, key.step, number);
        match self.ask(key, 1, self.look(), None) {
            Outcome::Done(seen) | Outcome::AlreadyDone(seen) => Some(seen),
            Outcome::Refused(_) | Outcome::Unknown(_) => None,
        }
    }

    pub(super) fn version(&self, seen: &Observed) -> Option<Version> {
        seen.version_of(&self.action.place()?).cloned()
    }
}

impl<E: fmt::Debug> fmt::Debug for Setting<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setting")
            .field("executor", &self.executor)
            .field("action", &self.action)
            .field("before", &self.before)
            .field("versioned", &self.versioned)
            .field("remembers", &self.remembers)
            .finish_non_exhaustive()
    }
}
