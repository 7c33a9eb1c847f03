//! Each step of the new side beside what it is compared with.

use astern_graph_core::{CallSummary, Timestamp};
use astern_stats::sequential::SideHits;

use super::counted::{Counted, CountedStep, Hits};
use super::metric::{Metric, sum};
use crate::release::sides::{Observed, Step};

/// Healthy steps before the change beside which each step without an old side is put: more than one, as the level before is
/// known better than that of a step.
const BEFORE_PER_STEP: usize = 3;

/// A step of the new side with what it is compared with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pair {
    pub(super) hits: SideHits,
    pub(super) is_before: bool,
}

impl Pair {
    fn of((new_hits, new_trials): Hits, (old_hits, old_trials): Hits, is_before: bool) -> Self {
        let hits = SideHits {
            new_hits,
            new_trials,
            old_hits,
            old_trials,
        };
        let is_before = is_before && old_trials > 0;
        Self { hits, is_before }
    }
}

/// Each step of the new side, of which `new` takes the hits, with the old side of the same step, or of the few
/// steps in which both have calls; with a few healthy steps before the change, in turn, once the old side is gone.
pub(super) fn pairs(
    observed: &Observed,
    counted: &Counted<'_>,
    new: impl Fn(&CountedStep) -> Hits,
) -> Vec<Pair> {
    let gone_from = observed.old_is_gone_from();
    let before = if gone_from < observed.steps.len() {
        with_calls(observed, counted.all_before())
    } else {
        Vec::new()
    };
    let several = BEFORE_PER_STEP.min(before.len());
    let mut in_turn = before.iter().cycle();
    let mut take = || sum(in_turn.by_ref().take(several));
    let steps = observed.steps.iter().zip(&counted.steps).enumerate();
    // What waits for calls of the other side.
    let (mut of_new, mut of_old) = ((0, 0), (0, 0));
    let mut beyond = BeyondDependencies::default();
    let metric = counted.metric;
    let pair = |(i, (step, counted)): (usize, (&Step, &CountedStep))| {
        if i >= gone_from {
            let of_new = beyond.of(metric, step, new(counted));
            return if of_new.1 == 0 {
                Pair::default()
            } else {
                Pair::of(of_new, take(), true)
            };
        }
        of_new = sum([of_new, new(counted)].iter());
        of_old = sum([of_old, counted.old].iter());
        if of_new.1 == 0 || of_old.1 == 0 {
            return Pair::default();
        }
        let (of_new, of_old) = (std::mem::take(&mut of_new), std::mem::take(&mut of_old));
        Pair::of(of_new, of_old, false)
    };
    steps.map(pair).collect()
}

/// The hits of those healthy steps before the change in which the service received any call.
fn with_calls(observed: &Observed, before: &[Hits]) -> Vec<Hits> {
    let steps = observed.before.iter().zip(before);
    let steps = steps.filter(|(step, _)| step.all.calls > 0);
    steps.map(|(_, hits)| *hits).collect()
}

/// Takes out what dependencies account for, step by step.
#[derive(Default)]
struct BeyondDependencies {
    /// The part of a failed call that is still to be taken out.
    left: f64,
}

impl BeyondDependencies {
    /// Hits and trials without the calls that dependencies failed, and none in a step in which they account for a rise of the
    /// latency: of those it is not known how they would have ended, or how long they would have taken.
    fn of(&mut self, metric: &Metric, step: &Step, (hits, trials): Hits) -> Hits {
        match metric {
            Metric::Failed => {
                let failed = self.whole(step.passed_on.failed * trials as f64).min(hits);
                (hits - failed, trials - failed)
            }
            Metric::Slow { q, usual_ms, .. } => {
                let calls = || CallSummary::joined([&step.new, &step.starting]);
                let rise_ms = || calls().latency_ms(*q).map(|ms| ms - usual_ms);
                if step.passed_on.explains(*q, rise_ms) {
                    (0, 0)
                } else {
                    (hits, trials)
                }
            }
            Metric::Refused | Metric::Sampled { .. } => (hits, trials),
        }
    }

    /// Whole calls of these and of what was left before; the rest is left for the next step.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a number of calls"
    )]
    fn whole(&mut self, failed: f64) -> u64 {
        self.left += failed;
        // What is a whole number but for rounding is one.
        let whole = (self.left + 1e-9).floor();
        self.left = (self.left - whole).max(0.0);
        whole as u64
    }
}

/// The hits of each step that has an old side at the same time, and when it ends; none of the others.
pub(super) fn beside(observed: &Observed, pairs: &[Pair]) -> Vec<(Timestamp, SideHits)> {
    let ends = observed.steps.iter().map(|step| step.range.end);
    let hits = |pair: &Pair| Some(pair.hits).filter(|_| !pair.is_before);
    ends.zip(pairs.iter().map(|pair| hits(pair).unwrap_or_default()))
        .collect()
}

/// By how much the variance of a comparison with healthy steps before the change is greater than it is taken for, since
/// each of these `before` steps stands beside several of the `steps` since.
pub(super) fn reuse(steps: usize, before: usize) -> f64 {
    let (steps, before) = (steps as f64, before.max(1) as f64);
    let taken_for = 1.0 + 1.0 / (BEFORE_PER_STEP as f64).min(before);
    f64::max(1.0, (1.0 + steps / before) / taken_for)
}

#[cfg(test)]
mod tests {
    use super::BeyondDependencies;

    #[test]
    fn parts_of_failed_calls_add_up_over_steps() {
        let mut beyond = BeyondDependencies::default();
        let mut taken = |share: f64| beyond.whole(share * 20.0);
        assert_eq!(taken(0.001), 0);
        assert_eq!((1..100).map(|_| taken(0.001)).sum::<u64>(), 2);
        assert_eq!((0..10).map(|_| taken(0.3)).sum::<u64>(), 60);
        assert_eq!((0..10).map(|_| taken(0.33)).sum::<u64>(), 66);
    }
}
