//! One plan on one platform, with replies that are lost, refused or about something else.

use std::time::Duration;

use astern::policy::{
    Check, ExecError, Executor as _, Fact, Limit, Mode, Observed, Outcome as Reply, Plan, Refusal,
    Run, RunParams, RunState, Version, drive,
};
use astern_graph_core::{ChangeKind, ChangePhase, NodeKey, Timestamp, TrafficShare};

use super::plans::{MADE, blamed, plan, release};
use super::world::{Platform, runs};
use super::{CaseOutcome, Played, Situation};

const FOUND: &str = "found by attacking the run's state machine";

fn after(seconds: u64) -> Timestamp {
    MADE.plus(Duration::from_secs(seconds))
}

fn new_run(plan: Plan) -> Played<Run> {
    Ok(Run::new(plan, Mode::Apply, 1, RunParams::default(), MADE)?)
}

/// A run that has seen a version of each service.
fn start(plan: Plan) -> Played<Run> {
    let mut run = new_run(plan)?;
    for request in run.poll(MADE) {
        let step = run.plan().step(request.key.step);
        let place = step.and_then(|step| step.action.place());
        let version = place.map(|place| Version::new(place, "1"));
        let seen = version.into_iter().fold(Observed::new(), Observed::version);
        run.report(&request.key, Reply::Done(seen), MADE)?;
    }
    Ok(run)
}

/// The plan that sets cart from r2 back to r1.
fn back_to_r1() -> Played<Plan> {
    let change = release("c", Some("r1"), "r2");
    plan(std::slice::from_ref(&change), vec![blamed(&change)])
}

fn seen(revision: &str) -> Observed {
    Observed::new().fact(runs("cart", revision))
}

/// Answers the request that is due at that time, if one is.
fn answer(run: &mut Run, seconds: u64, reply: Reply) -> Played<()> {
    let now = after(seconds);
    if let Some(request) = run.poll(now).first() {
        run.report(&request.key, reply, now)?;
    }
    Ok(())
}

/// How often cart is set to r1, and how the run ends, where the reply is lost and an operator sets r2 again.
fn lost_reply(platform: &Platform) -> Played<(usize, RunState)> {
    platform.set("cart", "r2");
    let mut run = new_run(back_to_r1()?)?;
    while platform.acts().is_empty() {
        for request in run.poll(MADE) {
            let reply = platform.execute(&request);
            let lost = ExecError::Broken {
                reason: "connection reset".into(),
            };
            let is_effect = request.key.observation.is_none();
            let reply = if is_effect {
                Reply::Unknown(lost)
            } else {
                reply
            };
            run.report(&request.key, reply, MADE)?;
        }
    }
    platform.set("cart", "r2");
    let mut now = after(1);
    while let Some(next) = drive(&mut run, platform, now)? {
        now = next;
    }
    Ok((platform.acts().len(), run.state()))
}

pub(super) const LOST_REPLY: Situation = Situation {
    name: "lost-reply-then-operator",
    ids: &["c1"],
    expected: "an effect whose reply was lost is not sent again over what an operator did since",
    source: FOUND,
    play: || {
        let versioned = lost_reply(&Platform::default())?;
        let unversioned = lost_reply(&Platform::unversioned())?;
        let times = [&versioned, &unversioned].map(|(times, _)| *times);
        let seen = format!(
            "cart is set to r1 {} times; the run {}; without versions {} times; the run {}",
            versioned.0, versioned.1, unversioned.0, unversioned.1
        );
        Ok(CaseOutcome::new(times == [1, 1], seen))
    },
};

pub(super) const RELEASE_BETWEEN_STEPS: Situation = Situation {
    name: "release-between-two-steps",
    ids: &["c2"],
    expected: "a plan does not overwrite r3, which an operator released between its two steps",
    source: FOUND,
    play: || {
        let canary = release("c", Some("r1"), "r2")
            .by(ChangeKind::Canary)
            .reached(ChangePhase::Progressed, vec![]);
        let plan = plan(std::slice::from_ref(&canary), vec![blamed(&canary)])?;
        let platform = Platform::default();
        let give = |revision: &str, percent: u16| -> Played<()> {
            platform.hold(Fact::Traffic {
                service: NodeKey::service("cart"),
                revision: revision.into(),
                share: TrafficShare::basis_points(100 * percent)?,
            });
            Ok(())
        };
        platform.set("cart", "r2");
        give("r1", 80)?;
        give("r2", 20)?;
        let mut run = new_run(plan)?;
        let mut now = MADE;
        while let Some(due) = run.deadline() {
            now = now.max(due);
            for request in run.poll(now) {
                let reply = platform.execute(&request);
                run.report(&request.key, reply, now)?;
                if platform.acts().len() == 1 && platform.runs("cart", "r2") {
                    platform.set("cart", "r3");
                    give("r3", 50)?;
                }
            }
        }
        let seen = format!("done: {}", platform.acts().join("; "));
        Ok(CaseOutcome::new(platform.runs("cart", "r3"), seen))
    },
};

