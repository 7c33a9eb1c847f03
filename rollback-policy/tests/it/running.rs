//! The rules of a run, one by one.

use astern_graph_core::{NodeKey, Timestamp};
use astern_rollback_policy::{
    Action, DryRun, Effect, Fact, Failure, IdempotencyKey, Mode, Observed, Outcome, Precondition,
    Recording, Refusal, Run, RunError, RunParams, RunState, Step, StepStatus, drive,
};

use crate::platform::{Fault, Platform};
use crate::script::{
    action, answer, id, lost, plan, run, run_with, seen, status, step, target, unseen_run_with,
};
use crate::world::{NOW, at, diamond, plan_for, release, service};

#[test]
fn a_step_is_applied_observed_and_verified() {
    let mut run = run(vec![step(1, &[])]);
    assert_eq!(run.deadline(), Some(at(0)));
    let request = answer(&mut run, 0, Outcome::Done(Observed::new()));
    assert_eq!(
        (request.fence, request.effect),
        (7, Effect::Apply(action("s1")))
    );
    assert_eq!(status(&run, 1), StepStatus::Settling);
    let request = answer(&mut run, 0, seen("s1"));
    assert!(matches!(request.effect, Effect::Observe(checks) if checks.len() == 1));
    assert_eq!(
        (status(&run, 1), run.deadline()),
        (StepStatus::Verified, None)
    );
    let text = format!(
        "run of plan {}: succeeded\n1. set service/s1 to revision r1\n     verified",
        run.plan().id
    );
    assert_eq!(run.summary().to_string(), text);
}

#[test]
fn a_refusal_skips_what_comes_after_and_nothing_else() {
    let mut run = run(vec![
        step(1, &[]),
        step(2, &[1]),
        step(3, &[2]),
        step(4, &[]),
    ]);
    let precondition = Precondition::NoOtherPlan {
        service: service("s1"),
    };
    let refusal = Refusal::PreconditionFailed {
        precondition,
        found: None,
    };
    answer(&mut run, 0, Outcome::Refused(refusal.clone()));
    assert_eq!(
        status(&run, 1),
        StepStatus::Failed(Failure::Refused(refusal))
    );
    assert_eq!(status(&run, 2), StepStatus::Skipped { because: id(1) });
    assert_eq!(status(&run, 3), StepStatus::Skipped { because: id(2) });
    answer(&mut run, 0, Outcome::AlreadyDone(Observed::new()));
    answer(&mut run, 0, seen("s4"));
    assert_eq!(
        (status(&run, 4), run.state()),
        (StepStatus::Verified, RunState::Failed)
    );
}

#[test]
fn as_many_steps_run_at_a_time_as_allowed_and_calls_for_help_never_wait() {
    let reason = "why".into();
    let page = Step::new(
        id(4),
        Action::Escalate {
            service: service("s4"),
            reason,
        },
    );
    let steps = || vec![step(1, &[]), step(2, &[]), step(3, &[]), page.clone()];
    let started = |max_parallel| {
        let params = RunParams::default().max_parallel(max_parallel);
        let mut run = unseen_run_with(steps(), Mode::Apply, params);
        let mut started = Vec::new();
        for _ in 0..2 {
            for request in run.poll(at(0)) {
                if let Effect::Observe(_) = &request.effect {
                    let name = format!("s{}", request.key.step);
                    run.report(&request.key, seen(&name), at(0)).unwrap();
                } else {
                    started.push(request.key.step.number());
                }
            }
        }
        started.sort_unstable();
        started
    };
    assert_eq!(started(1), [1, 4]);
    assert_eq!(started(2), [1, 2, 4]);
    assert_eq!(started(9), [1, 2, 3, 4]);
}

#[test]
fn time_that_goes_backwards_stands_still() {
    let mut run = run(vec![step(1, &[])]);
    answer(&mut run, 100, Outcome::Done(Observed::new()));
    answer(&mut run, -5, Outcome::Done(Observed::new()));
    assert_eq!(run.deadline(), Some(at(105)));
    assert_eq!(run.poll(Timestamp::MIN), []);
}

#[test]
fn the_end_of_time_ends_a_run() {
    let mut run = run(vec![step(1, &[])]);
    for _ in 0..100 {
        run.poll(Timestamp::MAX);
    }
    assert_eq!(run.state(), RunState::Failed);
}

