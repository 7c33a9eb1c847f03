//! Calls that fail for their callers and that no part of the service accounts for.

use std::collections::BTreeSet;

use astern_graph_core::signal::{Anomaly, Evidence, MissingEvidence};
use astern_graph_core::{
    CallSummary, ChangeEvent, ChangePhase, GraphError, TemporalGraph, TimeRange, Timestamp,
};

use super::SequentialComparison;
use super::compared::Compared;
use super::metric::Metric;
use super::silent_instances::FEWEST_PER_CALL;
use crate::release::sides::{Observed, Step, losing, unanswered};

/// Times as many calls as a silent instance is expected to receive that it may have lost: instances are weighted unequally.
const UNEVEN: f64 = 2.0;

/// Greatest part of the lost calls that may come before an instance is silent, as chance makes it.
const LOST_BEFORE_MAX: f64 = 0.1;

/// Least part of them that comes in the first half of its silence: they begin with it.
const LOST_AT_FIRST_MIN: f64 = 0.25;

static FAILED: Metric = Metric::Failed;

/// The view of the callers: which calls fail that no part of the service answered, compared with the time before the change.
pub(super) struct OfCallers {
    observed: Observed,
    compared: Compared<'static>,
}

impl OfCallers {
    /// `None` where every failed call is accounted for, or where nothing could be.
    pub(super) fn of(
        judge: &SequentialComparison,
        graph: &TemporalGraph,
        change: &ChangeEvent,
        range: TimeRange,
        healthy: TimeRange,
    ) -> Result<Option<Self>, GraphError> {
        let unanswered = unanswered(graph, change, range, healthy, judge.0.start_up)?;
        Ok(unanswered.map(|observed| Self {
            compared: Compared::alone(&judge.0, &FAILED, &observed),
            observed,
        }))
    }

    pub(super) fn compared(&self) -> &Compared<'static> {
        &self.compared
    }

    /// Leaves out the steps in which dependencies pass anything on: callers do not wait as long for an answer as the service may.
    /// Returns what it was that looked worse and no longer does.
    pub(super) fn without_passed_on(
        &mut self,
        judge: &SequentialComparison,
        observed: &Observed,
    ) -> Option<&'static Metric> {
        let looked_worse = self.compared.looks_worse();
        let passed_on = observed.steps.iter().filter(|s| s.passed_on.is_any());
        let passed_on: BTreeSet<Timestamp> = passed_on.map(|step| step.range.start).collect();
        for step in &mut self.observed.steps {
            if passed_on.contains(&step.range.start) {
                step.new = CallSummary::joined([]);
                step.starting = CallSummary::joined([]);
            }
        }
        self.compared = Compared::alone(&judge.0, &FAILED, &self.observed);
        (looked_worse && !self.compared.looks_worse()).then_some(&FAILED)
    }

    /// What these calls say against the change, as one of so many metrics.
    pub(super) fn anomaly(
        &self,
        judge: &SequentialComparison,
        change: &ChangeEvent,
        metrics: usize,
    ) -> Anomaly {
        let difference = judge.difference(change, &self.observed, &self.compared, metrics);
        difference.because(Evidence::Fallback {
            wanted: "calls that new instances received".into(),
            used: "calls that failed for their callers, now and before the change".into(),
            reason: "no part of the service accounts for them".into(),
        })
    }
}

/// What is known of a change beside its sides.
pub(super) struct Context<'a> {
    pub(super) graph: &'a TemporalGraph,
    pub(super) change: &'a ChangeEvent,
    pub(super) range: TimeRange,
    pub(super) healthy: TimeRange,
}

impl Context<'_> {
    /// Whether steps of the change state that all traffic has it: what was only scheduled may not have come.
    fn states_all(&self) -> bool {
        let steps = self.graph.attempt_steps(self.change).into_iter();
        let steps: Vec<&ChangeEvent> = steps.filter(|step| step.at < self.range.end).collect();
        let is_completed = |step: &&ChangeEvent| step.phase == ChangePhase::Completed;
        let share = steps.iter().rev().find_map(|step| step.share);
        steps.iter().any(is_completed) || share.is_some_and(|share| share.fraction() >= 1.0)
    }
}

/// What of the service receives no calls.
pub(super) struct Silent<'a> {
    /// The new side as a whole.
    pub(super) new_side: bool,
    /// All of the service.
    pub(super) service: bool,
    /// Single new instances.
    pub(super) instances: &'a [MissingEvidence],
}

impl OfCallers {
    /// Whether the calls that nobody answered are the new side's. With an old side that answers they are where all of the
    /// new side is silent. With none left they are where the service is silent, where as many are lost as a silent instance should
    /// have received, or where at least two callers lose them; a single one may lose them by its own fault. Callers with a
    /// change of their own do not count. Where neither side answers, or both do, nobody knows whose calls are lost.
    pub(super) fn are_of_new(
        &self,
        observed: &Observed,
        context: &Context<'_>,
        silent: &Silent<'_>,
    ) -> bool {
        let gone_from = observed.old_is_gone_from();
        let is_old_there = gone_from == observed.steps.len();
        let was_alone = observed.last_seen().is_some_and(|last| gone_from <= last);
        let callers_that_tell = if is_old_there {
            silent.new_side.then_some(1)
        } else if !(was_alone || context.states_all()) {
            None
        } else if silent.new_side || silent.service || self.are_of_instances(silent.instances) {
            Some(1)
        } else {
            Some(2)
        };
        let Some(enough) = callers_that_tell else {
            return false;
        };
        let since = self.observed.steps.get(self.compared.since);
        let since = since.map_or(context.change.at, |step| step.range.start);
        let ranges = (context.range, context.healthy);
        let least = self.compared.harmful;
        let losing = losing(context.graph, context.change, ranges, since, least);
        // Where no caller is known by name, the silence speaks for itself.
        losing.callers >= enough || (!losing.is_known && enough == 1)
    }

    /// Whether lost calls begin with the silence of single instances and are no more than these should have received.
    fn are_of_instances(&self, silent: &[MissingEvidence]) -> bool {
        let silences = silent.iter().filter_map(|missing| match missing {
            MissingEvidence::InstanceTraffic {
                expected, since, ..
            } => Some((*since, expected * FEWEST_PER_CALL)),
            MissingEvidence::InstanceTelemetry {
                expected, since, ..
            } => Some((*since, *expected)),
            _ => None,
        });
        let silences: Vec<(Timestamp, f64)> = silences.collect();
        let Some(since) = silences.iter().map(|(since, _)| *since).min() else {
            return false;
        };
        let expected: f64 = silences.iter().map(|(_, expected)| expected).sum();
        let usual = self.compared.usual;
        let lost = |steps: &[Step]| {
            let beyond = |step: &Step| step.new.errors as f64 - usual * step.new.calls as f64;
            steps.iter().map(beyond).sum::<f64>().max(0.0)
        };
        let steps = &self.observed.steps;
        let from = steps.partition_point(|step| step.range.start < since);
        let (before, after) = steps.split_at(from);
        let (first_half, _) = after.split_at(after.len().div_ceil(2));
        let all = lost(after);
        all <= UNEVEN * expected
            && lost(before) <= LOST_BEFORE_MAX * all
            && lost(first_half) >= LOST_AT_FIRST_MIN * all
    }
}
