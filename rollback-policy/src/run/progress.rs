//! The state machine of one step.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_graph_core::Timestamp;

use crate::executor::{Effect, ExecError, Observed, Outcome, Refusal};
use crate::plan::{Check, Judgement, Step};
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
    /// Looks without an answer since the reply was lost.
    blind_looks: u32,
    /// Since when the checks of this status run.
    since: Timestamp,
    /// The answer to the effect.
    reply: Observed,
    /// The latest observation in this status.
    seen: Option<Observed>,
    /// The fate of an attempt is, or was, unknown.
    lost: Option<ExecError>,
    /// A retry was refused although an earlier attempt may have been done.
    refused: Option<Refusal>,
}

/// What a transition needs to know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) step: &'a Step,
    pub(crate) params: &'a RunParams,
    pub(crate) mode: Mode,
    pub(crate) now: Timestamp,
}

impl<'a> Context<'a> {
    fn checks(self, metrics: bool) -> impl Iterator<Item = &'a Check> + use<'a> {
        self.step
            .verify
            .iter()
            .filter(move |check| check.is_metric() == metrics)
    }

    /// What shows whether the effect is there; nothing for a dry run, which has none.
    fn trace(self) -> Option<Check> {
        let applied = self.mode == Mode::Apply;
        let target = applied.then(|| self.step.action.target()).flatten()?;
        Some(Check::reached(target, Duration::ZERO))
    }
}

