//! Looks before an effect, and after a reply that was lost: may it be sent, and is it there?

use std::sync::Arc;
use std::time::Duration;

use crate::executor::{Observed, Outcome, Refusal};
use crate::fact::Fact;
use crate::plan::{Check, Judgement};
use crate::run::progress::{Context, Progress, Timer};
use crate::run::{Failure, StepStatus};

impl Progress {
    /// Takes the answer to the look before anything is changed. What the preconditions say is not judged here: they are
    /// about what is asked for, and the executor compares them with the write.
    pub(super) fn looked(&mut self, ctx: Context<'_>, outcome: Outcome) {
        let waited = ctx.now.since(self.since);
        if waited > ctx.params.look_within {
            return self.fail(Failure::LookedLate { waited });
        }
        match outcome {
            Outcome::Done(seen) | Outcome::AlreadyDone(seen)
                if seen == Observed::new() && self.may_look_again(ctx) =>
            {
                // It may have versions, and show nothing this once.
                self.look_again_after(ctx, Duration::ZERO);
            }
            Outcome::Done(seen) | Outcome::AlreadyDone(seen) => {
                let version = ctx
                    .place()
                    .and_then(|place| seen.version_of(&place).cloned());
                self.version = version.map(|version| Arc::clone(&version.token));
                self.finish(StepStatus::Waiting);
            }
            Outcome::Refused(refusal @ Refusal::Busy { retry_after, .. }) => {
                self.look_blindly(ctx, retry_after, |_| Failure::Refused(refusal));
            }
            Outcome::Refused(refusal) if ends(&refusal) => self.fail(Failure::Refused(refusal)),
            // It cannot be looked at, so it has no version.
            Outcome::Refused(_) => self.finish(StepStatus::Waiting),
            Outcome::Unknown(last) => {
                let gave_up = |attempts| Failure::GaveUp { attempts, last };
                self.look_blindly(ctx, Duration::ZERO, gave_up);
            }
        }
    }

    pub(super) fn probe(&mut self, ctx: Context<'_>) {
        self.blind_looks = 0;
        self.enter(StepStatus::Probing, ctx.now);
    }

    /// Takes the answer to a look for an effect whose reply was lost.
    pub(super) fn probed(&mut self, ctx: Context<'_>, outcome: Outcome) {
        let wait = match outcome {
            Outcome::Done(seen) | Outcome::AlreadyDone(seen) => {
                let met = |check: Check| check.judge(&seen) == Judgement::Met;
                return if ctx.trace().is_some_and(met) {
                    self.landed(ctx, seen);
                } else {
                    self.not_there(ctx, Some(&seen));
                };
            }
            Outcome::Refused(Refusal::Busy { retry_after, .. }) => retry_after,
            Outcome::Refused(refusal) if ends(&refusal) => {
                return self.fail(Failure::Refused(refusal));
            }
            Outcome::Refused(_) => return self.not_there(ctx, None),
            Outcome::Unknown(error) => {
                self.lost = Some(error);
                Duration::ZERO
            }
        };
        if self.may_look_again(ctx) {
            self.look_again_after(ctx, wait);
        } else {
            self.not_there(ctx, None);
        }
    }

    /// The effect is not there, or nobody can tell. It is sent again where that can do no harm: where the platform
    /// refuses it if anybody has acted since.
    fn not_there(&mut self, ctx: Context<'_>, seen: Option<&Observed>) {
        if let Some(refusal) = self.refused.take() {
            return self.fail(Failure::Refused(refusal));
        }
        let Some(last) = self.lost.clone() else {
            return self.enter(StepStatus::Applying, ctx.now);
        };
        let place = ctx.place();
        let version = place.and_then(|place| seen?.version_of(&place));
        let is_overtaken = match (ctx.version, version) {
            (Some(known), Some(now)) => *known != now.token,
            (Some(_), None) => false,
            (None, _) if ctx.params.resend_unversioned => is_elsewhere(ctx, seen),
            (None, _) => return self.fail(Failure::Unclear { last }),
        };
        if is_overtaken {
            let found = found(ctx, seen);
            self.fail(Failure::Overtaken { found });
        } else {
            self.give_up_or_retry(ctx, last);
        }
    }

    fn look_blindly(
        &mut self,
        ctx: Context<'_>,
        at_least: Duration,
        failure: impl FnOnce(u32) -> Failure,
    ) {
        if self.may_look_again(ctx) {
            self.look_again_after(ctx, at_least);
        } else {
            self.fail(failure(self.blind_looks.saturating_add(1)));
        }
    }

    fn may_look_again(&self, ctx: Context<'_>) -> bool {
        self.blind_looks.saturating_add(1) < ctx.params.max_attempts
    }

    fn look_again_after(&mut self, ctx: Context<'_>, at_least: Duration) {
        self.blind_looks = self.blind_looks.saturating_add(1);
        self.timer = Timer::Due(ctx.now.plus(ctx.params.wait(self.blind_looks, at_least)));
    }
}

/// Whether a step comes to its end where an observation is refused like this: another holder is at work, or what it acts
/// on does not exist.
pub(super) fn ends(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Fenced { .. } | Refusal::NotFound { .. })
}

/// What is seen in place of the target.
pub(super) fn found(ctx: Context<'_>, seen: Option<&Observed>) -> Option<Fact> {
    let target = ctx.target()?;
    let mut facts = seen?.facts.iter();
    facts
        .find(|fact| fact.satisfies(&target) == Some(false))
        .cloned()
}

/// Whether something is seen that is neither the target nor what must hold before it.
fn is_elsewhere(ctx: Context<'_>, seen: Option<&Observed>) -> bool {
    let broken = |before: &Fact| {
        let facts = seen.into_iter().flat_map(|seen| &seen.facts);
        facts
            .into_iter()
            .any(|fact| fact.satisfies(before) == Some(false))
    };
    ctx.before().any(broken)
}