#[test]
fn answers_that_nobody_waits_for_are_refused() {
    let mut run = run(vec![step(1, &[]), step(2, &[1])]);
    let (own, other) = (run.plan().id, plan(vec![step(3, &[])]).id);
    let mut report = |key| run.report(&key, lost(), at(0)).unwrap_err();
    let effect = IdempotencyKey::effect;
    assert!(matches!(
        report(effect(other, id(1))),
        RunError::UnknownKey { .. }
    ));
    assert!(matches!(
        report(effect(own, id(9))),
        RunError::UnknownKey { .. }
    ));
    // Not sent yet.
    assert!(matches!(
        report(effect(own, id(1))),
        RunError::NotAwaited { .. }
    ));
    assert!(matches!(
        report(effect(own, id(2))),
        RunError::NotAwaited { .. }
    ));
    let look = IdempotencyKey::observation(own, id(1), 1);
    assert!(matches!(report(look), RunError::NotAwaited { .. }));
    let refusal = Refusal::Forbidden {
        reason: "no".into(),
    };
    let request = answer(&mut run, 0, Outcome::Refused(refusal));
    let again = run.report(&request.key, lost(), at(0));
    assert!(matches!(again, Err(RunError::Finished { .. })));
}

#[test]
fn bad_plans_and_parameters_are_refused() {
    let mut altered = plan(vec![step(1, &[])]);
    altered.steps.clear();
    let params = RunParams::default;
    let refused = Run::new(altered, Mode::Apply, 1, params(), at(0));
    assert!(matches!(refused, Err(RunError::Plan(_))));
    let good = plan(vec![step(1, &[])]);
    let refused = Run::new(good, Mode::Apply, 1, params().max_attempts(0), at(0));
    assert!(matches!(refused, Err(RunError::Param(_))));
}

#[test]
fn a_dry_run_asks_about_every_step_and_changes_nothing() {
    let after_first = Precondition::Is(target("s1"));
    let elsewhere = Precondition::Is(target("s9"));
    let second = step(2, &[1]).requiring([after_first, elsewhere.clone()]);
    let steps = || vec![step(1, &[]), second.clone(), step(3, &[2])];
    let mut run = run_with(steps(), Mode::DryRun, RunParams::default());
    let platform = Recording::new(Platform::default());
    assert_eq!(drive(&mut run, &platform, at(0)).unwrap(), None);
    assert_eq!(status(&run, 1), StepStatus::Possible);
    assert!(matches!(
        status(&run, 2),
        StepStatus::Failed(Failure::Refused(_))
    ));
    assert_eq!(status(&run, 3), StepStatus::Possible);
    assert_eq!(run.state(), RunState::Failed);
    let (platform, exchanges) = platform.into_parts();
    assert_eq!(platform.writes(), []);
    assert!(
        exchanges
            .iter()
            .all(|e| matches!(e.request.effect, Effect::DryRun(_)))
    );
    // What the first step would bring about cannot hold yet.
    assert_eq!(exchanges[1].request.requires, [elsewhere]);
}

#[test]
fn a_run_on_an_executor_that_does_nothing_is_judged_by_what_it_says() {
    let mut run = run(vec![step(1, &[]), step(2, &[1])]);
    assert_eq!(drive(&mut run, &DryRun, at(0)).unwrap(), None);
    assert_eq!(run.state(), RunState::Succeeded);
}

#[test]
fn a_plan_is_carried_out_on_a_platform_that_was_changed_meanwhile() {
    let releases = [release("left"), release("base")];
    let plan = plan_for(&diamond(), &releases).unwrap();
    let platform =
        Platform::after(&releases).with_faults([Fault::None, Fault::None, Fault::LostRequest]);
    let (service, revision) = (service("base"), "base-3".into());
    platform.set(Fact::Revision { service, revision });
    let mut run = Run::new(plan, Mode::Apply, 1, RunParams::default(), at(NOW)).unwrap();
    while let Some(due) = run.deadline() {
        drive(&mut run, &platform, due).unwrap();
    }
    assert_eq!(status(&run, 1), StepStatus::Verified);
    let StepStatus::Failed(Failure::Refused(refusal)) = status(&run, 2) else {
        panic!()
    };
    assert!(matches!(refusal, Refusal::PreconditionFailed { .. }));
    let left = NodeKey::service("left");
    let text = run.summary().to_string();
    assert!(text.contains(&format!(
        "1. set {left} to revision left-1\n     verified (2 attempts)"
    )));
}
