//! Looks after an effect: has the platform reached the target, and are the metrics good again?

use std::time::Duration;

use astern_graph_core::Timestamp;

use crate::executor::{Observed, Outcome, Refusal};
use crate::plan::{Check, Judgement};
use crate::run::looking::{ends, found};
use crate::run::progress::{Context, Progress, Timer};
use crate::run::{Failure, StepStatus};

impl Progress {
    /// Takes the answer to an observation of the target or of the metrics.
    pub(super) fn observed(&mut self, ctx: Context<'_>, outcome: Outcome) {
        match outcome {
            Outcome::Done(seen) | Outcome::AlreadyDone(seen) => {
                self.note_version(ctx, &seen);
                if self.status == StepStatus::Recovering && has_left(ctx, &seen) {
                    let found = found(ctx, Some(&seen));
                    return self.fail(Failure::Overtaken { found });
                }
                let all_met = self.pending(ctx, Some(&seen)).next().is_none();
                self.seen = Some(seen);
                if all_met {
                    self.pass(ctx);
                } else {
                    self.look_again(ctx, Duration::ZERO);
                }
            }
            Outcome::Refused(Refusal::Busy { retry_after, .. }) => {
                self.look_again(ctx, retry_after.min(ctx.params.max_retry_after));
            }
            Outcome::Refused(refusal) if ends(&refusal) => self.fail(Failure::Refused(refusal)),
            Outcome::Refused(_) => self.unobservable(ctx),
            Outcome::Unknown(_) => self.look_again(ctx, Duration::ZERO),
        }
    }

    pub(super) fn settle(&mut self, ctx: Context<'_>, reply: Observed) {
        self.reply = reply;
        self.enter(StepStatus::Settling, ctx.now);
        if ctx.step.verify.is_empty() {
            self.finish(StepStatus::Verified);
        } else if ctx.checks(false).next().is_none() {
            self.pass(ctx);
        }
    }

    /// Every step has reached its target: it must hold still, and then the metrics count.
    pub(crate) fn recover(&mut self, ctx: Context<'_>) {
        let is_fresh = self.since == ctx.now;
        if is_fresh && ctx.checks(true).next().is_none() {
            self.finish(StepStatus::Verified);
        } else {
            self.enter(StepStatus::Recovering, ctx.now);
        }
    }

    /// Every check of this status holds.
    fn pass(&mut self, ctx: Context<'_>) {
        if self.status == StepStatus::Settling {
            self.finish(StepStatus::Settled);
            self.since = ctx.now;
            self.reached = Some(ctx.now);
        } else {
            self.finish(StepStatus::Verified);
        }
    }

    /// Checks of this status that do not hold, with what was seen of them: the target first, and at the end both the target,
    /// which must be seen to hold still unless a later step acts at the same place, and the metrics.
    fn pending<'a>(
        &self,
        ctx: Context<'a>,
        seen: Option<&Observed>,
    ) -> impl Iterator<Item = (&'a Check, Judgement)> {
        let at_end = self.status == StepStatus::Recovering;
        // What is gone is not shown; who shows nothing at all has not looked.
        let shows = seen.is_some_and(|seen| *seen != Observed::new());
        let facts = (!at_end || !shows || !ctx.is_followed()).then(|| ctx.checks(false));
        let metrics = at_end.then(|| ctx.checks(true));
        let checks = facts.into_iter().flatten();
        let checks = checks.chain(metrics.into_iter().flatten());
        let judge = move |check: &Check| seen.map_or(Judgement::Unseen, |seen| check.judge(seen));
        let judged = checks.map(move |check| (check, judge(check)));
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
        if pending.is_empty() {
            return self.pass(ctx);
        }
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
        let ends = pending.iter().map(|(check, _)| end(check));
        self.timer = Timer::Due(ends.min().map_or(pace, |end: Timestamp| end.min(pace)));
    }
}

/// Whether a target that was reached does not hold any more.
fn has_left(ctx: Context<'_>, seen: &Observed) -> bool {
    ctx.checks(false)
        .any(|check| check.judge(seen) == Judgement::NotMet)
}
