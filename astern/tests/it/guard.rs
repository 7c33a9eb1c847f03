//! The closed loop: on a simulated system, across restarts, and on bad input.

use std::collections::BTreeSet;
use std::time::Duration;

use astern::graph::signal::Verdict;
use astern::graph::{
    Call, ChangeId, GraphParams, NodeKey, Party, Record, Sample, SpanId, TemporalGraph, Timestamp,
};
use astern::policy::{Decision, DryRun, Effect, Executor, IdempotencyKey, Mode, Outcome, RunState};
use astern::rca::ranker::baseline::MicroRca;
use astern::rca::ranker::{RankerParams, Ranking};
use astern::rca::{DiagnoserParams, Incident, RankError, Ranker, Symptom};
use astern::{Error, Event, Guard};
use astern_sim::{SimExecutor, Simulator, run};

use crate::support::{STEP, batches, long_scenario, params, scenario};

#[test]
fn a_bad_release_is_rolled_back_and_verified_in_the_simulation() {
    let scenario = long_scenario();
    let platform = SimExecutor::new(Simulator::new(&scenario).unwrap());
    let mut guard = Guard::new(params().mode(Mode::Apply)).unwrap();
    let (mut now, end) = (scenario.start, scenario.start.plus(scenario.span));
    let mut finished = None;
    while now < end {
        now = now.plus(STEP);
        let records = platform.advance(now).unwrap();
        let mut events = guard.observe(records, now);
        while !events.is_empty() {
            let mut next = Vec::new();
            for event in events {
                match event {
                    Event::Execute(request) => {
                        let outcome = platform.execute(&request);
                        next.extend(guard.report(&request.key, outcome, now).unwrap());
                    }
                    Event::Finished(summary) => finished = Some(summary),
                    Event::Failed(error) => panic!("{error:?}"),
                    _ => {}
                }
            }
            events = next;
        }
    }
    let summary = finished.unwrap();
    assert_eq!(summary.state, RunState::Succeeded, "{summary}");
    let culprit = scenario.fault.as_ref().unwrap().change.clone();
    let release = scenario.releases.iter().find(|r| r.id == culprit).unwrap();
    let old = scenario
        .topology
        .services
        .iter()
        .find(|s| s.key == release.service)
        .unwrap();
    let running = platform.revisions(&release.service).unwrap();
    assert!(
        running
            .iter()
            .all(|(_, revision)| *revision == old.revision),
        "{running:?}"
    );
}

#[test]
fn a_guard_restored_at_every_step_says_the_same() {
    let scenario = scenario();
    let simulation = run(&scenario).unwrap();
    let feed = |restart: bool| {
        let mut guard = Guard::new(params()).unwrap();
        let mut reported = Vec::new();
        for (now, batch) in batches(simulation.records.clone(), simulation.start, simulation.end) {
            for event in guard.observe(batch, now) {
                reported.push(event.to_string());
                if let Event::Execute(request) = &event {
                    let outcome = DryRun.execute(request);
                    let more = guard.report(&request.key, outcome, now).unwrap();
                    reported.extend(more.iter().map(ToString::to_string));
                }
            }
            if restart {
                guard = Guard::from_bytes(&guard.to_bytes().unwrap(), params(), 1).unwrap();
            }
        }
        reported
    };
    let reported = feed(false);
    assert!(reported.iter().any(|line| line.starts_with("plan ")));
    assert_eq!(reported, feed(true));
}

#[test]
fn records_in_another_order_change_nothing() {
    let simulation = run(&scenario()).unwrap();
    let feed = |reverse: bool| {
        let mut guard = Guard::new(params()).unwrap();
        let mut reported = Vec::new();
        for (now, mut batch) in
            batches(simulation.records.clone(), simulation.start, simulation.end)
        {
            if reverse {
                batch.reverse();
            }
            reported.extend(guard.observe(batch, now).iter().map(ToString::to_string));
        }
        reported
    };
    assert_eq!(feed(false), feed(true));
}

#[test]
fn a_bad_release_that_is_announced_late_is_planned_for() {
    // Longer than calls may be late.
    let delay = Duration::from_secs(180);
    let simulation = run(&scenario()).unwrap();
    let (start, end) = (simulation.start, simulation.end);
    let (changes, telemetry): (Vec<Record>, Vec<Record>) = simulation
        .records
        .into_iter()
        .partition(|record| matches!(record, Record::Change(_)));
    let mut guard = Guard::new(params()).unwrap();
    let mut changes = changes.into_iter().peekable();
    let (mut late, mut planned) = (0, false);
    for (now, mut batch) in batches(telemetry, start, end) {
        while let Some(change) = changes.next_if(|change| change.at().plus(delay) < now) {
            batch.push(change);
        }
        for event in guard.observe(batch, now) {
            match event {
                Event::Ingest(report) => late += report.late,
                Event::Planned(_) => planned = true,
                _ => {}
            }
        }
    }
    assert_eq!((late, planned), (0, true));
}