impl Progress {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            status: StepStatus::Waiting,
            timer: Timer::Off,
            attempts: 0,
            looks: 0,
            blind_looks: 0,
            since: now,
            reply: Observed::new(),
            seen: None,
            lost: None,
            refused: None,
        }
    }

    pub(crate) fn start(&mut self, now: Timestamp) {
        self.enter(StepStatus::Applying, now);
    }

    pub(crate) fn recover(&mut self, now: Timestamp) {
        self.enter(StepStatus::Recovering, now);
    }

    pub(crate) fn finish(&mut self, status: StepStatus) {
        self.status = status;
        self.timer = Timer::Off;
    }

    /// Whether it has something to do and no time to do it: only damage leads there.
    pub(crate) fn is_stuck(&self) -> bool {
        let active = self.status.is_under_way() || self.status == StepStatus::Recovering;
        active == (self.timer == Timer::Off)
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
            (StepStatus::Applying, Mode::Apply) => Effect::Apply(action()),
            (StepStatus::Applying, Mode::DryRun) => Effect::DryRun(action()),
            (StepStatus::Probing, _) => Effect::Observe(ctx.trace().into_iter().collect()),
            (StepStatus::Settling, _) => Effect::Observe(ctx.checks(false).cloned().collect()),
            (StepStatus::Recovering, _) => Effect::Observe(ctx.checks(true).cloned().collect()),
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
            Outcome::Done(observed) | Outcome::AlreadyDone(observed) => self.settle(ctx, observed),
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
        if self.status == StepStatus::Probing {
            return self.probed(ctx, outcome);
        }
        match outcome {
            Outcome::Done(observed) | Outcome::AlreadyDone(observed) => {
                let all_met = self.pending(ctx, Some(&observed)).next().is_none();
                self.seen = Some(observed);
                if all_met {
                    self.pass(ctx);
                } else {
                    self.look_again(ctx, Duration::ZERO);
                }
            }
            Outcome::Refused(Refusal::Busy { retry_after, .. }) => {
                self.look_again(ctx, retry_after);
            }
            Outcome::Refused(_) => self.unobservable(ctx),
            Outcome::Unknown(_) => self.look_again(ctx, Duration::ZERO),
        }
    }

    fn enter(&mut self, status: StepStatus, now: Timestamp) {
        self.status = status;
        self.timer = Timer::Due(now);
        self.since = now;
        self.seen = None;
    }

    fn fail(&mut self, failure: Failure) {
        self.finish(StepStatus::Failed(failure));
    }

    fn probe(&mut self, ctx: Context<'_>) {
        self.blind_looks = 0;
        self.enter(StepStatus::Probing, ctx.now);
    }

    fn probed(&mut self, ctx: Context<'_>, outcome: Outcome) {
        let wait = match outcome {
            Outcome::Done(observed) | Outcome::AlreadyDone(observed) => {
                let met = |check: Check| check.judge(&observed) == Judgement::Met;
                if ctx.trace().is_some_and(met) {
                    return self.settle(ctx, observed);
                }
                return self.not_there(ctx);
            }
            Outcome::Refused(Refusal::Busy { retry_after, .. }) => retry_after,
            Outcome::Refused(_) => return self.not_there(ctx),
            Outcome::Unknown(error) => {
                self.lost = Some(error);
                Duration::ZERO
            }
        };
        self.blind_looks = self.blind_looks.saturating_add(1);
        if self.blind_looks >= ctx.params.max_attempts {
            return self.not_there(ctx);
        }
        let wait = wait.max(ctx.params.backoff_after(self.blind_looks));
        self.timer = Timer::Due(ctx.now.plus(wait));
    }

    /// The effect is not there, or nobody can tell: the key and the absolute target make it safe
    /// to send it again.
    fn not_there(&mut self, ctx: Context<'_>) {
        match (self.refused.take(), self.lost.clone()) {
            (Some(refusal), _) => self.fail(Failure::Refused(refusal)),
            (None, Some(error)) => self.give_up_or_retry(ctx, error),
            (None, None) => self.enter(StepStatus::Applying, ctx.now),
        }
    }

    fn give_up_or_retry(&mut self, ctx: Context<'_>, last: ExecError) {
        let attempts = self.attempts;
        self.retry(ctx, Duration::ZERO, Failure::GaveUp { attempts, last });
    }

    fn retry(&mut self, ctx: Context<'_>, at_least: Duration, failure: Failure) {
        if self.attempts >= ctx.params.max_attempts {
            return self.fail(failure);
        }
        let wait = ctx.params.backoff_after(self.attempts).max(at_least);
        self.enter(StepStatus::Applying, ctx.now);
        self.timer = Timer::Due(ctx.now.plus(wait));
    }

    fn settle(&mut self, ctx: Context<'_>, reply: Observed) {
        self.reply = reply;
        self.enter(StepStatus::Settling, ctx.now);
        if ctx.checks(false).next().is_none() {
            self.pass(ctx);
        }
    }

    /// Every check of this status holds.
    fn pass(&mut self, ctx: Context<'_>) {
        let more = self.status == StepStatus::Settling && ctx.checks(true).next().is_some();
        self.finish(if more {
            StepStatus::Settled
        } else {
            StepStatus::Verified
        });
    }

    /// Checks of this status that do not hold, with what was seen of them.
    fn pending<'a>(
        &self,
        ctx: Context<'a>,
        seen: Option<&Observed>,
    ) -> impl Iterator<Item = (&'a Check, Judgement)> {
        let metrics = self.status == StepStatus::Recovering;
        let judge = move |check: &Check| seen.map_or(Judgement::Unseen, |seen| check.judge(seen));
        let judged = ctx.checks(metrics).map(move |check| (check, judge(check)));
        judged.filter(|(_, judgement)| *judgement != Judgement::Met)
    }

    /// The platform cannot be observed. Then its reply to the effect is the best that is known of
    /// facts; of metrics it says nothing.
    fn unobservable(&mut self, ctx: Context<'_>) {
        let settling = self.status == StepStatus::Settling;
        let first = self.pending(ctx, settling.then_some(&self.reply)).next();
        match first {
            None => self.pass(ctx),
            Some((check, _)) => self.finish(StepStatus::Unverified {
                check: check.clone(),
            }),
        }
    }

    /// Not everything holds yet: waits, unless the time of a check is up. What contradicts a check
    /// fails the step; what was never seen leaves it unverified.
    fn look_again(&mut self, ctx: Context<'_>, at_least: Duration) {
        let pending: Vec<_> = self.pending(ctx, self.seen.as_ref()).collect();
        let since = self.since;
        let end = |check: &Check| since.plus(check.within);
        let overdue = || pending.iter().filter(|(check, _)| end(check) <= ctx.now);
        let not_met = overdue().find(|(_, judgement)| *judgement == Judgement::NotMet);
        if let Some((check, _)) = not_met {
            return self.fail(Failure::NotMet {
                check: (*check).clone(),
            });
        }
        if let Some((check, _)) = overdue().next() {
            return self.finish(StepStatus::Unverified {
                check: (*check).clone(),
            });
        }
        let pace = ctx.now.plus(ctx.params.observe_every.max(at_least));
        let next = pending
            .iter()
            .map(|(check, _)| end(check))
            .min()
            .map_or(pace, |e| e.min(pace));
        self.timer = Timer::Due(next);
    }
}
