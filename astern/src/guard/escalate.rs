//! Calls a person where no rollback answers.

use astern_detect::Detector;
use astern_graph_core::signal::{Assessment, Diagnosis, Verdict};
use astern_graph_core::{ChangeEvent, NodeKey, TemporalGraph, Timestamp};
use astern_rca::Ranker;
use astern_rollback_policy::{Mode, PageCause, Plan, Ruling, Run};

use super::event::Event;
use super::{Guard, judge, pages};
use crate::error::Error;

/// What a step has found.
#[derive(Clone, Copy)]
pub(super) struct Findings<'a> {
    pub(super) graph: &'a TemporalGraph,
    /// Of the system and of each watched change.
    pub(super) assessments: &'a [Assessment],
    /// The changes that those of changes are about, in their order.
    pub(super) judged: &'a [&'a ChangeEvent],
    /// All of them together.
    pub(super) overall: &'a Assessment,
    pub(super) diagnosis: Option<&'a Diagnosis>,
    /// The watched changes.
    pub(super) changes: &'a [ChangeEvent],
}

impl<'a> Findings<'a> {
    /// Each change that was judged, with what was found.
    pub(super) fn of_changes(&self) -> impl Iterator<Item = (&'a ChangeEvent, &'a Assessment)> {
        let of_changes = self.assessments.iter().filter(|a| a.change.is_some());
        self.judged.iter().copied().zip(of_changes)
    }

    /// Whether the system as a whole is worse now than it was while its baseline was learnt.
    pub(super) fn is_system_worse(&self) -> bool {
        let mut of_system = self.assessments.iter().filter(|a| a.change.is_none());
        of_system.any(|a| a.verdict == Verdict::Regressed)
    }

    /// The node that a person should look at first: the likeliest cause, else where a change is suspected, else what is
    /// anomalous or silent. `None` where nothing is known at all.
    fn node(&self) -> Option<&NodeKey> {
        let silent = || {
            let mut silent = self
                .of_changes()
                .filter(|(_, a)| judge::silence(a).is_some());
            silent.next().map(|(change, _)| &change.service)
        };
        let suspect = self.diagnosis.and_then(|d| d.changes.first());
        let cause = self.diagnosis.and_then(|d| d.causes.first());
        let anomaly = self.overall.anomalies.first();
        let fault = self.overall.source_faults.first();
        cause
            .map(|cause| cause.subject.node())
            .or(suspect.map(|suspect| &suspect.service))
            .or(anomaly.map(|anomaly| anomaly.subject.node()))
            .or_else(silent)
            .or(fault.map(|fault| fault.subject.node()))
            .or(self.graph.keys().first())
    }
}

impl<R: Ranker, D: Detector> Guard<R, D> {
    /// Calls a person for what lasts and no rollback answers: once an incident, and not while a rollback is under way, which
    /// may yet help.
    pub(super) fn escalate(
        &mut self,
        findings: Findings<'_>,
        steps: &[ChangeEvent],
        ruling: &Ruling,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let (policy, mode) = (&self.stages.policy, self.params.mode.once_agreed());
        policy.record(&mut self.state.paging, ruling, now);
        let due = policy.page_due(&self.state.paging, mode);
        let Some(cause) = due.filter(|_| !self.state.runs.change_services()) else {
            return Ok(());
        };
        // What is blamed and cannot be undone is answered by a plan, which holds its rollout too.
        let asks = self.params.mode == Mode::Ask;
        let answer = match (cause, findings.diagnosis) {
            // In mode ask nothing is held without a word.
            (PageCause::Escalated, Some(diagnosis)) if !asks => {
                let plan = self.plan(findings.graph, findings.overall, diagnosis, steps, now);
                plan.ok().filter(|plan| !plan.changes_services())
            }
            _ => None,
        };
        let page = match (answer, findings.node()) {
            (Some(plan), _) => plan,
            (None, Some(node)) => {
                let reason = format!("{cause}: {}", ruling.why());
                pages::plan(node.clone(), reason.into(), now)?
            }
            // Nothing was ever seen: it stays due.
            (None, None) => return Ok(()),
        };
        self.state.paging.called(cause, mode, now);
        self.call(page, mode, now, events)
    }

    /// Begins a run that calls a person.
    pub(super) fn call(
        &mut self,
        page: Plan,
        mode: Mode,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let (fence, params) = (self.state.fence, self.params.run.clone());
        let run = Run::new(page.clone(), mode, fence, params, now)?;
        self.state.runs.begin(run);
        events.push(Event::Planned(page));
        Ok(())
    }

    /// Calls those again who were not reached.
    pub(super) fn call_again(
        &mut self,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let mut missed = self.state.pages.again()?.into_iter();
        missed.try_for_each(|page| self.call(page, Mode::Apply, now, events))
    }
}