#[test]
fn nothing_at_all_is_no_data_and_no_decision() {
    let mut guard = Guard::new(params()).unwrap();
    for minute in 0..200 {
        assert!(
            guard
                .observe([], Timestamp::from_secs(60 * minute))
                .is_empty()
        );
    }
    assert_eq!(guard.deadline(), None);
    assert_eq!(guard.healthy_range(), None);
}

#[test]
fn one_snapshot_and_time_going_backwards_are_harmless() {
    let mut guard = Guard::new(params()).unwrap();
    let at = Timestamp::from_secs(1_000_000);
    let call = || Record::from(Call::new(at, Party::new(NodeKey::service("a"))));
    guard.observe([call()], at);
    assert!(guard.observe([], Timestamp::from_secs(999_999)).is_empty());
    let before = guard.to_bytes().unwrap();
    for earlier in [0, -5] {
        let earlier = Timestamp::from_secs(earlier);
        let events = guard.observe([call()], earlier);
        let [Event::Failed(Error::Clock(error))] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!((error.now, error.newest), (earlier, at));
        assert_eq!(guard.to_bytes().unwrap(), before);
    }
    let far = Timestamp::MAX;
    let events = guard.observe([call()], far);
    assert!(matches!(&events[0], Event::Ingest(report) if report.late == 1));
}

/// A system that was healthy for an hour and then only sends what `after` says.
fn after_an_hour(after: impl Fn(Timestamp) -> Vec<Record>) -> Vec<Event> {
    let mut guard = Guard::new(params()).unwrap();
    let (a, b) = (NodeKey::service("a"), NodeKey::service("b"));
    let mut events = Vec::new();
    for step in 0..160_i64 {
        let at = Timestamp::from_secs(30 * step);
        let batch = if step < 120 {
            let ms = u64::try_from(20 + step % 7).unwrap();
            let took = Some(Duration::from_millis(ms));
            let to = |from: &NodeKey, to: &NodeKey| {
                Call::new(at, Party::new(to.clone()))
                    .from(Party::new(from.clone()))
                    .took(took, took)
            };
            // a and b call each other: a circle.
            vec![to(&a, &b).into(), to(&b, &a).into()]
        } else {
            after(at)
        };
        events.extend(guard.observe(batch, at.plus(STEP)));
    }
    events
}

/// Whether a plan would change anything.
fn changes(event: &Event) -> bool {
    matches!(event, Event::Planned(plan) if plan.changes_services())
}

fn decisions(events: &[Event]) -> Vec<Decision> {
    let ruling = |event: &Event| match event {
        Event::Decided { ruling, .. } => Some(ruling.decision),
        _ => None,
    };
    events.iter().filter_map(ruling).collect()
}

#[test]
fn infinities_and_nan_are_counted_and_never_acted_on() {
    let events = after_an_hour(|at| {
        [f64::NAN, f64::INFINITY, f64::NEG_INFINITY]
            .map(|x| Sample::new(at, NodeKey::service("a"), "latency_ms_p95", x).into())
            .to_vec()
    });
    let dropped: u64 = events
        .iter()
        .filter_map(|event| match event {
            Event::Ingest(report) => Some(report.non_finite),
            _ => None,
        })
        .sum();
    assert_eq!(dropped, 3 * 40);
    assert!(
        events
            .iter()
            .all(|event| !matches!(event, Event::Failed(_)) && !changes(event))
    );
    assert!(decisions(&events).iter().all(|d| !d.changes_platform()));
}

#[test]
fn silence_holds_and_changes_nothing() {
    let events = after_an_hour(|_| Vec::new());
    let last = decisions(&events).last().copied();
    assert_eq!(last, Some(Decision::Hold));
    let silent = |event: &Event| match event {
        Event::Assessed(a) => a.verdict == Verdict::NoData && !a.source_faults.is_empty(),
        _ => false,
    };
    assert!(events.iter().any(silent));
}

