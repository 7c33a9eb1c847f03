//! The state machine of one step: what it asks for, and what the answer to its effect means.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_graph_core::Timestamp;

use crate::executor::{Effect, ExecError, IdempotencyKey, Observed, Outcome, Refusal};
use crate::fact::Fact;
use crate::place::{Place, Version};
use crate::plan::{Check, PlanId, Precondition, Step};
use crate::run::params::WAIT_MAX;
use crate::run::{Failure, Mode, RunParams, StepStatus};

/// What a step waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Timer {
    /// For other steps, or for nothing.
    Off,
    /// Its next request is due then.
    Due(Timestamp),
    /// A reply, until it counts as lost.
    Awaited { sent: Timestamp, until: Timestamp },
}

/// How far one step has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) status: StepStatus,
    pub(crate) timer: Timer,
    /// Times that the effect was sent.
    pub(crate) attempts: u32,
    /// Observations asked for; numbers them.
    pub(crate) looks: u32,
    /// Looks without an answer since the reply was lost, or since the first look.
    pub(super) blind_looks: u32,
    /// Since when the checks of this status run.
    pub(super) since: Timestamp,
    /// The answer to the effect.
    pub(super) reply: Observed,
    /// The latest observation in this status.
    pub(super) seen: Option<Observed>,
    /// The fate of an attempt is, or was, unknown.
    pub(super) lost: Option<ExecError>,
    /// A retry was refused although an earlier attempt may have been done.
    pub(super) refused: Option<Refusal>,
    /// The version that its place is known to have through this step, until the run takes note of it.
    pub(crate) version: Option<Arc<str>>,
    /// When it reached its target.
    pub(crate) reached: Option<Timestamp>,
}

/// What a transition needs to know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) step: &'a Step,
    pub(crate) plan: PlanId,
    pub(crate) params: &'a RunParams,
    pub(crate) mode: Mode,
    pub(crate) now: Timestamp,
    /// The version that the place of the step is known to have.
    pub(crate) version: Option<&'a Arc<str>>,
    /// The steps after it in the plan.
    pub(crate) later: &'a [Step],
}

impl<'a> Context<'a> {
    pub(super) fn checks(self, metrics: bool) -> impl Iterator<Item = &'a Check> + use<'a> {
        self.step
            .verify
            .iter()
            .filter(move |check| check.is_metric() == metrics)
    }

    /// Whether a later step of the plan acts at the same place: what this one led to may be gone then, as a canary is that
    /// got no traffic and then no instance.
    pub(super) fn is_followed(self) -> bool {
        let place = self.place();
        place.is_some() && self.later.iter().any(|step| step.action.place() == place)
    }

    /// The state that the effect leads to; nothing for a dry run, which leads nowhere.
    pub(super) fn target(self) -> Option<Fact> {
        let applied = self.mode == Mode::Apply;
        applied.then(|| self.step.action.target()).flatten()
    }

    /// What shows whether the effect is there.
    pub(super) fn trace(self) -> Option<Check> {
        Some(Check::reached(self.target()?, Duration::ZERO))
    }

    /// What must hold before it, as far as it can be seen.
    pub(super) fn before(self) -> impl Iterator<Item = &'a Fact> + use<'a> {
        self.step.requires.iter().filter_map(|required| {
            let Precondition::Is(fact) = required else {
                return None;
            };
            Some(fact)
        })
    }

    pub(super) fn place(self) -> Option<Place> {
        self.step.action.place()
    }

    /// Whether a version was brought about by the effect of this step.
    pub(super) fn has_made(self, version: &Version) -> bool {
        version.by == Some(IdempotencyKey::effect(self.plan, self.step.id))
    }
}

impl Progress {
    /// A step that waits, or first looks.
    pub(crate) fn new(now: Timestamp, looks: bool) -> Self {
        let (status, timer) = if looks {
            (StepStatus::Looking, Timer::Due(now))
        } else {
            (StepStatus::Waiting, Timer::Off)
        };
        Self {
            status,
            timer,
            attempts: 0,
            looks: 0,
            blind_looks: 0,
            since: now,
            reply: Observed::new(),
            seen: None,
            lost: None,
            refused: None,
            version: None,
            reached: None,
        }
    }

    pub(crate) fn start(&mut self, now: Timestamp) {
        self.enter(StepStatus::Applying, now);
    }

    pub(crate) fn finish(&mut self, status: StepStatus) {
        self.status = status;
        self.timer = Timer::Off;
    }

    /// Whether it has something to do and no time to do it, or none within the longest wait: only damage leads there.
    pub(crate) fn is_stuck(&self, clock: Timestamp) -> bool {
        let active = self.status.is_under_way()
            || matches!(self.status, StepStatus::Recovering | StepStatus::Looking);
        match self.timer {
            Timer::Off => active,
            Timer::Due(at) | Timer::Awaited { until: at, .. } => {
                !active || at > clock.plus(WAIT_MAX) || self.since > clock
            }
        }
    }

