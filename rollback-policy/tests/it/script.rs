//! Runs whose requests are answered one by one.

use std::time::Duration;

use astern_rollback_policy::{
    Action, Check, Effect, ExecError, Fact, Mode, Observed, Outcome, Place, Plan, Request, Run,
    RunParams, Step, StepId, StepStatus, Version,
};

use crate::world::{at, service};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

pub(crate) fn id(number: u32) -> StepId {
    StepId::new(number)
}

pub(crate) fn action(name: &str) -> Action {
    Action::SetRevision {
        service: service(name),
        to: "r1".into(),
    }
}

pub(crate) fn target(name: &str) -> Fact {
    action(name).target().unwrap()
}

/// A step that sets a service of its own and must reach it within a minute.
pub(crate) fn step(number: u32, after: &[u32]) -> Step {
    let name = format!("s{number}");
    Step::new(id(number), action(&name))
        .after(after.iter().map(|n| id(*n)))
        .verified_by([Check::reached(target(&name), MINUTE)])
}

pub(crate) fn plan(steps: Vec<Step>) -> Plan {
    Plan::new(at(0), steps, vec![]).unwrap()
}

/// A run that has not looked yet.
pub(crate) fn unseen_run_with(steps: Vec<Step>, mode: Mode, params: RunParams) -> Run {
    Run::new(plan(steps), mode, 7, params, at(0)).unwrap()
}

/// The version of what a service runs.
pub(crate) fn version(name: &str, token: &str) -> Version {
    Version::new(Place::code(service(name)), token)
}

/// A run that has seen version 1 of everything.
pub(crate) fn run_with(steps: Vec<Step>, mode: Mode, params: RunParams) -> Run {
    let mut run = unseen_run_with(steps, mode, params);
    if mode == Mode::Apply {
        let looking = |step: &&Step| run.status(step.id) == Some(&StepStatus::Looking);
        let looks = run.plan().steps.iter().filter(looking).count();
        let requests = (0..usize::from(looks > 0)).flat_map(|_| run.poll(at(0)));
        for request in requests.collect::<Vec<_>>() {
            let Effect::Observe(_) = &request.effect else {
                // Sent by a step that has nothing to look at: lost, and sent again.
                continue;
            };
            let step = run.plan().step(request.key.step).unwrap();
            let version = Version::new(step.action.place().unwrap(), "1");
            let outcome = Outcome::Done(Observed::new().version(version));
            run.report(&request.key, outcome, at(0)).unwrap();
        }
    }
    run
}

pub(crate) fn run(steps: Vec<Step>) -> Run {
    run_with(steps, Mode::Apply, RunParams::default())
}

pub(crate) fn seen(name: &str) -> Outcome {
    Outcome::Done(Observed::new().fact(target(name)))
}

pub(crate) fn lost() -> Outcome {
    Outcome::Unknown(ExecError::Broken {
        reason: "reset".into(),
    })
}

/// The one request that is due.
pub(crate) fn only(run: &mut Run, secs: i64) -> Request {
    let mut requests = run.poll(at(secs));
    assert_eq!(requests.len(), 1, "{requests:?}");
    requests.remove(0)
}

pub(crate) fn answer(run: &mut Run, secs: i64, outcome: Outcome) -> Request {
    let request = only(run, secs);
    run.report(&request.key, outcome, at(secs)).unwrap();
    request
}

pub(crate) fn status(run: &Run, number: u32) -> StepStatus {
    run.status(id(number)).unwrap().clone()
}