#[test]
fn duplicates_are_counted_once() {
    let mut guard = Guard::new(params()).unwrap();
    let at = Timestamp::from_secs(100);
    let mut call = Call::new(at, Party::new(NodeKey::service("a")));
    call.id = Some(SpanId::new(1, 1));
    let events = guard.observe([call.clone().into(), call.into()], at);
    assert!(matches!(&events[0], Event::Ingest(r) if (r.accepted, r.duplicate) == (1, 1)));
}

#[test]
fn a_fault_in_a_circle_without_changes_is_not_rolled_back() {
    let (a, b) = (NodeKey::service("a"), NodeKey::service("b"));
    let events = after_an_hour(|at| {
        let slow = Some(Duration::from_millis(900));
        vec![
            Call::new(at, Party::new(b.clone()))
                .from(Party::new(a.clone()))
                .took(slow, slow)
                .into(),
            Call::new(at, Party::new(a.clone()))
                .from(Party::new(b.clone()))
                .took(slow, slow)
                .into(),
        ]
    });
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Diagnosed(_)))
    );
    assert!(
        events
            .iter()
            .all(|event| !matches!(event, Event::Failed(_)) && !changes(event))
    );
    assert_eq!(decisions(&events).last().copied(), Some(Decision::Escalate));
}

#[test]
fn answers_that_nobody_awaits_are_refused() {
    let mut guard = Guard::new(params()).unwrap();
    let plan = astern::policy::Plan::new(
        Timestamp::from_secs(0),
        vec![astern::policy::Step::new(
            astern::policy::StepId::new(1),
            astern::policy::Action::Hold {
                service: NodeKey::service("a"),
            },
        )],
        Vec::new(),
    )
    .unwrap();
    let key = IdempotencyKey::effect(plan.id, plan.steps[0].id);
    let outcome = Outcome::Done(astern::policy::Observed::new());
    let refused = guard.report(&key, outcome, Timestamp::from_secs(0));
    assert!(matches!(refused, Err(Error::Run(_))));
}

#[test]
fn parameters_and_states_are_checked() {
    assert!(matches!(
        Guard::new(params().healthy_steps(1)),
        Err(Error::Param(_))
    ));
    assert!(matches!(
        Guard::new(params().memory_steps(0)),
        Err(Error::Param(_))
    ));
    assert!(matches!(
        Guard::new(params().watch(Duration::ZERO)),
        Err(Error::Param(_))
    ));
    assert!(matches!(
        Guard::from_bytes(b"no guard", params(), 1),
        Err(Error::Codec(_))
    ));
    let bytes = Guard::new(params()).unwrap().to_bytes().unwrap();
    for cut in 0..bytes.len() {
        assert!(Guard::from_bytes(&bytes[..cut], params(), 1).is_err());
    }
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    let kept = |steps| params().graph(GraphParams::default().step(STEP).retention_steps(steps));
    assert!(matches!(Guard::new(kept(89)), Err(Error::Param(_))));
    assert!(Guard::new(kept(90)).is_ok());
    assert!(matches!(
        Guard::new(params().healthy_steps(29)),
        Err(Error::Param(_))
    ));
    // Of 10 healthy steps a detector learns from 7: too few for any level, so that nothing would ever be learnt.
    let pipeline = astern::detect::pipeline::PipelineParams::default().steps_min(6u32);
    let detection = astern::detect::catalogue::DetectionParams::default().pipeline(pipeline);
    let short = |steps| {
        let few = params().detectors([("robust_z", detection.clone())]);
        Guard::new(few.healthy_steps(steps))
    };
    assert!(short(11).is_ok());
    let refused = short(10).err().unwrap().to_string();
    assert!(refused.contains("healthy_steps"), "{refused}");
    let pipeline = astern::detect::pipeline::PipelineParams::default().score_min(-1.0);
    let bad = astern::detect::catalogue::DetectionParams::default().pipeline(pipeline);
    assert!(matches!(
        Guard::new(params().detectors([("bad", bad)])),
        Err(Error::Param(_))
    ));
    let run = astern::policy::RunParams::default().max_attempts(0);
    assert!(matches!(
        Guard::new(params().run(run)),
        Err(Error::Param(_))
    ));
}

