//! Feeds a guard with a sample, a step at a time, and keeps what it reported.

use std::convert::Infallible;

use astern::policy::{Decision, Executor, Plan, Risk, Ruling, RunSummary};
use astern::{Error, Event, Guard, GuardParams};
use astern_graph_core::signal::{Assessment, Diagnosis};
use astern_graph_core::{GraphParams, IngestReport, Record, TemporalGraph, TimeRange, Timestamp};

use crate::sample::Sample;

/// What a guard reported about a sample.
#[derive(Debug)]
pub struct Incident {
    /// What became of the records.
    pub ingest: IngestReport,
    /// Every change of the decision, with its time, risk and reasons.
    pub rulings: Vec<(Timestamp, Ruling, Risk)>,
    /// Assessments of the step in which the plan was made, or of the last step.
    pub assessments: Vec<Assessment>,
    /// Diagnosis of that step.
    pub diagnosis: Option<Diagnosis>,
    /// The plan, and when it was made.
    pub plan: Option<(Plan, Timestamp)>,
    /// How the plan was carried out.
    pub summary: Option<RunSummary>,
    /// Stages that failed.
    pub failures: Vec<Error>,
    /// The graph at the end.
    pub graph: TemporalGraph,
    /// The range that the baseline was learnt from.
    pub healthy: Option<TimeRange>,
}

/// Feeds a guard with a sample as if it came in live, and carries its requests out by `executor`.
///
/// # Errors
/// [`Error`] when the guard refuses its parameters.
pub fn watch(
    sample: &Sample,
    params: GuardParams,
    executor: &dyn Executor,
) -> Result<Incident, Error> {
    let mut guard = Guard::new(params.graph(GraphParams::default().step(sample.step)))?;
    // Nobody goes on from a guard that watches a sample.
    let discard = |_state: &[u8]| Ok::<(), Infallible>(());
    let mut incident = Incident::empty(&guard);
    let mut records = sample.records.iter().cloned().peekable();
    let Some(first) = sample.records.first().map(Record::at) else {
        return Ok(incident);
    };
    let mut now = GraphParams::default().step(sample.step).step_end(first);
    while records.peek().is_some() {
        now = now.plus(sample.step);
        let mut batch = Vec::new();
        while let Some(record) = records.next_if(|record| record.at() < now) {
            batch.push(record);
        }
        let events = guard.tick(batch, now, executor, discard);
        incident.begin_step(&events);
        incident.take(events, now);
    }
    // No more telemetry, but a run under way still has its deadlines; it ends by itself.
    while let Some(due) = guard.deadline() {
        now = now.max(due);
        incident.take(guard.tick([], now, executor, discard), now);
    }
    incident.graph = guard.graph();
    incident.healthy = guard.healthy_range();
    Ok(incident)
}

impl Incident {
    fn empty(guard: &Guard) -> Self {
        Self {
            ingest: IngestReport::default(),
            rulings: Vec::new(),
            assessments: Vec::new(),
            diagnosis: None,
            plan: None,
            summary: None,
            failures: Vec::new(),
            graph: guard.graph(),
            healthy: None,
        }
    }

    /// Forgets the step before, unless its plan is what there is to tell.
    fn begin_step(&mut self, events: &[Event]) {
        if self.plan.is_none() && events.iter().any(|e| matches!(e, Event::Assessed(_))) {
            self.assessments.clear();
            self.diagnosis = None;
        }
    }

    /// Keeps what events say.
    fn take(&mut self, events: Vec<Event>, now: Timestamp) {
        let planned = self.plan.is_some();
        for event in events {
            match event {
                Event::Ingest(report) => self.ingest += report,
                Event::Assessed(assessment) if !planned => self.assessments.push(assessment),
                Event::Diagnosed(diagnosis) if !planned => self.diagnosis = Some(diagnosis),
                Event::Decided { ruling, risk, .. } => self.decided(ruling, risk, now),
                Event::Planned(plan) if plan.changes_services() => self.plan = Some((plan, now)),
                Event::Finished(summary) if self.is_of_plan(&summary) => {
                    self.summary = Some(summary);
                }
                Event::Failed(error) => self.failures.push(error),
                _ => {}
            }
        }
    }

    fn is_of_plan(&self, summary: &RunSummary) -> bool {
        let plan = self.plan.as_ref();
        plan.is_some_and(|(plan, _)| plan.id == summary.plan)
    }

    fn decided(&mut self, ruling: Ruling, risk: Risk, now: Timestamp) {
        let before = self
            .rulings
            .last()
            .map_or(Decision::Continue, |(_, r, _)| r.decision);
        if ruling.decision != before {
            self.rulings.push((now, ruling, risk));
        }
    }
}
