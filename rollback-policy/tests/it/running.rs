//! The rules of a run, one by one.

use std::time::Duration;

use astern_graph_core::{NodeKey, Timestamp};
use astern_rollback_policy::{
    Action, Check, DryRun, Effect, ExecError, Fact, Failure, IdempotencyKey, Limit, Mode, Observed,
    Outcome, Plan, Precondition, Recording, Refusal, Request, Run, RunError, RunParams, RunState,
    Step, StepId, StepStatus, drive,
};

use crate::platform::{Fault, Platform};
use crate::world::{NOW, at, diamond, plan_for, release, service};

const MINUTE: Duration = Duration::from_secs(60);

fn id(number: u32) -> StepId {
    StepId::new(number)
}

fn action(name: &str) -> Action {
    Action::SetRevision {
        service: service(name),
        to: "r1".into(),
    }
}

fn target(name: &str) -> Fact {
    action(name).target().unwrap()
}

/// A step that sets a service of its own and must reach it within a minute.
fn step(number: u32, after: &[u32]) -> Step {
    let name = format!("s{number}");
    Step::new(id(number), action(&name))
        .after(after.iter().map(|n| id(*n)))
        .verified_by([Check::reached(target(&name), MINUTE)])
}

fn plan(steps: Vec<Step>) -> Plan {
    Plan::new(at(0), steps, vec![]).unwrap()
}

fn run_with(steps: Vec<Step>, mode: Mode, params: RunParams) -> Run {
    Run::new(plan(steps), mode, 7, params, at(0)).unwrap()
}

fn run(steps: Vec<Step>) -> Run {
    run_with(steps, Mode::Apply, RunParams::default())
}

fn seen(name: &str) -> Outcome {
    Outcome::Done(Observed::new().fact(target(name)))
}

fn lost() -> Outcome {
    Outcome::Unknown(ExecError::Broken {
        reason: "reset".into(),
    })
}

/// The one request that is due.
fn only(run: &mut Run, secs: i64) -> Request {
    let mut requests = run.poll(at(secs));
    assert_eq!(requests.len(), 1, "{requests:?}");
    requests.remove(0)
}

fn answer(run: &mut Run, secs: i64, outcome: Outcome) -> Request {
    let request = only(run, secs);
    run.report(&request.key, outcome, at(secs)).unwrap();
    request
}

fn status(run: &Run, number: u32) -> StepStatus {
    run.status(id(number)).unwrap().clone()
}

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
fn a_lost_reply_is_looked_for_before_it_is_sent_again() {
    let mut run = run(vec![step(1, &[])]);
    let first = answer(&mut run, 0, lost());
    assert_eq!(status(&run, 1), StepStatus::Probing);
    // Not there: sent again under the same key, after a wait.
    let look = answer(&mut run, 0, Outcome::Done(Observed::new()));
    assert_eq!(
        look.key,
        IdempotencyKey::observation(run.plan().id, id(1), 1)
    );
    assert_eq!(run.deadline(), Some(at(1)));
    assert_eq!(run.poll(at(0)), []);
    let second = answer(&mut run, 1, lost());
    assert_eq!(first.key, second.key);
    // There: not sent a third time.
    answer(&mut run, 1, seen("s1"));
    assert_eq!(status(&run, 1), StepStatus::Settling);
}

#[test]
fn attempts_are_bounded_and_their_waits_grow() {
    let mut run = run_with(
        vec![step(1, &[])],
        Mode::Apply,
        RunParams::default()
            .max_attempts(3)
            .backoff(Duration::from_secs(1), Duration::from_secs(2)),
    );
    let mut sent = Vec::new();
    while let Some(due) = run.deadline() {
        for request in run.poll(due) {
            sent.extend(matches!(request.effect, Effect::Apply(_)).then_some(due));
            let outcome = match request.effect {
                Effect::Observe(_) => Outcome::Done(Observed::new()),
                _ => lost(),
            };
            run.report(&request.key, outcome, due).unwrap();
        }
    }
    assert_eq!(sent, [at(0), at(1), at(3)]);
    let last = ExecError::Broken {
        reason: "reset".into(),
    };
    assert_eq!(
        status(&run, 1),
        StepStatus::Failed(Failure::GaveUp { attempts: 3, last })
    );
}

#[test]
fn silence_counts_as_a_lost_reply() {
    let mut run = run(vec![step(1, &[])]);
    only(&mut run, 0);
    assert_eq!(run.poll(at(29)), []);
    assert!(matches!(only(&mut run, 30).effect, Effect::Observe(_)));
    // A platform that is silent for good ends the run too.
    while let Some(due) = run.deadline() {
        run.poll(due);
    }
    let waited = Duration::from_secs(30);
    let StepStatus::Failed(Failure::GaveUp { attempts: 5, last }) = status(&run, 1) else {
        panic!("{}", run.summary())
    };
    assert_eq!(last, ExecError::NoReply { waited });
}

#[test]
fn a_late_reply_is_taken_as_long_as_its_fate_is_not_known() {
    let mut run = run(vec![step(1, &[])]);
    let request = only(&mut run, 0);
    let look = only(&mut run, 30);
    run.report(&request.key, Outcome::Done(Observed::new()), at(31))
        .unwrap();
    assert_eq!(status(&run, 1), StepStatus::Settling);
    let late = run.report(&look.key, seen("s1"), at(31));
    assert!(matches!(late, Err(RunError::NotAwaited { key }) if key == look.key));
}

