//! What a run does when replies are lost or the platform is busy.

use std::time::Duration;

use astern_rollback_policy::{
    Action, Effect, ExecError, Failure, IdempotencyKey, Mode, Observed, Outcome, Precondition,
    Refusal, RunError, RunParams, RunState, Step, StepStatus,
};

use crate::script::{answer, id, lost, only, run, run_with, seen, status, step};
use crate::world::{at, service};

#[test]
fn a_lost_reply_is_looked_for_before_it_is_sent_again() {
    let mut run = run(vec![step(1, &[])]);
    let first = answer(&mut run, 0, lost());
    assert_eq!(status(&run, 1), StepStatus::Probing);
    // Not there: sent again under the same key, after a wait.
    let look = answer(&mut run, 0, Outcome::Done(Observed::new()));
    assert_eq!(
        look.key,
        IdempotencyKey::observation(run.plan().id, id(1), 2)
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
            .backoff(Duration::from_secs(1))
            .max_backoff(Duration::from_secs(2)),
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
