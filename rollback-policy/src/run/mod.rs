//! Carrying a plan out: a state machine without IO.

mod error;
mod looking;
mod params;
mod progress;
mod schedule;
mod status;
mod stored;
mod summary;
mod verifying;

pub use error::RunError;
pub use params::RunParams;
pub use status::{Failure, Mode, RunState, StepStatus};
pub use summary::{RunSummary, StepSummary};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use astern_graph_core::Timestamp;

use crate::executor::{IdempotencyKey, Outcome, Request};
use crate::place::Place;
use crate::plan::{Plan, Precondition, Step, StepId};
use progress::{Context, Progress, Timer};

/// Carries one plan out: says what to ask of the platform and when, and takes the answers.
///
/// ```text
/// Looking ─► Waiting ─► Applying ─► Settling ─► Settled ─► Recovering ─► Verified
///                          │  ▲ reply lost                     each may end in
///                          ▼  │                          Failed, Unverified or Skipped
///                        Probing
/// ```
///
/// - Before anything is changed, the [version](crate::Version) of each place is looked at. Every effect requires that its
///   place is [unchanged](crate::Precondition::Unchanged) since, but for what steps before it did: what anybody else
///   does meanwhile is never overwritten.
/// - A step starts when the steps that it comes after have reached their targets, and no other is under way at its place.
/// - A reply that is lost, or does not come in time, is followed by an observation: the effect may
///   be there. Where it is not, the effect is sent again under the same key, with the same version, up
///   to `max_attempts` times, with growing waits. Where the platform has no version, it is not: nothing tells then
///   whether a person has acted since.
/// - A refusal fails the step and skips what comes after it; independent steps go on.
/// - Targets and metrics are judged last, when no step is under way any more: what is still broken elsewhere
///   can hide what a step repaired, and a target that was reached may have been left.
/// - At most one request of a step is awaited at a time.
///
/// **Store, then send.** [Store](Self::to_bytes) it after each [`poll`](Self::poll), before its requests are sent: whoever goes on
/// from what was stored since does nothing twice and overwrites nobody. What was stored before the first look of a run
/// that has sent an effect since would look again, and take what a person did meanwhile for what it was made for.
///
/// It reads no clock and never waits: time comes in as an argument, waiting goes out as
/// [`deadline`](Self::deadline). Time that goes backwards counts as standing still. It can be
/// stored at any moment and [resumed](Self::resume) after a crash. See [`drive`](crate::drive) for
/// the loop around it, blocking and async.
///
/// # Complexity
/// Each call costs `O(S · A)` at most, for `S` steps that wait `A` times in all.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    plan: Plan,
    mode: Mode,
    fence: u64,
    params: RunParams,
    clock: Timestamp,
    /// One for each step of the plan, in its order.
    progress: Vec<Progress>,
    /// Places that were looked at, with the version that they are known to have, where they have any.
    versions: BTreeMap<Place, Option<Arc<str>>>,
}

impl Run {
    /// A run of a plan that has not begun. Give every holder of the plan a greater `fence` than
    /// the one before it.
    ///
    /// # Errors
    /// [`RunError::Plan`] for a plan that is not valid, [`RunError::Param`] for a parameter outside
    /// its rule, [`RunError::NotAgreed`] for [`Mode::Ask`].
    pub fn new(
        plan: Plan,
        mode: Mode,
        fence: u64,
        params: RunParams,
        now: Timestamp,
    ) -> Result<Self, RunError> {
        plan.validate()?;
        params.check()?;
        if mode == Mode::Ask {
            return Err(RunError::NotAgreed);
        }
        let mut places = BTreeSet::new();
        let mut looks = |step: &Step| {
            let place = step.action.place().filter(|_| mode == Mode::Apply);
            place.is_some_and(|place| places.insert(place))
        };
        let progress = plan.steps.iter();
        let progress = progress
            .map(|step| Progress::new(now, looks(step)))
            .collect();
        let mut run = Self {
            plan,
            mode,
            fence,
            params,
            clock: now,
            progress,
            versions: BTreeMap::new(),
        };
        run.advance();
        Ok(run)
    }

    /// Takes over a stored run with the fence of its new holder. Replies to what was sent before
    /// count as lost: the next poll looks what became of it.
    ///
    /// # Errors
    /// [`RunError::StaleFence`] for a lower fence than the run has.
    pub fn resume(&mut self, fence: u64) -> Result<(), RunError> {
        if fence < self.fence {
            return Err(RunError::StaleFence {
                fence,
                newest: self.fence,
            });
        }
        self.fence = fence;
        let clock = self.clock;
        for progress in &mut self.progress {
            if let Timer::Awaited { until, .. } = &mut progress.timer {
                *until = clock;
            }
        }
        Ok(())
    }

    /// What to ask of the platform now. Each request must be answered by
    /// [`report`](Self::report); one that is not counts as lost after a while.
    pub fn poll(&mut self, now: Timestamp) -> Vec<Request> {
        self.clock = self.clock.max(now);
        for index in 0..self.progress.len() {
            self.with(index, Progress::expire);
        }
        self.advance();
        (0..self.progress.len())
            .filter_map(|index| self.request(index))
            .collect()
    }

