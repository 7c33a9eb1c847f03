//! A guard whose process crashes while it rolls back, and whose calls get lost.

use astern::policy::{Executor, Mode, RunState, RunSummary, StepId};
use astern::{Event, Guard};
use astern_sim::{CallFault, ExecutorFaults, Scenario, SimExecutor, Simulator, When};

use crate::support::{STEP, long_scenario, params};

/// What became of a rollback.
struct Course {
    finished: Vec<RunSummary>,
    crashes: u64,
    platform: SimExecutor,
}

/// Runs a scenario under a guard that is stored before anything is sent, and started again from
/// what was stored, with a greater fence, whenever it crashes.
fn guarded(scenario: &Scenario, faults: ExecutorFaults) -> Course {
    let simulator = Simulator::new(scenario).unwrap();
    let mut course = Course {
        finished: Vec::new(),
        crashes: 0,
        platform: SimExecutor::with_faults(simulator, faults).unwrap(),
    };
    let params = params().mode(Mode::Apply);
    let mut guard = Guard::new(params.clone()).unwrap();
    let (mut now, end) = (scenario.start, scenario.start.plus(scenario.span));
    while now < end {
        now = now.plus(STEP);
        let mut events = guard.observe(course.platform.advance(now).unwrap(), now);
        'step: while !events.is_empty() {
            let stored = guard.to_bytes().unwrap();
            let mut next = Vec::new();
            for event in events {
                if let Event::Finished(summary) = &event {
                    course.finished.push(summary.clone());
                }
                let Event::Execute(request) = event else {
                    continue;
                };
                let outcome = course.platform.execute(&request);
                if course.platform.take_crash() {
                    course.crashes += 1;
                    drop(guard);
                    guard = Guard::from_bytes(&stored, params.clone(), 1 + course.crashes).unwrap();
                    break 'step;
                }
                next.extend(guard.report(&request.key, outcome, now).unwrap());
            }
            events = next;
        }
    }
    course
}

#[test]
fn a_rollback_is_finished_by_whoever_holds_the_guard_and_done_once() {
    let scenario = long_scenario();
    let step = When::Step(StepId::new(1));
    let faults = ExecutorFaults::new(1)
        .on(step, CallFault::CrashBefore)
        .on(step, CallFault::LoseRequest)
        .on(step, CallFault::CrashAfter)
        .on(When::Request(4), CallFault::LoseReply);
    let course = guarded(&scenario, faults);
    assert_eq!(course.crashes, 2);
    let [summary] = course.finished.as_slice() else {
        panic!("{:?}", course.finished);
    };
    assert_eq!(summary.state, RunState::Succeeded, "{summary}");
    let steps: Vec<StepId> = course
        .platform
        .applied()
        .iter()
        .map(|e| e.key.step)
        .collect();
    assert!(steps.contains(&StepId::new(1)));
    assert!(steps.is_sorted_by(|a, b| a != b), "each once: {steps:?}");
    let culprit = scenario.fault.unwrap().change;
    let release = scenario.releases.iter().find(|r| r.id == culprit).unwrap();
    let running = course.platform.revisions(&release.service).unwrap();
    assert!(running.iter().all(|(_, revision)| *revision != release.to));
}