    /// Counts a reply that is overdue as lost.
    pub(crate) fn expire(&mut self, ctx: Context<'_>) {
        if let Timer::Awaited { sent, until } = self.timer
            && until <= ctx.now
        {
            let outcome = Outcome::Unknown(ExecError::NoReply {
                waited: ctx.now.since(sent),
            });
            if self.status == StepStatus::Applying {
                self.effect_answered(ctx, outcome);
            } else {
                self.look_answered(ctx, outcome);
            }
        }
    }

    /// What is to be asked now, if anything is.
    pub(crate) fn take_due(&mut self, ctx: Context<'_>) -> Option<Effect> {
        let Timer::Due(at) = self.timer else {
            return None;
        };
        if at > ctx.now {
            return None;
        }
        let action = || ctx.step.action.clone();
        let effect = match (&self.status, ctx.mode) {
            (StepStatus::Applying, Mode::Apply | Mode::Ask) => Effect::Apply(action()),
            (StepStatus::Applying, Mode::DryRun) => Effect::DryRun(action()),
            (StepStatus::Looking | StepStatus::Probing, _) => Effect::Observe(
                ctx.trace()
                    .into_iter()
                    .chain(
                        ctx.before()
                            .cloned()
                            .map(|fact| Check::reached(fact, Duration::ZERO)),
                    )
                    .collect(),
            ),
            (StepStatus::Settling, _) => Effect::Observe(ctx.checks(false).cloned().collect()),
            // The target must hold still when the metrics are judged.
            (StepStatus::Recovering, _) => Effect::Observe(ctx.step.verify.clone()),
            _ => return None,
        };
        let count = match effect {
            Effect::Observe(_) => &mut self.looks,
            Effect::Apply(_) | Effect::DryRun(_) => &mut self.attempts,
        };
        *count = count.saturating_add(1);
        let until = ctx.now.plus(ctx.params.reply_within);
        self.timer = Timer::Awaited {
            sent: ctx.now,
            until,
        };
        Some(effect)
    }

    /// Takes the answer to the effect, be it late: also while it is looked for.
    pub(crate) fn effect_answered(&mut self, ctx: Context<'_>, outcome: Outcome) {
        match outcome {
            Outcome::Done(_) | Outcome::AlreadyDone(_) if ctx.mode == Mode::DryRun => {
                self.finish(StepStatus::Possible);
            }
            Outcome::Done(observed) => {
                let place = ctx.place();
                let version = place.and_then(|place| observed.version_of(&place));
                self.version = version.map(|version| Arc::clone(&version.token));
                self.settle(ctx, observed);
            }
            Outcome::AlreadyDone(observed) => self.landed(ctx, observed),
            Outcome::Refused(Refusal::Busy {
                reason,
                retry_after,
            }) => {
                let refusal = Refusal::Busy {
                    reason,
                    retry_after,
                };
                self.retry(ctx, retry_after, Failure::Refused(refusal));
            }
            // After a lost reply the precondition may fail because the step itself was done.
            Outcome::Refused(refusal @ Refusal::PreconditionFailed { .. })
                if self.lost.is_some() && ctx.trace().is_some() =>
            {
                self.refused = Some(refusal);
                self.probe(ctx);
            }
            Outcome::Refused(refusal) => self.fail(Failure::Refused(refusal)),
            Outcome::Unknown(error) => {
                self.lost = Some(error.clone());
                if ctx.trace().is_some() {
                    self.probe(ctx);
                } else {
                    self.give_up_or_retry(ctx, error);
                }
            }
        }
    }

    /// Takes the answer to an observation.
    pub(crate) fn look_answered(&mut self, ctx: Context<'_>, outcome: Outcome) {
        match self.status {
            StepStatus::Looking => self.looked(ctx, outcome),
            StepStatus::Probing => self.probed(ctx, outcome),
            _ => self.observed(ctx, outcome),
        }
    }

    /// The effect is there, by this step or by another hand: the version is its own only where the platform says so.
    pub(super) fn landed(&mut self, ctx: Context<'_>, seen: Observed) {
        self.note_version(ctx, &seen);
        self.settle(ctx, seen);
    }

    /// Takes note of a version that is known to be the work of this step.
    pub(super) fn note_version(&mut self, ctx: Context<'_>, seen: &Observed) {
        let version = ctx.place().and_then(|place| seen.version_of(&place));
        if let Some(version) = version.filter(|version| ctx.has_made(version)) {
            self.version = Some(Arc::clone(&version.token));
        }
    }

    pub(super) fn enter(&mut self, status: StepStatus, now: Timestamp) {
        self.status = status;
        self.timer = Timer::Due(now);
        self.since = now;
        self.seen = None;
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.finish(StepStatus::Failed(failure));
    }

    pub(super) fn give_up_or_retry(&mut self, ctx: Context<'_>, last: ExecError) {
        let attempts = self.attempts;
        self.retry(ctx, Duration::ZERO, Failure::GaveUp { attempts, last });
    }

    fn retry(&mut self, ctx: Context<'_>, at_least: Duration, failure: Failure) {
        if self.attempts >= ctx.params.max_attempts {
            return self.fail(failure);
        }
        let wait = ctx.params.wait(self.attempts, at_least);
        self.enter(StepStatus::Applying, ctx.now);
        self.timer = Timer::Due(ctx.now.plus(wait));
    }
}
