//! One change that is tried several times under one id.

use std::collections::VecDeque;
use std::time::Duration;

use astern::graph::{
    Call, CallStatus, ChangeEvent, ChangeKind, ChangePhase, NodeKey, Party, Record, Timestamp,
};
use astern::policy::{DryRun, Executor};
use astern::{Event, Guard};

use crate::support::{STEP, params};

/// Steps in which an attempt starts and is rolled back, and whether its calls fail.
const ATTEMPTS: [(i64, i64, bool); 3] = [(70, 85, true), (110, 125, true), (150, 200, false)];

fn at(step: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_100).plus(STEP * u32::try_from(step).unwrap())
}

fn pod(number: i64) -> NodeKey {
    NodeKey::instance(format!("cart-{number}"))
}

/// The calls of a step: of the four instances of cart one runs what is tried.
fn calls(step: i64) -> Vec<Record> {
    let running = ATTEMPTS
        .iter()
        .find(|(from, to, _)| (*from..*to).contains(&step));
    let call = |i: i64| {
        let is_new = i % 4 == 3 && running.is_some();
        let revision = if is_new { "v2" } else { "v1" };
        let is_bad = is_new && running.is_some_and(|(.., is_bad)| *is_bad) && i % 8 == 3;
        let took = Some(Duration::from_millis(
            20 + u64::try_from((7 * i + 3 * step) % 11).unwrap(),
        ));
        let callee = Party::new(NodeKey::service("cart")).on(pod(i % 4), revision.into());
        let call = Call::new(at(step).plus(Duration::from_millis(500)), callee)
            .from(Party::new(NodeKey::service("web")))
            .took(took, took);
        let status = if is_bad {
            CallStatus::Error
        } else {
            CallStatus::Ok
        };
        call.ended(status).into()
    };
    (0..80).map(call).collect()
}

fn changes(step: i64) -> Vec<Record> {
    let event = |phase| {
        let cart = NodeKey::service("cart");
        let event = ChangeEvent::new("cart@2", at(step), cart, Some("v1".into()), "v2".into());
        event
            .by(ChangeKind::Canary)
            .reached(phase, vec![pod(3)])
            .into()
    };
    let started = ATTEMPTS.iter().any(|(from, ..)| *from == step);
    let back = ATTEMPTS.iter().any(|(_, to, _)| *to == step);
    let started = started.then(|| event(ChangePhase::Started));
    let back = back.then(|| event(ChangePhase::RolledBack));
    started.into_iter().chain(back).collect()
}

#[test]
fn each_bad_attempt_is_planned_for_once_and_a_good_one_not_at_all() {
    let mut guard = Guard::new(params()).unwrap();
    let mut planned = Vec::new();
    for step in 0..195 {
        // Whoever takes over knows what was acted on.
        if step % 20 == 0 {
            guard = Guard::from_bytes(&guard.to_bytes().unwrap(), params(), 1).unwrap();
        }
        let now = at(step + 1);
        let records = changes(step).into_iter().chain(calls(step));
        let mut events = VecDeque::from(guard.observe(records, now));
        while let Some(event) = events.pop_front() {
            match event {
                Event::Planned(_) => planned.push(step),
                Event::Execute(request) => {
                    let outcome = DryRun.execute(&request);
                    events.extend(guard.report(&request.key, outcome, now).unwrap());
                }
                Event::Failed(error) => panic!("{error:?}"),
                _ => {}
            }
        }
    }
    let of_attempt = |(from, to, _): &(i64, i64, bool)| {
        let within = planned.iter().filter(|step| (*from..*to).contains(*step));
        within.count()
    };
    let counts = ATTEMPTS.each_ref().map(of_attempt);
    assert_eq!(counts, [1, 1, 0], "{planned:?}");
    assert_eq!(planned.len(), 2, "{planned:?}");
}
