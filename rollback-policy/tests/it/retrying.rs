//! What a run does when replies are lost or the platform is busy.

use std::time::Duration;

use astern_rollback_policy::{
    Action, Effect, ExecError, Fact, Failure, IdempotencyKey, Mode, Observed, Outcome,
    Precondition, Refusal, Run, RunError, RunParams, RunState, Step, StepStatus,
};

use crate::script::{
    answer, id, lost, only, run, run_with, seen, status, step, unseen_run_with, version,
};
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

fn unchanged(name: &str, token: &str) -> Precondition {
    let version = version(name, token);
    Precondition::Unchanged {
        place: version.place,
        token: version.token,
    }
}

fn version_seen(token: &str) -> Outcome {
    Outcome::Done(Observed::new().version(version("s1", token)))
}

#[test]
fn an_effect_requires_the_version_that_was_seen_before_it() {
    let mut run = run(vec![step(1, &[])]);
    let required = unchanged("s1", "1");
    let request = only(&mut run, 0);
    assert_eq!(request.requires, [required]);
}

#[test]
fn an_effect_is_not_sent_again_over_what_somebody_did_since() {
    let mut same = run(vec![step(1, &[])]);
    answer(&mut same, 0, lost());
    answer(&mut same, 0, version_seen("1"));
    assert_eq!(status(&same, 1), StepStatus::Applying);

    let mut other = run(vec![step(1, &[])]);
    answer(&mut other, 0, lost());
    let found = Fact::Revision {
        service: service("s1"),
        revision: "r9".into(),
    };
    let seen = Observed::new().fact(found.clone());
    answer(
        &mut other,
        0,
        Outcome::Done(seen.version(version("s1", "2"))),
    );
    let found = Some(found);
    assert_eq!(
        status(&other, 1),
        StepStatus::Failed(Failure::Overtaken { found })
    );
}

/// A run on a platform without versions whose first reply is lost.
fn unversioned(params: RunParams) -> Run {
    let before = Precondition::Is(Fact::Revision {
        service: service("s1"),
        revision: "r2".into(),
    });
    let steps = vec![step(1, &[]).requiring([before])];
    let mut run = unseen_run_with(steps, Mode::Apply, params);
    answer(&mut run, 0, runs("r2"));
    let request = answer(&mut run, 0, lost());
    assert!(matches!(request.effect, Effect::Apply(_)));
    run
}

fn runs(revision: &str) -> Outcome {
    Outcome::Done(Observed::new().fact(Fact::Revision {
        service: service("s1"),
        revision: revision.into(),
    }))
}

#[test]
fn without_versions_nothing_is_sent_again_unless_it_is_allowed() {
    let mut run = unversioned(RunParams::default());
    answer(&mut run, 0, runs("r2"));
    assert!(matches!(
        status(&run, 1),
        StepStatus::Failed(Failure::Unclear { .. })
    ));
    let allowed = || unversioned(RunParams::default().resend_unversioned(true));
    let mut before = allowed();
    answer(&mut before, 0, runs("r2"));
    assert_eq!(status(&before, 1), StepStatus::Applying);
    let mut neither = allowed();
    answer(&mut neither, 0, runs("r3"));
    assert!(matches!(
        status(&neither, 1),
        StepStatus::Failed(Failure::Overtaken { .. })
    ));
}

#[test]
fn a_wait_that_a_busy_platform_asks_for_is_bounded() {
    let busy = |retry_after| {
        Outcome::Refused(Refusal::Busy {
            reason: "429".into(),
            retry_after,
        })
    };
    let mut effect = run(vec![step(1, &[])]);
    answer(&mut effect, 0, busy(Duration::MAX));
    assert_eq!(effect.deadline(), Some(at(3_600)));
    let mut probe = run(vec![step(1, &[])]);
    answer(&mut probe, 0, lost());
    answer(&mut probe, 0, busy(Duration::MAX));
    assert_eq!(probe.deadline(), Some(at(3_600)));
}

#[test]
fn the_first_look_is_in_time_or_ends_the_step() {
    let steps = || vec![step(1, &[]), step(2, &[1])];
    let look = |secs, outcome| {
        let mut run = unseen_run_with(steps(), Mode::Apply, RunParams::default());
        let requests = run.poll(at(0));
        assert_eq!(requests.len(), 2);
        for request in requests {
            run.report(&request.key, Outcome::clone(&outcome), at(secs))
                .unwrap();
        }
        run
    };
    let in_time = look(20, version_seen("1"));
    assert_eq!(status(&in_time, 1), StepStatus::Applying);
    let late = unseen_run_with(steps(), Mode::Apply, RunParams::default());
    let mut late = Run::from_bytes(&late.to_bytes().unwrap(), RunParams::default()).unwrap();
    for request in late.poll(at(121)) {
        late.report(&request.key, version_seen("1"), at(121))
            .unwrap();
    }
    let waited = Duration::from_secs(121);
    let failed = StepStatus::Failed(Failure::LookedLate { waited });
    assert_eq!(status(&late, 1), failed);
    let gone = Refusal::NotFound { what: "s1".into() };
    let missing = look(1, Outcome::Refused(gone.clone()));
    assert_eq!(
        status(&missing, 1),
        StepStatus::Failed(Failure::Refused(gone))
    );
    assert_eq!(missing.state(), RunState::Failed);
}

#[test]
fn a_first_look_that_shows_nothing_is_repeated_and_then_taken_for_a_platform_without_versions() {
    let nothing = || Outcome::Done(Observed::new());
    let params = RunParams::default();
    let mut run = unseen_run_with(vec![step(1, &[])], Mode::Apply, params.clone());
    answer(&mut run, 0, nothing());
    assert_eq!(status(&run, 1), StepStatus::Looking);
    let mut shown = run.clone();
    let due = shown.deadline().unwrap();
    let request = shown.poll(due).remove(0);
    shown.report(&request.key, version_seen("1"), due).unwrap();
    let request = shown.poll(due).remove(0);
    let unchanged = |one: &Precondition| matches!(one, Precondition::Unchanged { .. });
    assert!(request.requires.iter().any(unchanged), "{request:?}");
    while status(&run, 1) == StepStatus::Looking {
        let due = run.deadline().unwrap();
        let request = run.poll(due).remove(0);
        run.report(&request.key, nothing(), due).unwrap();
    }
    assert_eq!(status(&run, 1), StepStatus::Applying);
    assert!(run.deadline().unwrap() < at(120));
}

#[test]
fn what_cannot_be_looked_at_at_first_is_not_touched_by_later_steps() {
    let second = || {
        let mut second = step(2, &[]);
        second.action = step(1, &[]).action;
        second
    };
    let mut run = unseen_run_with(
        vec![step(1, &[]), second()],
        Mode::Apply,
        RunParams::default(),
    );
    let fenced = Refusal::Fenced {
        fence: 7,
        newest: 8,
    };
    answer(&mut run, 0, Outcome::Refused(fenced));
    assert_eq!(status(&run, 2), StepStatus::Skipped { because: id(1) });
    // Two steps at one place never run at a time, and the second requires what the first has made.
    let params = RunParams::default().max_parallel(9);
    let mut run = run_with(vec![step(1, &[]), second()], Mode::Apply, params);
    let done = Observed::new().version(version("s1", "2"));
    answer(&mut run, 0, Outcome::Done(done));
    answer(&mut run, 0, seen("s1"));
    let request = only(&mut run, 0);
    assert_eq!(request.key, IdempotencyKey::effect(run.plan().id, id(2)));
    assert_eq!(request.requires, [unchanged("s1", "2")]);
}
