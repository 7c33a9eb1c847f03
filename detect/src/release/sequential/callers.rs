//! Calls that fail for their callers and that no part of the service accounts for.

use std::collections::BTreeSet;

use astern_graph_core::signal::{Anomaly, Evidence};
use astern_graph_core::{
    CallSummary, ChangeEvent, ChangePhase, GraphError, TemporalGraph, TimeRange, Timestamp,
};

use super::SequentialComparison;
use super::compared::Compared;
use super::metric::Metric;
use crate::release::sides::{Observed, announced_shares, unanswered};

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
            compared: Compared::of(&judge.0, &FAILED, &observed, None),
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
        self.compared = Compared::of(&judge.0, &FAILED, &self.observed, None);
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

/// Whether the calls that nobody answered are the new side's: no old side is left since the change came, or the new side `is_silent`
/// while the old one answers. Where both answer, or neither, nobody knows whose calls are lost.
pub(super) fn are_of_new(
    is_silent: bool,
    observed: &Observed,
    graph: &TemporalGraph,
    change: &ChangeEvent,
) -> bool {
    let steps = graph.attempt_steps(change);
    let is_completed = steps
        .iter()
        .any(|step| step.phase == ChangePhase::Completed);
    let last = observed.steps.last().map(|step| step.range.start);
    let shares = announced_shares(graph, change).into_iter().rev();
    let mut shares = shares.skip_while(|(at, _)| last.is_some_and(|last| *at > last));
    let has_all = shares.next().is_some_and(|(_, share)| share >= 1.0);
    let gone_from = observed.old_is_gone_from();
    let was_alone = observed.last_seen().is_some_and(|last| gone_from <= last);
    (is_silent && gone_from == observed.steps.len()) || was_alone || is_completed || has_all
}