#[test]
fn a_precondition_that_fails_after_a_lost_reply_may_mean_that_it_was_done() {
    let refusal = || {
        let precondition = Precondition::NoOtherPlan {
            service: service("s1"),
        };
        Refusal::PreconditionFailed {
            precondition,
            found: None,
        }
    };
    let refused_later = || {
        let mut run = run(vec![step(1, &[])]);
        answer(&mut run, 0, lost());
        answer(&mut run, 0, Outcome::Done(Observed::new()));
        answer(&mut run, 1, Outcome::Refused(refusal()));
        assert_eq!(status(&run, 1), StepStatus::Probing);
        run
    };
    let mut done = refused_later();
    answer(&mut done, 1, seen("s1"));
    assert_eq!(status(&done, 1), StepStatus::Settling);
    let mut not_done = refused_later();
    answer(&mut not_done, 1, Outcome::Done(Observed::new()));
    assert_eq!(
        status(&not_done, 1),
        StepStatus::Failed(Failure::Refused(refusal()))
    );
}

#[test]
fn a_busy_platform_is_asked_again_when_it_says() {
    let mut run = run(vec![step(1, &[])]);
    let retry_after = Duration::from_secs(40);
    answer(
        &mut run,
        0,
        Outcome::Refused(Refusal::Busy {
            reason: "lock".into(),
            retry_after,
        }),
    );
    assert_eq!(run.deadline(), Some(at(40)));
    assert!(matches!(only(&mut run, 40).effect, Effect::Apply(_)));
}

#[test]
fn a_target_that_is_not_reached_in_time_fails_the_step() {
    let mut run = run(vec![step(1, &[])]);
    answer(&mut run, 0, Outcome::Done(Observed::new()));
    let other = Fact::Revision {
        service: service("s1"),
        revision: "r2".into(),
    };
    let mut looks = 0;
    while let Some(due) = run.deadline() {
        for request in run.poll(due) {
            let outcome = Outcome::Done(Observed::new().fact(other.clone()));
            run.report(&request.key, outcome, due).unwrap();
            looks += 1;
        }
    }
    assert_eq!(looks, 13); // every five seconds of a minute, both ends included
    assert!(matches!(
        status(&run, 1),
        StepStatus::Failed(Failure::NotMet { .. })
    ));
}

#[test]
fn what_cannot_be_observed_is_judged_by_the_reply() {
    let blind = || {
        Outcome::Refused(Refusal::Unsupported {
            what: "observing".into(),
        })
    };
    let mut told = run(vec![step(1, &[])]);
    answer(&mut told, 0, seen("s1"));
    answer(&mut told, 0, blind());
    assert_eq!(told.state(), RunState::Succeeded);

    let untold = |proceed| {
        let params = RunParams::default().proceed_unverified(proceed);
        let mut run = run_with(vec![step(1, &[]), step(2, &[1])], Mode::Apply, params);
        answer(&mut run, 0, Outcome::Done(Observed::new()));
        answer(&mut run, 0, blind());
        assert!(matches!(status(&run, 1), StepStatus::Unverified { .. }));
        run
    };
    assert_eq!(
        status(&untold(false), 2),
        StepStatus::Skipped { because: id(1) }
    );
    let mut run = untold(true);
    answer(&mut run, 0, seen("s2"));
    answer(&mut run, 0, seen("s2"));
    assert_eq!(run.state(), RunState::Unverified);
}

#[test]
fn metrics_are_judged_when_no_step_is_under_way() {
    let errors = |run: &mut Run, secs, value: Option<f64>| {
        let nothing = Observed::new();
        let read = |v| Observed::new().reading(service("s1"), "errors".into(), v);
        answer(run, secs, Outcome::Done(value.map_or(nothing, read)))
    };
    let start = || {
        let limit = Check::metric(service("s1"), "errors".into(), Limit::AtMost(0.1), MINUTE);
        let mut run = run(vec![step(1, &[]).verified_by([limit]), step(2, &[1])]);
        answer(&mut run, 0, Outcome::Done(Observed::new()));
        answer(&mut run, 0, seen("s1"));
        assert_eq!(status(&run, 1), StepStatus::Settled);
        answer(&mut run, 100, Outcome::Done(Observed::new()));
        answer(&mut run, 100, seen("s2"));
        assert_eq!(status(&run, 1), StepStatus::Recovering);
        run
    };
    let mut good = start();
    errors(&mut good, 100, Some(0.5));
    errors(&mut good, 105, Some(0.05));
    assert_eq!(good.state(), RunState::Succeeded);

    let mut bad = start();
    errors(&mut bad, 100, None);
    errors(&mut bad, 160, Some(0.5));
    assert!(matches!(
        status(&bad, 1),
        StepStatus::Failed(Failure::NotMet { .. })
    ));
    assert_eq!(bad.state(), RunState::Failed);

    let mut unseen = start();
    errors(&mut unseen, 100, None);
    errors(&mut unseen, 160, None);
    assert_eq!(unseen.state(), RunState::Unverified);
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
        let requests = run_with(steps(), Mode::Apply, params).poll(at(0));
        requests
            .iter()
            .map(|request| request.key.step.number())
            .collect::<Vec<_>>()
    };
    assert_eq!(started(1), [1, 4]);
    assert_eq!(started(2), [1, 2, 4]);
    assert_eq!(started(9), [1, 2, 3, 4]);
}

#[test]
fn a_call_for_help_leaves_no_trace_and_is_sent_again_at_once() {
    let reason = "why".into();
    let mut run = run(vec![Step::new(
        id(1),
        Action::Escalate {
            service: service("a"),
            reason,
        },
    )]);
    answer(&mut run, 0, lost());
    assert!(matches!(
        answer(&mut run, 1, Outcome::Done(Observed::new())).effect,
        Effect::Apply(_)
    ));
    assert_eq!(run.state(), RunState::Succeeded);
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
    let platform = Platform::after(&releases).with_faults([Fault::LostRequest]);
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