#[test]
fn a_baseline_takes_more_steps_where_few_subjects_have_too_few_values() {
    let pipeline = astern::detect::pipeline::PipelineParams::default().steps_min(6u32);
    let detection = astern::detect::catalogue::DetectionParams::default().pipeline(pipeline);
    let params = params().detectors([("robust_z", detection)]);
    let mut guard = Guard::new(params.healthy_steps(11)).unwrap();
    let at = |steps: u32| Timestamp::from_secs(0).plus(STEP * steps);
    for step in 0..44 {
        assert_eq!(guard.healthy_range(), None, "{step}");
        let alone = Party::new(NodeKey::service("alone"));
        let took = Some(Duration::from_millis(10 + u64::from(step % 3)));
        let call = Call::new(at(step), alone).took(None, took);
        guard.observe([call.into()], at(step + 1));
    }
    // The last third of 11 steps, and of 22, has too few scores of one service to calibrate.
    let healthy = guard.healthy_range().unwrap();
    assert_eq!((healthy.start, healthy.end), (at(0), at(44)));
}

/// Knows of no cause.
struct Clueless;

impl Ranker for Clueless {
    fn rank(&self, _: &TemporalGraph, _: &Incident) -> Result<Ranking, RankError> {
        Ok(Ranking::default())
    }
}

/// The changes that the first plan of a run answers.
fn first_plan<R: Ranker>(mut guard: Guard<R>) -> BTreeSet<ChangeId> {
    let simulation = run(&scenario()).unwrap();
    for (now, batch) in batches(simulation.records, simulation.start, simulation.end) {
        for event in guard.observe(batch, now) {
            if let Event::Planned(plan) = event {
                let answers = plan.steps.iter().flat_map(|step| &step.answers);
                return answers.map(|blamed| blamed.change.clone()).collect();
            }
        }
    }
    BTreeSet::new()
}

#[test]
fn a_guard_plans_whichever_ranker_it_has() {
    let culprit = BTreeSet::from([scenario().fault.unwrap().change]);
    let by_name = DiagnoserParams::default().ranker(RankerParams::MicroRca);
    let by_name = Guard::new(params().diagnoser(by_name)).unwrap();
    assert_eq!(first_plan(by_name), culprit);
    let by_value = Guard::with_ranker(params(), MicroRca).unwrap();
    assert_eq!(first_plan(by_value), culprit);
    let own = Guard::with_ranker(params(), Clueless).unwrap();
    assert_eq!(first_plan(own), culprit);
}

#[test]
fn a_stage_that_fails_is_reported_and_the_others_go_on() {
    // Nobody measures this metric, so no diagnosis can start from it.
    let params = params().symptom(Symptom::new(NodeKey::service("frontend"), "latncy_ms"));
    let simulation = run(&scenario()).unwrap();
    let mut guard = Guard::new(params).unwrap();
    let (mut failed, mut decided) = (0, 0);
    for (now, batch) in batches(simulation.records, simulation.start, simulation.end) {
        for event in guard.observe(batch, now) {
            failed += usize::from(matches!(event, Event::Failed(_)));
            decided += usize::from(matches!(event, Event::Decided { .. }));
            if let Event::Failed(error) = &event {
                assert!(matches!(error, Error::Rank(_)));
                assert!(event.to_string().contains("latncy_ms"), "{event}");
            }
        }
    }
    assert!(failed > 0 && decided > failed);
}

#[test]
fn an_incident_is_never_learnt_as_healthy() {
    let mut guard = Guard::new(params()).unwrap();
    for step in 0..400_i64 {
        let at = Timestamp::from_secs(30 * step);
        // Slow for forty steps in the middle, without any change.
        let ms = if (150..190).contains(&step) {
            400
        } else {
            20 + step % 7
        };
        let took = Some(Duration::from_millis(u64::try_from(ms).unwrap()));
        let call = Call::new(at, Party::new(NodeKey::service("a"))).took(took, took);
        guard.observe([call.into()], at.plus(STEP));
        let incident = Timestamp::from_secs(30 * 150)..Timestamp::from_secs(30 * 190);
        let healthy = guard.healthy_range();
        assert!(healthy.is_none_or(|h| h.end <= incident.start || h.start >= incident.end));
    }
    // Once all has been well for long enough, it follows again.
    assert!(guard.healthy_range().unwrap().start >= Timestamp::from_secs(30 * 190));
}

#[test]
fn requests_of_the_default_mode_change_nothing() {
    let simulation = run(&scenario()).unwrap();
    let mut guard = Guard::new(params()).unwrap();
    for (now, batch) in batches(simulation.records, simulation.start, simulation.end) {
        for event in guard.observe(batch, now) {
            if let Event::Execute(request) = event {
                assert!(!matches!(request.effect, Effect::Apply(_)), "{request:?}");
            }
        }
    }
}
