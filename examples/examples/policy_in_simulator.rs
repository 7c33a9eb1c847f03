//! A rollback policy of your own, tried out in the simulator before it meets a real platform:
//! does it roll back what is bad, and leave alone what is not, while calls to the platform get lost?
//!
//! `cargo run --release -p astern-examples --example policy_in_simulator`
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use astern::graph::signal::Verdict;
use astern::graph::{ChangeId, GraphParams, Timestamp};
use astern::policy::{Executor, Mode, Plan, PolicyParams, RiskParams, RunState};
use astern::{Event, Guard, GuardParams};
use astern_sim::{CallFault, ExecutorFaults, GroundTruth, Scenario, SimExecutor, Simulator, When};
use comfy_table::{Table, presets};

const SEEDS: std::ops::RangeInclusive<u64> = 4..=8;

/// The policy: roll back a little earlier than by default, on less persistent trouble.
fn policy(step: Duration) -> GuardParams {
    let risk = RiskParams::default()
        .hold_threshold(0.4)
        .rollback_threshold(0.8)
        .ticks(4);
    GuardParams::default()
        .graph(GraphParams::default().step(step))
        .policy(PolicyParams::default().risk(risk))
        .mode(Mode::Apply)
}

/// The platform: the controller crashes at its first request, and later calls get lost.
fn faults(seed: u64) -> ExecutorFaults {
    ExecutorFaults::new(seed)
        .on(When::Request(1), CallFault::CrashAfter)
        .by_chance(0.2, CallFault::LoseReply)
        .by_chance(0.1, CallFault::LoseRequest)
}

/// What became of one run.
#[derive(Debug, Default)]
struct Story {
    truth: Option<GroundTruth>,
    regressed: Option<Timestamp>,
    blamed: Option<ChangeId>,
    plan: Option<Plan>,
    finished: Option<(RunState, Timestamp)>,
    crashes: u64,
    applied_twice: bool,
}

impl Story {
    /// Runs a scenario under the policy.
    fn of(scenario: &Scenario) -> Result<Self, Box<dyn Error>> {
        let simulator = Simulator::new(scenario)?;
        let mut story = Self {
            truth: Some(simulator.truth().clone()),
            ..Self::default()
        };
        let platform = SimExecutor::with_faults(simulator, faults(scenario.seed))?;
        let params = policy(scenario.step);
        let mut guard = Guard::new(params.clone())?;
        let mut now = scenario.start;
        while now < scenario.start.plus(scenario.span) {
            now = now.plus(scenario.step);
            let events = guard.observe(platform.advance(now)?, now);
            story.carry_out(&mut guard, &params, &platform, events, now)?;
        }
        let keys: Vec<_> = platform.applied().iter().map(|done| done.key).collect();
        story.applied_twice = keys.iter().collect::<BTreeSet<_>>().len() < keys.len();
        Ok(story)
    }

    /// Sends what the guard asks for. A guard is stored before anything is sent, so that one that
    /// crashes goes on from there, with a greater fence.
    fn carry_out(
        &mut self,
        guard: &mut Guard,
        params: &GuardParams,
        platform: &SimExecutor,
        mut events: Vec<Event>,
        now: Timestamp,
    ) -> Result<(), Box<dyn Error>> {
        while !events.is_empty() {
            let stored = guard.to_bytes()?;
            let mut answers = Vec::new();
            for event in events {
                self.take(&event, now);
                let Event::Execute(request) = event else {
                    continue;
                };
                let outcome = platform.execute(&request);
                if platform.take_crash() {
                    self.crashes += 1;
                    *guard = Guard::from_bytes(&stored, params.clone(), 1 + self.crashes)?;
                    return Ok(());
                }
                answers.extend(guard.report(&request.key, outcome, now)?);
            }
            events = answers;
        }
        Ok(())
    }

    /// Keeps what tells the story; of plans and diagnoses the first.
    fn take(&mut self, event: &Event, now: Timestamp) {
        match event {
            Event::Assessed(assessment) if assessment.verdict == Verdict::Regressed => {
                // A blip in the healthy phase is no find.
                let onset = self.truth.as_ref().and_then(|truth| truth.onset);
                if onset.is_some_and(|onset| onset < now) {
                    self.regressed.get_or_insert(now);
                }
            }
            Event::Diagnosed(diagnosis) if self.plan.is_none() => {
                self.blamed = diagnosis.changes.first().map(|blame| blame.change.clone());
            }
            Event::Planned(plan) if plan.changes_services() => {
                self.plan.get_or_insert_with(|| plan.clone());
            }
            Event::Finished(summary)
                if self.plan.as_ref().is_some_and(|p| p.id == summary.plan) =>
            {
                self.finished.get_or_insert((summary.state, now));
            }
            _ => {}
        }
    }

    /// The changes that the plan undoes.
    fn undone(&self) -> BTreeSet<&ChangeId> {
        let steps = self.plan.iter().flat_map(|plan| &plan.steps);
        steps
            .flat_map(|step| &step.answers)
            .map(|blame| &blame.change)
            .collect()
    }

    fn row(&self, seed: u64) -> Option<[String; 6]> {
        let truth = self.truth.as_ref()?;
        let culprit = truth.culprit.as_ref()?;
        let after = |at: Timestamp| Some(format!("{} s", at.since(truth.onset?).as_secs()));
        let undone = self.undone();
        let plan = match (undone.contains(culprit), undone.len()) {
            (_, 0) => "none",
            (true, 1) => "right",
            (true, _) => "too much",
            (false, _) => "wrong",
        };
        let found = if self.blamed.as_ref() == Some(culprit) {
            "yes"
        } else {
            "no"
        };
        let none = || "-".to_owned();
        let recovered = self
            .finished
            .filter(|(state, _)| *state == RunState::Succeeded);
        let state = self
            .finished
            .map_or_else(none, |(state, _)| state.to_string());
        Some([
            format!("{seed}: {culprit}"),
            found.to_owned(),
            plan.to_owned(),
            self.regressed.and_then(after).unwrap_or_else(none),
            recovered.and_then(|(_, at)| after(at)).unwrap_or_else(none),
            state,
        ])
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "seed: bad release",
        "found",
        "plan",
        "onset to verdict",
        "onset to recovery",
        "run",
    ]);
    let (mut false_plans, mut crashes) = (0, 0);
    for seed in SEEDS {
        let mut scenario = Scenario::releases(seed);
        scenario.span = Duration::from_secs(50 * 60);
        let bad = Story::of(&scenario)?;
        table.add_row(bad.row(seed).ok_or("the scenario has no bad release")?);
        scenario.fault = None;
        let benign = Story::of(&scenario)?;
        false_plans += usize::from(benign.plan.is_some());
        for story in [bad, benign] {
            crashes += story.crashes;
            assert!(
                !story.applied_twice,
                "an effect was applied twice: {story:?}"
            );
        }
    }
    println!("{table}");
    println!(
        "plans on {} runs without a bad release: {false_plans}",
        SEEDS.count()
    );
    println!("crashes of the controller, each gone on from stored state: {crashes}");
    Ok(())
}
