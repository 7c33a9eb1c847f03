//! When a step counts as done.

use astern_rollback_policy::{
    Check, Fact, Failure, Limit, Mode, Observed, Outcome, Refusal, Run, RunParams, RunState,
    StepStatus,
};

use crate::script::{MINUTE, answer, id, lost, run, run_with, seen, status, step, target};
use crate::world::{at, service};

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
    let mut informed = run(vec![step(1, &[])]);
    answer(&mut informed, 0, seen("s1"));
    answer(&mut informed, 0, blind());
    assert_eq!(informed.state(), RunState::Succeeded);

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
        let nothing = Observed::new().fact(target("s1"));
        let read = |v| nothing.clone().reading(service("s1"), "errors".into(), v);
        answer(
            run,
            secs,
            Outcome::Done(value.map_or(nothing.clone(), read)),
        )
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
fn a_target_that_is_left_before_the_metrics_are_good_is_not_verified() {
    let limit = Check::metric(service("s1"), "errors".into(), Limit::AtMost(0.1), MINUTE);
    let mut run = run(vec![step(1, &[]).verified_by([limit])]);
    answer(&mut run, 0, seen("s1"));
    answer(&mut run, 0, seen("s1"));
    let found = Fact::Revision {
        service: service("s1"),
        revision: "r3".into(),
    };
    let good = Observed::new().reading(service("s1"), "errors".into(), 0.0);
    answer(&mut run, 5, Outcome::Done(good.fact(found.clone())));
    let found = Some(found);
    assert_eq!(
        status(&run, 1),
        StepStatus::Failed(Failure::Overtaken { found })
    );
}

#[test]
fn a_target_without_metrics_must_hold_still_when_the_last_step_is_done() {
    let mut run = run(vec![step(1, &[]), step(2, &[1])]);
    answer(&mut run, 0, seen("s1"));
    answer(&mut run, 0, seen("s1"));
    answer(&mut run, 0, seen("s2"));
    answer(&mut run, 50, seen("s2"));
    assert_eq!(status(&run, 1), StepStatus::Recovering);
    assert_eq!(status(&run, 2), StepStatus::Verified);
    answer(&mut run, 50, seen("s1"));
    assert_eq!(run.state(), RunState::Succeeded);
}

#[test]
fn a_target_that_is_not_seen_at_the_end_is_not_verified_and_the_run_ends() {
    // Nothing is there, nobody can look, every reply is lost, the platform is busy.
    let blind = Outcome::Refused(Refusal::Unsupported {
        what: "to look".into(),
    });
    let busy = Outcome::Refused(Refusal::Busy {
        reason: "locked".into(),
        retry_after: MINUTE,
    });
    for answered in [Outcome::Done(Observed::new()), blind, lost(), busy] {
        let metric = Check::metric(service("s1"), "errors".into(), Limit::AtMost(0.1), MINUTE);
        for first in [step(1, &[]), step(1, &[]).verified_by([metric])] {
            let mut run = run(vec![first, step(2, &[1])]);
            answer(&mut run, 0, seen("s1"));
            answer(&mut run, 0, seen("s1"));
            answer(&mut run, 0, seen("s2"));
            answer(&mut run, 50, seen("s2"));
            let mut now = at(50);
            while run.state() == RunState::Running {
                for request in run.poll(now) {
                    run.report(&request.key, answered.clone(), now).unwrap();
                }
                now = run.deadline().unwrap_or(now);
                assert!(now < at(86_400), "{}", run.summary());
            }
            let unseen = matches!(status(&run, 1), StepStatus::Unverified { .. });
            assert!(unseen, "{answered:?}: {}", run.summary());
        }
    }
}

#[test]
fn what_a_later_step_at_the_same_place_takes_away_need_not_be_seen_at_the_end() {
    let mut second = step(2, &[1]);
    second.action = step(1, &[]).action;
    let mut run = run(vec![step(1, &[]), second]);
    answer(&mut run, 0, seen("s1"));
    answer(&mut run, 0, seen("s1"));
    answer(&mut run, 0, seen("s2"));
    answer(&mut run, 50, seen("s2"));
    assert_eq!(status(&run, 1), StepStatus::Recovering);
    answer(&mut run, 50, Outcome::Done(Observed::new()));
    assert_eq!(status(&run, 1), StepStatus::Recovering);
    answer(&mut run, 55, seen("s2"));
    assert_eq!(run.state(), RunState::Succeeded);
}

#[test]
fn an_observation_that_meets_a_newer_holder_or_nothing_verifies_nothing() {
    let fenced = Refusal::Fenced {
        fence: 7,
        newest: 8,
    };
    let gone = Refusal::NotFound { what: "s1".into() };
    for refusal in [fenced, gone] {
        let mut run = run(vec![step(1, &[])]);
        answer(&mut run, 0, seen("s1"));
        answer(&mut run, 0, Outcome::Refused(refusal.clone()));
        let failed = StepStatus::Failed(Failure::Refused(refusal));
        assert_eq!(status(&run, 1), failed);
    }
}
