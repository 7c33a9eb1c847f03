//! Whose calls are lost: those of a caller, of a release, or of one instance.

use astern_graph_core::signal::{Assessment, Verdict};
use astern_graph_core::{
    Call, CallStatus, ChangeEvent, ChangePhase, NodeKey, Party, PlannedShare, Record, Schedule,
    TrafficShare,
};

use super::{RELEASED, graph, says};
use crate::fixtures::minute;
use crate::traffic::{cart, change};

const CALLERS: [&str; 3] = ["web", "shop", "search"];

/// Which instance answers a call, by the minutes since the release, its caller's place and its own among those of the
/// caller; `None` where the call is lost on the way.
type Answer<'a> = &'a dyn Fn(i64, usize, i64) -> Option<&'static str>;

/// Twenty calls a minute of each of the first `callers`.
fn calls(after: i64, callers: usize, answer: Answer<'_>) -> Vec<Record> {
    let mut records = Vec::new();
    for at in 0..RELEASED + after {
        for (place, caller) in CALLERS.iter().take(callers).enumerate() {
            for i in 0..20 {
                let instance = answer(at - RELEASED, place, i);
                let callee = instance.map_or(Party::new(cart()), |name| {
                    let revision = if name.contains("v1") { "v1" } else { "v2" };
                    Party::new(cart()).on(NodeKey::instance(name), revision.into())
                });
                let status = instance.map_or(CallStatus::Error, |_| CallStatus::Ok);
                let call =
                    Call::new(minute(at), callee).from(Party::new(NodeKey::service(*caller)));
                records.push(call.ended(status).into());
            }
        }
    }
    records
}

fn one_of(instances: [&'static str; 2]) -> impl Fn(i64) -> Option<&'static str> {
    move |i| instances.get(usize::from(i % 2 == 0)).copied()
}

fn old(i: i64) -> Option<&'static str> {
    one_of(["cart-v1-0", "cart-v1-1"])(i)
}

fn new(i: i64) -> Option<&'static str> {
    one_of(["cart-v2-0", "cart-v2-1"])(i)
}

fn started() -> ChangeEvent {
    let new = ["cart-v2-0", "cart-v2-1"].map(NodeKey::instance);
    change(ChangePhase::Started, RELEASED, new.to_vec())
}

fn complete() -> Vec<Record> {
    let done = change(ChangePhase::Completed, RELEASED + 1, Vec::new());
    vec![started().into(), done.into()]
}

fn release_of(service: &str, at: i64) -> Record {
    let service = NodeKey::service(service);
    ChangeEvent::new("other@v7", minute(at), service, None, "v7".into()).into()
}

fn said(after: i64, records: impl IntoIterator<Item = Record>) -> Assessment {
    says(&graph(records), RELEASED + after)
}

fn is_open(said: &Assessment, why: &str) {
    assert_eq!(said.verdict, Verdict::Inconclusive, "{why}: {said}");
    assert!(said.to_string().contains("looks worse"), "{why}: {said}");
}

#[test]
fn calls_that_one_caller_loses_are_not_the_fault_of_a_complete_release() {
    for share in [3, 10, 20] {
        let calls = calls(40, 3, &|since, caller, i| match (since, caller) {
            (20.., 0) if i < share => None,
            (0.., _) => new(i),
            _ => old(i),
        });
        let unknown = complete().into_iter().chain(calls);
        let known: Vec<Record> = unknown.chain([release_of("web", RELEASED + 20)]).collect();
        is_open(&said(40, known[..known.len() - 1].to_vec()), "no release");
        is_open(&said(40, known), "a release of the caller");
    }
}

#[test]
fn calls_that_several_callers_lose_are_the_fault_of_a_complete_release_unless_they_changed_too() {
    let calls = calls(40, 3, &|since, caller, i| match (since, caller) {
        (20.., 0 | 1) if i < 6 => None,
        (0.., _) => new(i),
        _ => old(i),
    });
    let records: Vec<Record> = complete().into_iter().chain(calls).collect();
    let lost = said(40, records.clone());
    assert_eq!(lost.verdict, Verdict::Regressed, "{lost}");
    let changed = records.into_iter().chain([release_of("shop", RELEASED)]);
    is_open(&said(40, changed), "one of both changed");
}

#[test]
fn a_service_whose_only_caller_changed_too_is_silent_and_not_worse() {
    let calls = calls(40, 1, &|since, _, i| match since {
        20.. => None,
        0.. => new(i),
        _ => old(i),
    });
    let records: Vec<Record> = complete().into_iter().chain(calls).collect();
    let silent = said(40, records.clone());
    assert_eq!(silent.verdict, Verdict::Regressed, "{silent}");
    let changed = records
        .into_iter()
        .chain([release_of("web", RELEASED + 20)]);
    let changed = said(40, changed);
    assert_eq!(changed.verdict, Verdict::NoData, "{changed}");
}

fn stages(shares: &[(i64, u8)]) -> Schedule {
    let stage = |(after, percent): &(i64, u8)| {
        let share = TrafficShare::percent(*percent).unwrap();
        PlannedShare::new(minute(RELEASED + after), share)
    };
    Schedule::new(shares.iter().map(stage).collect::<Vec<_>>()).unwrap()
}

#[test]
fn a_full_share_is_a_fact_where_a_step_states_it_and_not_where_it_is_scheduled() {
    let calls = calls(40, 3, &|since, _, i| if since < 0 { old(i) } else { None });
    let said_of = |step: ChangeEvent| said(40, calls.iter().cloned().chain([step.into()])).verdict;
    let stated = started().carrying(TrafficShare::FULL);
    assert_eq!(said_of(stated), Verdict::Regressed);
    assert_eq!(
        said_of(started().scheduled(stages(&[(0, 50), (5, 100)]))),
        Verdict::NoData
    );
}

#[test]
fn a_share_that_is_only_scheduled_leaves_the_old_side_in_place() {
    let schedule = stages(&[(0, 5), (10, 25), (20, 100)]);
    // The operator stops at a fourth without saying so; then calls are lost on the way to either side.
    let calls = calls(60, 3, &|since, _, i| match since {
        20.. if i % 7 == 0 => None,
        0.. if i % 4 == 1 => new(i / 4),
        _ => old(i),
    });
    let planned: Record = started().scheduled(schedule).into();
    is_open(&said(60, calls.into_iter().chain([planned])), "paused");
}

#[test]
fn an_instance_that_was_scaled_in_does_not_make_the_lost_calls_of_all_its_own() {
    let kept = |since: i64, i: i64| {
        if since < 10 {
            new(i)
        } else {
            Some("cart-v2-0")
        }
    };
    // Beside old instances, when calls to either side are lost.
    let beside = calls(40, 3, &|since, _, i| match since {
        10.. if i % 7 == 0 => None,
        0.. if i % 2 == 1 => kept(since, i / 2),
        _ => old(i),
    });
    let canary: Record = started().into();
    is_open(&said(40, beside.into_iter().chain([canary])), "beside");
    // When one caller loses calls long after, or many more than the instance would have received.
    for (from, lost) in [(25, 6), (10, 19)] {
        let calls = calls(40, 3, &|since, caller, i| match since {
            _ if since >= from && caller == 0 && i < lost => None,
            0.. => Some(if since >= 10 || (i + since) % 8 > 0 {
                "cart-v2-0"
            } else {
                "cart-v2-1"
            }),
            _ => old(i),
        });
        is_open(&said(40, complete().into_iter().chain(calls)), "after");
    }
}
