//! What both sides of a change received, step by step, and what the service received before.

mod callers;
mod calls;
mod changed;
mod dependencies;
mod read;
mod witnesses;

use std::collections::BTreeSet;
use std::time::Duration;

use astern_graph_core::schema::Feature;
use astern_graph_core::{CallSummary, TimeRange, Timestamp};

pub(super) use callers::{losing, unanswered};
use calls::none;
use dependencies::PassedOn;
pub(super) use dependencies::pass_on;
pub(super) use read::observed;

/// Calls that the old side would have received since it was last seen, had it not gone: with so many expected, none has a
/// probability below 1 %.
const GONE_CALLS_MIN: f64 = 5.0;

/// See [`Observed::caution`].
const WITHOUT_OLD_SIDE: f64 = 2.0;

/// What was received in one step.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) range: TimeRange,
    /// By what runs the change, without start-ups.
    pub(super) new: CallSummary,
    /// By what does not run it, at the same time.
    pub(super) old: CallSummary,
    /// The old instances one by one, by their place among all of the service.
    pub(super) old_instances: Vec<(usize, CallSummary)>,
    /// Calls to each instance that is on the new side, start-ups included, by its place; 0 where it received none. Nothing
    /// where telemetry counts no calls by instance.
    pub(super) new_instances: Vec<(usize, u64)>,
    /// Calls to revisions that came later and are other ones.
    pub(super) later: u64,
    /// By new instances that start up.
    pub(super) starting: CallSummary,
    /// The share of the calls that the new side should receive, as far as it is known.
    pub(super) expected_share: Option<f64>,
    /// Without an old side, once it was asked for: what dependencies do to all their callers.
    pub(super) passed_on: PassedOn,
}

/// What was received in one healthy step before the change.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) all: CallSummary,
    /// One by one, by their place among all of the service.
    pub(super) instances: Vec<(usize, CallSummary)>,
}

/// All that a change is judged by.
#[derive(Debug)]
pub(super) struct Observed {
    pub(super) steps: Vec<Step>,
    /// The newest first.
    pub(super) before: Vec<Before>,
    /// When the first of the new instances that start up now has started.
    pub(super) started_at: Option<Timestamp>,
    /// How long an instance starts up.
    pub(super) start_up: Duration,
    /// Metrics that were sampled on the new side, with their meaning; features of calls are not among them.
    pub(super) sampled: Vec<Feature>,
    /// Whether it is known which calls were refused.
    pub(super) refusals_are_known: bool,
    /// Whether it is known which calls failed, of those that were seen or sampled.
    pub(super) outcomes_are_known: bool,
    /// The places of instances are below this.
    pub(super) instances: usize,
}

impl Observed {
    /// Whether any call was seen; otherwise only samples speak.
    pub(super) fn has_calls(&self) -> bool {
        let before = self.before.iter().map(|before| &before.all);
        let steps = self
            .steps
            .iter()
            .flat_map(|s| [&s.old, &s.new, &s.starting]);
        before.chain(steps).any(|calls| calls.calls > 0)
    }

    /// The step from which on the old side is gone, and not only silent by chance; the number of steps where it is there.
    pub(super) fn old_is_gone_from(&self) -> usize {
        let has_calls = self.has_calls();
        let seen = |side: &CallSummary| amount(side, has_calls);
        let last_seen = self.steps.iter().rposition(|step| seen(&step.old) > 0);
        let gone_from = last_seen.map_or(0, |last| last + 1);
        let (beside, alone) = self.steps.split_at(gone_from);
        let mean = |calls: u64, steps: usize| calls as f64 / steps.max(1) as f64;
        let of_step = if beside.is_empty() {
            let before = self.before.iter().map(|before| seen(&before.all));
            mean(before.sum(), self.before.len())
        } else {
            mean(
                beside.iter().map(|step| seen(&step.old)).sum(),
                beside.len(),
            )
        };
        if of_step * alone.len() as f64 >= GONE_CALLS_MIN {
            gone_from
        } else {
            self.steps.len()
        }
    }

    /// By how much the effects that matter are greater than their least: where most calls of the new side have no old side
    /// at the same time, what the hours bring is taken for the change otherwise.
    pub(super) fn caution(&self) -> f64 {
        let has_calls = self.has_calls();
        let of_new = |step: &Step| amount(&step.new, has_calls) + amount(&step.starting, has_calls);
        let all: u64 = self.steps.iter().map(of_new).sum();
        let alone = &self.steps[self.old_is_gone_from()..];
        if 2 * alone.iter().map(of_new).sum::<u64>() > all {
            WITHOUT_OLD_SIDE
        } else {
            1.0
        }
    }

    /// Old instances of which anything was seen, beside the new side or before it.
    pub(super) fn old_instances(&self) -> usize {
        let steps = self.steps.iter().map(|step| &step.old_instances);
        let before = self.before.iter().map(|before| &before.instances);
        let places = steps.chain(before).flatten().map(|(place, _)| place);
        let places = places.filter(|place| **place < self.instances);
        places.collect::<BTreeSet<_>>().len()
    }

    /// The last step with calls to the new side, start-ups included.
    pub(super) fn last_seen(&self) -> Option<usize> {
        self.steps.iter().rposition(Step::is_new_seen)
    }
}

/// How much was seen of one side: its calls, or whether anything was where there are no calls at all.
fn amount(side: &CallSummary, has_calls: bool) -> u64 {
    if has_calls {
        side.calls
    } else {
        u64::from(!side.is_empty())
    }
}

impl Step {
    /// A step in which nothing was received.
    fn empty(range: TimeRange) -> Self {
        Self {
            range,
            new: none(),
            old: none(),
            old_instances: Vec::new(),
            new_instances: Vec::new(),
            later: 0,
            starting: none(),
            expected_share: None,
            passed_on: PassedOn::default(),
        }
    }

    pub(super) fn is_new_seen(&self) -> bool {
        self.new.calls + self.starting.calls > 0
    }
}