/// How a run ends whose effect is done and whose observation is refused.
fn refused_look(refusal: Refusal) -> Played<Run> {
    let mut run = start(back_to_r1()?)?;
    answer(&mut run, 0, Reply::Done(seen("r1")))?;
    answer(&mut run, 5, Reply::Refused(refusal))?;
    Ok(run)
}

pub(super) const FENCED_LOOK: Situation = Situation {
    name: "observation-refused-as-fenced",
    ids: &["c3"],
    expected: "a run whose observation meets a newer holder does not succeed",
    source: FOUND,
    play: || {
        let run = refused_look(Refusal::Fenced {
            fence: 1,
            newest: 2,
        })?;
        let state = run.state();
        Ok(CaseOutcome::new(
            state != RunState::Succeeded,
            format!("the run {state}"),
        ))
    },
};

pub(super) const GONE_LOOK: Situation = Situation {
    name: "observation-refused-as-not-found",
    ids: &["c3"],
    expected: "a run whose service is gone does not succeed",
    source: FOUND,
    play: || {
        let run = refused_look(Refusal::NotFound {
            what: "cart".into(),
        })?;
        let state = run.state();
        Ok(CaseOutcome::new(
            state != RunState::Succeeded,
            format!("the run {state}"),
        ))
    },
};

pub(super) const FORBIDDEN_LOOK: Situation = Situation {
    name: "observation-refused-as-forbidden",
    ids: &["c3"],
    expected: "where observing is forbidden, the reply to the effect is believed",
    source: FOUND,
    play: || {
        let run = refused_look(Refusal::Forbidden {
            reason: "no rights".into(),
        })?;
        let state = run.state();
        Ok(CaseOutcome::new(
            state == RunState::Succeeded,
            format!("the run {state}"),
        ))
    },
};

pub(super) const BUSY_FOR_EVER: Situation = Situation {
    name: "busy-for-ever",
    ids: &["c4"],
    expected: "a platform that is busy for weeks, or for ever, is asked again within a day",
    source: FOUND,
    play: || {
        let mut waits = Vec::new();
        for retry_after in [Duration::MAX, Duration::from_secs(3_600_000)] {
            let mut run = start(back_to_r1()?)?;
            let reason = "too many requests".into();
            answer(
                &mut run,
                0,
                Reply::Refused(Refusal::Busy {
                    reason,
                    retry_after,
                }),
            )?;
            waits.push(run.deadline().map(|due| due.since(MADE).as_secs() / 86_400));
        }
        let right = waits.iter().all(|days| days.is_none_or(|days| days < 1));
        Ok(CaseOutcome::new(
            right,
            format!("days until then: {waits:?}"),
        ))
    },
};

pub(super) const GOOD_BY_ANOTHER: Situation = Situation {
    name: "metrics-good-by-another-revision",
    ids: &["c7"],
    expected: "metrics that are good while cart runs r3 do not verify that it was set to r1",
    source: FOUND,
    play: || {
        let mut steps = back_to_r1()?.steps;
        let limit = Limit::AtMost(0.1);
        let ten_minutes = Duration::from_secs(600);
        let check = Check::metric(
            NodeKey::service("cart"),
            "error_rate".into(),
            limit,
            ten_minutes,
        );
        for step in &mut steps {
            step.verify.push(check.clone());
        }
        let mut run = start(Plan::new(MADE, steps, vec![])?)?;
        answer(&mut run, 0, Reply::Done(seen("r1")))?;
        answer(&mut run, 1, Reply::Done(seen("r1")))?;
        let good = seen("r3").reading(NodeKey::service("cart"), "error_rate".into(), 0.0);
        answer(&mut run, 2, Reply::Done(good))?;
        let state = run.state();
        Ok(CaseOutcome::new(
            state != RunState::Succeeded,
            format!("the run {state}"),
        ))
    },
};