    /// Takes the answer to a request.
    ///
    /// # Errors
    /// [`RunError::Finished`] when the run is over, [`RunError::UnknownKey`] for a key of another
    /// plan or of no step, [`RunError::NotAwaited`] for an answer that is not awaited (any more).
    /// The run is unchanged then.
    pub fn report(
        &mut self,
        key: &IdempotencyKey,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<(), RunError> {
        let key = *key;
        let index = self.plan.steps.iter().position(|step| step.id == key.step);
        let Some(index) = index.filter(|_| key.plan == self.plan.id) else {
            return Err(RunError::UnknownKey { key });
        };
        if self.state() != RunState::Running {
            return Err(RunError::Finished { key });
        }
        if !self
            .progress
            .get(index)
            .is_some_and(|progress| awaits(progress, &key))
        {
            return Err(RunError::NotAwaited { key });
        }
        self.clock = self.clock.max(now);
        self.with(index, |progress, context| match key.observation {
            None => progress.effect_answered(context, outcome),
            Some(_) => progress.look_answered(context, outcome),
        });
        self.advance();
        Ok(())
    }

    /// When to poll next, be it in the past; `None` when the run is over.
    pub fn deadline(&self) -> Option<Timestamp> {
        let timers = self
            .progress
            .iter()
            .filter_map(|progress| match progress.timer {
                Timer::Off => None,
                Timer::Due(at) | Timer::Awaited { until: at, .. } => Some(at),
            });
        timers.min()
    }

    /// Where it stands.
    pub fn state(&self) -> RunState {
        let any = |wanted: fn(&StepStatus) -> bool| self.progress.iter().any(|p| wanted(&p.status));
        if any(|status| !status.is_final()) {
            RunState::Running
        } else if any(|s| matches!(s, StepStatus::Failed(_) | StepStatus::Skipped { .. })) {
            RunState::Failed
        } else if any(|status| matches!(status, StepStatus::Unverified { .. })) {
            RunState::Unverified
        } else {
            RunState::Succeeded
        }
    }

    /// Where a step stands; `None` when the plan has no such step.
    pub fn status(&self, step: StepId) -> Option<&StepStatus> {
        self.parts()
            .find(|(s, _)| s.id == step)
            .map(|(_, progress)| &progress.status)
    }

    /// When the last of its steps so far reached its target: metrics from before say nothing about what the run did.
    pub fn reached(&self) -> Option<Timestamp> {
        self.progress
            .iter()
            .filter_map(|progress| progress.reached)
            .max()
    }

    /// Whether its requests change the platform.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The plan that is carried out.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What was done so far.
    pub fn summary(&self) -> RunSummary {
        let steps = self.parts().map(|(step, progress)| StepSummary {
            step: step.id,
            action: step.action.clone(),
            status: progress.status.clone(),
            attempts: progress.attempts,
        });
        let (plan, mode, state) = (self.plan.id, self.mode, self.state());
        RunSummary {
            plan,
            mode,
            state,
            steps: steps.collect(),
        }
    }

    fn parts(&self) -> impl Iterator<Item = (&Step, &Progress)> {
        self.plan.steps.iter().zip(&self.progress)
    }

    fn with<T>(
        &mut self,
        index: usize,
        transition: impl FnOnce(&mut Progress, Context<'_>) -> T,
    ) -> Option<T> {
        let step = self.plan.steps.get(index)?;
        let progress = self.progress.get_mut(index)?;
        let place = step.action.place();
        let version = place.as_ref().and_then(|place| self.versions.get(place));
        let context = Context {
            step,
            plan: self.plan.id,
            params: &self.params,
            mode: self.mode,
            now: self.clock,
            version: version.and_then(Option::as_ref),
            later: self.plan.steps.get(index + 1..).unwrap_or_default(),
        };
        let was_looking = progress.status == StepStatus::Looking;
        let result = transition(progress, context);
        let has_looked = was_looking && progress.status == StepStatus::Waiting;
        let version = progress.version.take();
        if let Some(place) = place.filter(|_| has_looked || version.is_some()) {
            self.versions.insert(place, version);
        }
        Some(result)
    }

    fn request(&mut self, index: usize) -> Option<Request> {
        let effect = self.with(index, Progress::take_due).flatten()?;
        let step = self.plan.steps.get(index)?;
        let sent = self.progress.get(index)?;
        if sent.status != StepStatus::Applying {
            let key = IdempotencyKey::observation(self.plan.id, step.id, sent.looks);
            return Some(Request::new(key, self.fence, effect));
        }
        let key = IdempotencyKey::effect(self.plan.id, step.id);
        let version = step.action.place().and_then(|place| {
            let token = self.versions.get(&place)?.clone()?;
            Some(Precondition::Unchanged { place, token })
        });
        let required = self.required(step).into_iter().chain(version);
        Some(Request::new(key, self.fence, effect).requiring(required))
    }
}

/// Whether an answer under this key means anything to a step. One to the effect does as long as it
/// is not known what became of it, also while it is looked for and before it is sent again.
fn awaits(progress: &Progress, key: &IdempotencyKey) -> bool {
    match key.observation {
        None => {
            let open = matches!(progress.status, StepStatus::Applying | StepStatus::Probing);
            open && progress.attempts > 0
        }
        Some(number) => {
            let awaited = matches!(progress.timer, Timer::Awaited { .. });
            awaited && progress.status != StepStatus::Applying && progress.looks == number
        }
    }
}
