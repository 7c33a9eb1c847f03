//! Generated incidents: is the bad release found, acted on, and nothing else?

use std::ops::RangeInclusive;
use std::time::Duration;

use astern::policy::Plan;
use astern::{Event, Guard, GuardParams};
use astern_graph_core::signal::Diagnosis;
use astern_graph_core::{ChangeId, GraphParams, Timestamp};
use astern_rca::Ranker;
use astern_sim::{Scenario, Simulation, run};
use astern_stats::robust;

use crate::EvalError;
use crate::table::{markdown, share};

/// What a guard made of one run.
#[derive(Debug, Clone)]
pub struct Watched {
    /// Newest diagnosis when the plan was made, or at the end without a plan.
    pub diagnosis: Option<Diagnosis>,
    /// The first plan, and when it was made.
    pub plan: Option<(Plan, Timestamp)>,
    /// Stages that failed.
    pub failures: usize,
}

/// The configuration of the evaluation: the defaults, with the simulator's step.
pub fn params(step: Duration) -> GuardParams {
    GuardParams::default().graph(GraphParams::default().step(step))
}

/// Feeds a run to a guard, a step at a time.
///
/// # Errors
/// [`EvalError`] when the guard refuses its parameters.
pub fn watch(simulation: &Simulation, step: Duration) -> Result<Watched, EvalError> {
    Ok(feed(simulation, step, Guard::new(params(step))?))
}

/// [`watch`] by a guard with this ranker.
///
/// # Errors
/// [`EvalError`] when the guard refuses its parameters.
pub fn watch_by(
    simulation: &Simulation,
    step: Duration,
    ranker: impl Ranker,
) -> Result<Watched, EvalError> {
    let guard = Guard::with_ranker(params(step), ranker)?;
    Ok(feed(simulation, step, guard))
}

fn feed<R: Ranker>(simulation: &Simulation, step: Duration, mut guard: Guard<R>) -> Watched {
    let mut watched = Watched {
        diagnosis: None,
        plan: None,
        failures: 0,
    };
    let mut records = simulation.records.iter().cloned().peekable();
    let mut now = simulation.start;
    while now < simulation.end {
        now = now.plus(step);
        let mut batch = Vec::new();
        while let Some(record) = records.next_if(|record| record.at() < now) {
            batch.push(record);
        }
        for event in guard.observe(batch, now) {
            match event {
                Event::Diagnosed(diagnosis) if watched.plan.is_none() => {
                    watched.diagnosis = Some(diagnosis);
                }
                Event::Planned(plan) if plan.changes_services() => {
                    watched.plan.get_or_insert((plan, now));
                }
                Event::Failed(_) => watched.failures += 1,
                _ => {}
            }
        }
    }
    watched
}

/// Tallies over the seeds of one kind of scenario.
#[derive(Debug, Default)]
struct Tally {
    runs: usize,
    diagnosed: usize,
    change_first: usize,
    service_first: usize,
    planned: usize,
    only_culprit: usize,
    failures: usize,
    delays_s: Vec<f64>,
    misses: Vec<Vec<String>>,
}

/// Evaluates each of the seeds, with a bad release and without, and reports as Markdown.
///
/// # Errors
/// [`EvalError`] when a scenario or the guard is refused.
pub fn evaluate(seeds: RangeInclusive<u64>) -> Result<String, EvalError> {
    let (first, last) = (*seeds.start(), *seeds.end());
    let (mut bad, mut benign) = (Tally::default(), Tally::default());
    for seed in seeds {
        add(&mut bad, seed, &Scenario::releases(seed))?;
        add(&mut benign, seed, &Scenario::benign(seed))?;
    }
    let row = |name: &str, hits: usize, of: usize| vec![name.to_owned(), share(hits, of)];
    let mut rows = vec![
        row(
            "bad release: something is diagnosed",
            bad.diagnosed,
            bad.runs,
        ),
        row(
            "bad release: its change is ranked first",
            bad.change_first,
            bad.runs,
        ),
        row(
            "bad release: its service is ranked first",
            bad.service_first,
            bad.runs,
        ),
        row("bad release: a plan comes out", bad.planned, bad.runs),
        row(
            "bad release: the plan acts on it and on no other",
            bad.only_culprit,
            bad.runs,
        ),
        row(
            "no bad release: a plan comes out at all",
            benign.planned,
            benign.runs,
        ),
        row(
            "stages that failed",
            bad.failures + benign.failures,
            bad.runs + benign.runs,
        ),
    ];
    let delay = robust::median(&bad.delays_s).map_or("-".to_owned(), |s| format!("{s:.0} s"));
    rows.push(vec![
        "median time from the fault's onset to the plan".to_owned(),
        delay,
    ]);
    let header = ["of three concurrent releases", "share [95 % Wilson]"];
    let misses: Vec<Vec<String>> = bad.misses.into_iter().chain(benign.misses).collect();
    let miss_header = ["seed", "fault", "culprit", "first blamed", "acted on"];
    Ok(format!(
        "Seeds {first} to {last}, default parameters.\n\n{}\n\n## What went wrong\n\n{}\n",
        markdown(&header, &rows),
        markdown(&miss_header, &misses),
    ))
}

fn add(tally: &mut Tally, seed: u64, scenario: &Scenario) -> Result<(), EvalError> {
    let simulation = run(scenario)?;
    let watched = watch(&simulation, scenario.step)?;
    let truth = &simulation.truth;
    let diagnosis = watched.diagnosis.as_ref();
    let blamed = diagnosis
        .and_then(|d| d.changes.first())
        .map(|c| c.change.clone());
    let cause = diagnosis
        .and_then(|d| d.causes.first())
        .map(|c| c.subject.node().clone());
    let acted = watched
        .plan
        .as_ref()
        .map(|(plan, _)| acted_on(plan))
        .unwrap_or_default();
    let right = truth.culprit.iter().eq(acted.iter());
    tally.runs += 1;
    tally.failures += watched.failures;
    tally.diagnosed += usize::from(diagnosis.is_some());
    tally.change_first += usize::from(blamed.is_some() && blamed == truth.culprit);
    tally.service_first += usize::from(cause.is_some() && cause == truth.service);
    tally.planned += usize::from(watched.plan.is_some());
    tally.only_culprit += usize::from(right && truth.culprit.is_some());
    if let (Some((_, at)), Some(onset)) = (&watched.plan, truth.onset) {
        tally.delays_s.push(at.since(onset).as_secs_f64());
    }
    if !right {
        let text = |id: Option<&ChangeId>| id.map_or("-".to_owned(), ToString::to_string);
        let acted: Vec<String> = acted.iter().map(ToString::to_string).collect();
        tally.misses.push(vec![
            seed.to_string(),
            truth
                .fault
                .map_or("none".to_owned(), |fault| format!("{fault:?}")),
            text(truth.culprit.as_ref()),
            text(blamed.as_ref()),
            if acted.is_empty() {
                "-".to_owned()
            } else {
                acted.join(" ")
            },
        ]);
    }
    Ok(())
}

/// Changes that the steps of a plan answer, sorted, each once.
fn acted_on(plan: &Plan) -> Vec<ChangeId> {
    let answers = plan.steps.iter().flat_map(|step| &step.answers);
    let mut changes: Vec<ChangeId> = answers.map(|blame| blame.change.clone()).collect();
    changes.sort();
    changes.dedup();
    changes
}
