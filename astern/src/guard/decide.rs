//! From what a step has found to what is begun.

use astern_detect::Detector;
use astern_graph_core::signal::{Assessment, Diagnosis, Verdict};
use astern_graph_core::{ChangeEvent, TemporalGraph, Timestamp};
use astern_rca::Ranker;
use astern_rollback_policy::{Decision, Mode, PageCause, Plan, Reason, Risk, Ruling, Run};

use super::acted::{Answered, Ended};
use super::escalate::Findings;
use super::{Event, Guard, acted, influence, targets};
use crate::error::Error;

/// A plan that may be begun, and the attempts that it answers.
type Answering = (Plan, Vec<Answered>);

impl<R: Ranker, D: Detector> Guard<R, D> {
    /// Decides what to do, and begins it.
    pub(super) fn decide(
        &mut self,
        findings: Findings<'_>,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let Findings {
            graph,
            overall,
            diagnosis,
            changes,
            ..
        } = findings;
        let steps = targets::steps_with_targets(graph, changes, self.healthy_range());
        self.withdraw_overtaken(&steps, now, events);
        let persistence = self.state.persistence.share();
        let risk = self
            .stages
            .risk(graph, overall, diagnosis, persistence, now)?;
        let (mut ruling, plan) = self.rule(findings, &risk, &steps, now, events);
        let plan = plan.filter(|(plan, answered)| !self.is_bound(plan, answered));
        let plan = plan.filter(|(plan, _)| self.may_begin(plan, &mut ruling, now));
        // Before the baseline is learnt that nothing is worse is no claim that all is well.
        let is_claim = overall.verdict == Verdict::Healthy && ruling.decision == Decision::Continue;
        let has_learnt = self.state.baseline.is_some();
        if has_learnt || !is_claim {
            let ruling = ruling.clone();
            events.push(Event::Decided { ruling, risk });
        }
        if has_learnt && is_claim && persistence <= 0.0 {
            self.withdraw_recovered(now, events);
        }
        self.forget(graph, &steps, now);
        match plan {
            Some((plan, answered)) if self.params.mode == Mode::Ask => {
                self.propose(plan, answered, now, events)?;
            }
            Some((plan, answered)) => self.begin(plan, answered, now, events)?,
            None => {}
        }
        self.escalate(findings, &steps, &ruling, now, events)
    }

    /// What is right to do, and the plan for it: of what a person has not refused.
    fn rule(
        &self,
        findings: Findings<'_>,
        risk: &Risk,
        steps: &[ChangeEvent],
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> (Ruling, Option<Answering>) {
        let Findings {
            graph,
            overall,
            diagnosis,
            ..
        } = findings;
        let policy = &self.stages.policy;
        let (proposals, mode) = (&self.state.proposals, self.params.mode);
        let refused = diagnosis.and_then(|all| proposals.without_refused(all, steps, mode));
        let rest = refused.as_ref().map(|(rest, _)| rest).or(diagnosis);
        let mut ruling = policy.decide(risk, overall, rest, steps);
        let (Decision::RollBack, Some(blamed)) = (ruling.decision, rest) else {
            if let Some((_, why)) = refused {
                ruling = policy.decide(risk, overall, diagnosis, steps);
                if ruling.decision == Decision::RollBack {
                    ruling.hold(why);
                }
            }
            return (ruling, None);
        };
        let plan = match self.plan(graph, overall, blamed, steps, now) {
            Ok(plan) => plan,
            Err(error) => {
                let cause = error.to_string().into();
                ruling.escalate(Reason::NoPlan { cause });
                events.push(Event::Failed(error));
                return (ruling, None);
            }
        };
        let answered = acted::answered(&plan, steps);
        match self.state.acted.outcome(&answered) {
            // It was not that, or not that alone.
            Some(Ended::Succeeded) if findings.is_system_worse() => ruling.escalate(Reason::Undone),
            Some(Ended::Succeeded) => ruling.hold(Reason::Undone),
            Some(Ended::Unverified) => ruling.hold(Reason::UndoUnverified),
            Some(Ended::Failed) => ruling.hold(Reason::UndoFailed),
            None => {}
        }
        (ruling, Some((plan, answered)))
    }

    /// Whether a plan may be begun now, or a person asked for it; the ruling says why not.
    fn may_begin(&self, plan: &Plan, ruling: &mut Ruling, now: Timestamp) -> bool {
        if let Some(waits) = self.state.proposals.reason(plan) {
            ruling.reasons.push(waits);
            return false;
        }
        let asks = self.params.mode == Mode::Ask;
        if !plan.changes_services() {
            if asks {
                // Rollouts are not held without a word either: a person is called, and nothing else done.
                let cause = "all that could be done is to hold rollouts".into();
                ruling.escalate(Reason::NoPlan { cause });
            }
            return !asks;
        }
        let mut restrained = ruling.clone();
        let undos = &self.state.undos;
        if !self
            .stages
            .policy
            .restrain(&mut restrained, undos, plan, now)
        {
            return true;
        }
        // A brake that leads to a person leads to one who is asked anyway.
        if asks && restrained.decision == Decision::Escalate {
            ruling.reasons = restrained.reasons;
            return true;
        }
        *ruling = restrained;
        false
    }

    /// Whether a plan is not to be carried out: all that it answers was acted on, or a run is under way where it would act.
    fn is_bound(&self, plan: &Plan, answered: &[Answered]) -> bool {
        let state = &self.state;
        state.acted.binds(answered, self.params.mode.once_agreed()) || state.runs.meet(plan)
    }

    pub(super) fn plan(
        &self,
        graph: &TemporalGraph,
        overall: &Assessment,
        diagnosis: &Diagnosis,
        steps: &[ChangeEvent],
        now: Timestamp,
    ) -> Result<Plan, Error> {
        let mut planner = self.stages.planner.clone();
        if let Some(baseline) = &self.state.baseline {
            planner = planner.influence(influence::of_blamed(graph, diagnosis, baseline.range)?);
        }
        Ok(planner.plan(graph, overall, diagnosis, steps, now)?)
    }

    /// Forgets what was done for changes that the graph no longer holds.
    fn forget(&mut self, graph: &TemporalGraph, steps: &[ChangeEvent], now: Timestamp) {
        let kept = self.params.graph.retained_steps();
        let kept = graph.step().saturating_mul(kept);
        let oldest = now.minus(kept.saturating_add(self.params.watch));
        self.state.acted.forget(oldest, steps);
        self.state.pages.forget(oldest);
        self.state.proposals.forget(oldest);
    }

    /// Begins a run of a plan, which answers these attempts.
    pub(super) fn begin(
        &mut self,
        plan: Plan,
        answered: Vec<Answered>,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let (mode, fence) = (self.params.mode.once_agreed(), self.state.fence);
        let run = Run::new(plan.clone(), mode, fence, self.params.run.clone(), now)?;
        self.state.acted.on(answered, mode, now);
        if mode == Mode::Apply {
            self.state.undos.began(&plan, now);
        }
        if plan.calls_person() {
            self.state.paging.called(PageCause::Escalated, mode, now);
        }
        self.state.runs.begin(run);
        events.push(Event::Planned(plan));
        Ok(())
    }
}
