//! Where the situations play: users call `web`, `web` calls `cart` and sometimes `pay`; a guard
//! watches step by step and acts on a platform.

mod platform;
mod traffic;

use std::ops::Range;
use std::time::Duration;

use astern::detect::catalogue::DetectionParams;
use astern::detect::pipeline::PipelineParams;
use astern::policy::{Action, Decision, Mode, Plan, PlannerParams, RunState};
use astern::{Event, Guard, GuardParams};
use astern_graph_core::signal::Verdict;
use astern_graph_core::{ChangeId, GraphParams, IngestReport, Record, Timestamp};

use crate::EvalError;

pub(super) use platform::{Platform, runs};
pub(super) use traffic::{Instance, Traffic, four, serving};

/// Length of a step where a situation needs many.
pub(super) const SHORT_STEP: Duration = Duration::from_secs(10);

/// The default detector, with another least number of healthy steps.
pub(super) fn learning_from(steps_min: u32) -> DetectionParams {
    DetectionParams::default().pipeline(PipelineParams::default().steps_min(steps_min))
}

/// Parameters that need little telemetry: they learn from 20 steps and look back 6.
pub(super) fn short() -> GuardParams {
    let graph = GraphParams::default().step(SHORT_STEP).retention_steps(200);
    let two_minutes = Duration::from_secs(120);
    let planner = PlannerParams::default()
        .settle_within(two_minutes)
        .recover_within(two_minutes)
        .traffic_window(Duration::from_secs(60));
    GuardParams::default()
        .graph(graph)
        .healthy_steps(20)
        .memory_steps(6)
        .detectors([("robust_z", learning_from(12))])
        .planner(planner)
        .mode(Mode::Apply)
}

/// What a guard reported, each with its step.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) ingest: IngestReport,
    /// A verdict about the system as a whole has no change.
    pub(super) verdicts: Vec<(u32, Option<ChangeId>, Verdict)>,
    pub(super) decisions: Vec<(u32, Decision)>,
    pub(super) plans: Vec<(u32, Plan)>,
    pub(super) ends: Vec<(u32, RunState)>,
}

impl Seen {
    /// Steps from `from` on in which this was decided.
    pub(super) fn decided(&self, from: u32, decision: Decision) -> usize {
        let since = self.decisions.iter().filter(|(step, _)| *step >= from);
        since.filter(|(_, reported)| *reported == decision).count()
    }

    /// Steps in which a plan was made.
    pub(super) fn planned(&self) -> Vec<u32> {
        self.plans.iter().map(|(step, _)| *step).collect()
    }
}

/// A guard, its platform, and the traffic that it watches.
#[derive(Debug)]
pub(super) struct World {
    pub(super) guard: Guard,
    pub(super) platform: Platform,
    pub(super) traffic: Traffic,
    pub(super) seen: Seen,
    /// Whether what [`Guard::report`] returns is handled, as it should be.
    pub(super) handles_replies: bool,
}

impl World {
    /// With steps of a minute and default parameters.
    pub(super) fn by_minutes(seed: u64) -> Result<Self, EvalError> {
        let params = GuardParams::default().mode(Mode::Apply);
        Self::with(params, Duration::from_secs(60), seed)
    }

    /// With steps of ten seconds, and a memory as short.
    pub(super) fn by_seconds(seed: u64) -> Result<Self, EvalError> {
        Self::with(short(), SHORT_STEP, seed)
    }

    /// With parameters whose graph has this step.
    pub(super) fn with(params: GuardParams, step: Duration, seed: u64) -> Result<Self, EvalError> {
        Ok(Self {
            guard: Guard::new(params)?,
            platform: Platform::default(),
            traffic: Traffic::new(seed, step),
            seen: Seen::default(),
            handles_replies: true,
        })
    }

    /// With steps of ten seconds, and `cart` and `pay` in their first revisions.
    pub(super) fn of_two(seed: u64) -> Result<Self, EvalError> {
        let world = Self::by_seconds(seed)?;
        Ok(world.running("cart", "cart-1").running("pay", "pay-1"))
    }

    /// Says that the platform runs this revision.
    pub(super) fn running(self, service: &str, revision: &str) -> Self {
        self.platform.set(service, revision);
        self
    }

    /// Feeds steps one by one; `feed` makes the records of each.
    pub(super) fn play(
        &mut self,
        steps: Range<u32>,
        mut feed: impl FnMut(u32, &mut Traffic, &Platform) -> Vec<Record>,
    ) -> Result<(), EvalError> {
        for step in steps {
            let records = feed(step, &mut self.traffic, &self.platform);
            self.observe(step, records, self.traffic.at(step + 1))?;
        }
        Ok(())
    }

    /// Feeds records and carries out what the guard asks for.
    pub(super) fn observe(
        &mut self,
        step: u32,
        records: Vec<Record>,
        now: Timestamp,
    ) -> Result<(), EvalError> {
        let mut events = self.guard.observe(records, now);
        while !events.is_empty() {
            let mut next = Vec::new();
            for event in events {
                match event {
                    Event::Ingest(report) => self.seen.ingest += report,
                    Event::Assessed(assessment) => {
                        let verdict = (step, assessment.change, assessment.verdict);
                        self.seen.verdicts.push(verdict);
                    }
                    Event::Decided { ruling, .. } => {
                        self.seen.decisions.push((step, ruling.decision));
                    }
                    Event::Planned(plan) if plan.changes_services() => {
                        self.seen.plans.push((step, plan));
                    }
                    Event::Finished(summary) => {
                        let mut actions = summary.steps.iter().map(|step| &step.action);
                        // A run that only calls a person undoes nothing.
                        if actions.any(Action::changes_service) {
                            self.seen.ends.push((step, summary.state));
                        }
                    }
                    Event::Execute(request) => {
                        let outcome = self.platform.answer(&request);
                        let more = self.guard.report(&request.key, outcome, now)?;
                        next.extend(more.into_iter().filter(|_| self.handles_replies));
                    }
                    _ => {}
                }
            }
            events = next;
        }
        Ok(())
    }
}
