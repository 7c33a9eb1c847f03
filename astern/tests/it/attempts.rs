//! One change that is tried several times under one id.

use std::collections::VecDeque;
use std::time::Duration;

use astern::graph::{
    Call, CallStatus, ChangeEvent, ChangeKind, ChangePhase, GraphParams, NodeKey, Party, Record,
    Timestamp,
};
use astern::policy::{DryRun, Executor};
use astern::{Event, Guard, GuardParams};

use crate::support::{STEP, params};

/// Steps in which an attempt starts and is rolled back, and whether its calls fail.
const ATTEMPTS: [(i64, i64, bool); 3] = [(70, 85, true), (110, 125, true), (150, 200, false)];

fn at(step: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_100).plus(STEP * u32::try_from(step).unwrap())
}

fn pod(number: i64) -> NodeKey {
    NodeKey::instance(format!("cart-{number}"))
}

/// The calls of a step: of the four instances of cart one may run what is tried, and fail then.
fn calls(step: i64, is_new: bool, fails: bool) -> Vec<Record> {
    let call = |i: i64| {
        let is_new = is_new && i % 4 == 3;
        let revision = if is_new { "v2" } else { "v1" };
        let is_bad = is_new && fails && i % 8 == 3;
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

/// A step of the canary, by its new instance.
fn change(step: i64, phase: ChangePhase, to: &str) -> Record {
    let cart = NodeKey::service("cart");
    let event = ChangeEvent::new("cart@2", at(step), cart, Some("v1".into()), to.into());
    let event = event.by(ChangeKind::Canary);
    event.reached(phase, vec![pod(3)]).into()
}

/// The steps in which a guard plans, and whoever takes over from it, who knows what was acted on.
fn planned(params: &GuardParams, steps: i64, records: impl Fn(i64) -> Vec<Record>) -> Vec<i64> {
    let mut guard = Guard::new(params.clone()).unwrap();
    let mut planned = Vec::new();
    for step in 0..steps {
        if step % 20 == 0 {
            guard = Guard::from_bytes(&guard.to_bytes().unwrap(), params.clone(), 1).unwrap();
        }
        let now = at(step + 1);
        let mut events = VecDeque::from(guard.observe(records(step), now));
        while let Some(event) = events.pop_front() {
            match event {
                Event::Planned(plan) if plan.changes_services() => planned.push(step),
                Event::Execute(request) => {
                    let outcome = DryRun.execute(&request);
                    events.extend(guard.report(&request.key, outcome, now).unwrap());
                }
                Event::Failed(error) => panic!("{error:?}"),
                _ => {}
            }
        }
    }
    planned
}

#[test]
fn each_bad_attempt_is_planned_for_once_and_a_good_one_not_at_all() {
    // The rollback takes effect late, and what its controller states meanwhile begins nothing.
    let (late, done, over) = (1, 3, 6);
    let records = |step| {
        let mut records = Vec::new();
        let (mut is_new, mut fails) = (false, false);
        for (from, to, is_bad) in ATTEMPTS {
            if (from..to + over).contains(&step) {
                (is_new, fails) = (true, is_bad);
            }
            let steps = [
                (from, ChangePhase::Started, "v2"),
                (to, ChangePhase::RolledBack, "v2"),
                (to + late, ChangePhase::Progressed, "v2"),
                (to + done, ChangePhase::Completed, "v1"),
            ];
            let now = steps.iter().filter(|(at, ..)| *at == step);
            records.extend(now.map(|(at, phase, to)| change(*at, *phase, to)));
        }
        records.extend(calls(step, is_new, fails));
        records
    };
    let planned = planned(&params(), 195, records);
    let of_attempt = |(from, to, _): &(i64, i64, bool)| {
        let within = planned.iter().filter(|step| (*from..*to).contains(*step));
        within.count()
    };
    let counts = ATTEMPTS.each_ref().map(of_attempt);
    assert_eq!(counts, [1, 1, 0], "{planned:?}");
    assert_eq!(planned.len(), 2, "{planned:?}");
}

#[test]
fn a_canary_that_outlives_the_retention_is_planned_for_once() {
    let records = |step| {
        let phase = match step {
            70 => Some(ChangePhase::Started),
            71.. if step % 20 == 10 => Some(ChangePhase::Progressed),
            _ => None,
        };
        let change = phase.map(|phase| change(step, phase, "v2"));
        let calls = calls(step, step >= 70, true);
        change.into_iter().chain(calls).collect()
    };
    let mut short = params();
    short = short.graph(GraphParams::default().step(STEP).retention_steps(100));
    let planned = planned(&short, 230, records);
    assert_eq!(planned.len(), 1, "{planned:?}");
}
