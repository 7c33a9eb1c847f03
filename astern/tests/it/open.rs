//! A change is watched while it is open.

use std::time::Duration;

use astern::graph::signal::Verdict;
use astern::graph::{
    Call, CallStatus, ChangeEvent, ChangeKind, ChangePhase, GraphParams, NodeKey, Party,
    PlannedShare, Record, Schedule, Timestamp, TrafficShare,
};
use astern::{Event, Guard, GuardParams};

const STEP: Duration = Duration::from_secs(300);

/// The step in which the canary starts, and the one in which it begins to fail, six hours later.
const RELEASED: i64 = 70;
const FAILING: i64 = RELEASED + 72;
const END: i64 = FAILING + 6;

/// Steps of the time for which a change is watched once it is closed: an hour.
const WATCH: i64 = 12;

fn at(step: i64) -> Timestamp {
    Timestamp::from_secs(300 * step)
}

fn cart() -> NodeKey {
    NodeKey::service("cart")
}

/// A tenth of the calls of a step go to the canary, of which a third fail in the end.
fn calls(step: i64) -> Vec<Record> {
    let call = |i: i64| {
        let is_new = step >= RELEASED && i % 10 == 9;
        let (pod, revision) = if is_new {
            ("cart-new".to_owned(), "v2")
        } else {
            (format!("cart-{}", i % 3), "v1")
        };
        let status = if is_new && step >= FAILING && i % 30 == 9 {
            CallStatus::Error
        } else {
            CallStatus::Ok
        };
        let ms = 20 + (7 * i + 3 * step).unsigned_abs() % 11;
        let callee = Party::new(cart()).on(NodeKey::instance(pod), revision.into());
        let took = Some(Duration::from_millis(ms));
        let call = Call::new(at(step).plus(Duration::from_secs(1)), callee);
        call.took(took, took).ended(status).into()
    };
    (0..240).map(call).collect()
}

/// A step of the canary.
fn canary(step: i64, phase: ChangePhase) -> ChangeEvent {
    ChangeEvent::new("cart@2", at(step), cart(), Some("v1".into()), "v2".into())
        .by(ChangeKind::Canary)
        .reached(phase, vec![NodeKey::instance("cart-new")])
}

fn percent(percent: u8) -> TrafficShare {
    TrafficShare::percent(percent).unwrap()
}

/// The verdicts on the canary, with the steps in which they were given, and whether it was blamed.
fn watched(steps: &[ChangeEvent]) -> (Vec<(i64, Verdict)>, bool) {
    let params = GuardParams::default().graph(GraphParams::default().step(STEP));
    let mut guard = Guard::new(params).unwrap();
    let (mut verdicts, mut is_blamed) = (Vec::new(), false);
    for step in 0..END {
        let mut records = calls(step);
        let changes = steps.iter().filter(|change| change.at == at(step));
        records.extend(changes.cloned().map(Record::from));
        for event in guard.observe(records, at(step).plus(STEP)) {
            match event {
                Event::Assessed(said) if said.change == Some("cart@2".into()) => {
                    verdicts.push((step, said.verdict));
                }
                Event::Diagnosed(diagnosis) => {
                    let mut blamed = diagnosis.changes.iter();
                    is_blamed |= blamed.any(|change| change.change == "cart@2".into());
                }
                _ => {}
            }
        }
    }
    (verdicts, is_blamed)
}

#[test]
fn a_canary_that_waits_for_six_hours_and_then_fails_is_found() {
    let started = canary(RELEASED, ChangePhase::Started);
    let stages = [
        PlannedShare::new(at(RELEASED), percent(10)),
        PlannedShare::new(at(END), TrafficShare::FULL),
    ];
    let scheduled = started.clone().scheduled(Schedule::new(stages).unwrap());
    for waiting in [started.carrying(percent(10)), scheduled] {
        let (verdicts, is_blamed) = watched(&[waiting]);
        let regressed = |verdict: &&(i64, Verdict)| verdict.1 == Verdict::Regressed;
        let first = verdicts.iter().find(regressed).map(|(step, _)| *step);
        assert!(
            first.is_some_and(|step| (FAILING..FAILING + 3).contains(&step)),
            "{verdicts:?}"
        );
        assert!(is_blamed);
    }
}

#[test]
fn a_change_that_is_complete_or_says_nothing_of_shares_is_watched_for_its_time() {
    let started = canary(RELEASED, ChangePhase::Started);
    let begun = started.clone().carrying(percent(10));
    let completed = canary(RELEASED + 20, ChangePhase::Completed);
    for (steps, closed) in [
        (vec![started], RELEASED),
        (vec![begun, completed], RELEASED + 20),
    ] {
        let (verdicts, _) = watched(&steps);
        let last = verdicts.last().map(|(step, _)| *step);
        assert_eq!(last, Some(closed + WATCH - 1), "{verdicts:?}");
    }
}
