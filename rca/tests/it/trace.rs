//! Traces from calls.

use std::time::Duration;

use astern_graph_core::{Call, CallStatus, EdgeKind, NodeKey, Party, SpanId, Timestamp};
use astern_rca::trace::Traces;
use proptest::prelude::*;

fn party(name: &str) -> Party {
    Party::new(NodeKey::service(name))
}

/// A call of trace 1 at a millisecond, with its length as the callee saw it.
fn call(span: u64, caller: Option<&str>, callee: &str, at_ms: i64, ms: u64) -> Call {
    let server = Some(Duration::from_millis(ms));
    let mut call = Call::new(Timestamp::from_millis(at_ms), party(callee)).took(None, server);
    call.id = Some(SpanId::new(1, span));
    call.caller = caller.map(party);
    call
}

fn of_trace(trace: u128, mut call: Call) -> Call {
    call.id = call.id.map(|id| SpanId::new(trace, id.span));
    call
}

fn named(mut call: Call, operation: &str) -> Call {
    call.operation = Some(operation.into());
    call
}

fn parents(calls: &[Call]) -> Vec<Option<usize>> {
    let traces = Traces::of(calls);
    traces.calls().iter().map(|call| call.parent).collect()
}

#[test]
fn calls_of_one_trace_are_joined_and_summed_up() {
    let calls = [
        named(call(1, None, "web", 0, 100), "GET /"),
        named(call(2, Some("web"), "cart", 10, 60), "add"),
        call(3, Some("cart"), "db", 20, 5).ended(CallStatus::Error),
        of_trace(9, named(call(1, None, "web", 500, 7), "GET /")),
    ];
    let traces = Traces::of(&calls);
    assert_eq!((traces.len(), traces.calls().len()), (2, 4));
    let services = ["cart", "db", "web"].map(NodeKey::service);
    assert_eq!(traces.services(), services);
    let operations = traces.operations().iter().map(ToString::to_string);
    let expected = ["service/cart add", "service/db", "service/web GET /"];
    assert_eq!(operations.collect::<Vec<_>>(), expected);

    let all: Vec<_> = traces.iter().collect();
    assert_eq!((all[0].id, all[1].id), (1, 9));
    assert_eq!(all[0].duration(), Duration::from_millis(100));
    assert_eq!(all[1].duration(), Duration::from_millis(7));
    assert!(all[0].failed() && !all[1].failed());
    assert_eq!(all[0].operations(), [0, 1, 2]);
    assert_eq!(all[1].services(), [2]);
    let of_first = all[0].calls().iter().map(|call| call.parent);
    assert_eq!(of_first.collect::<Vec<_>>(), [None, Some(0), Some(1)]);
    assert_eq!(all[1].calls()[0].parent, None);
}

#[test]
fn self_times_leave_out_what_was_waited_for() {
    let ms = |ms| Some(Duration::from_millis(ms));
    let mut seen_by_web = call(2, Some("web"), "cart", 10, 60);
    seen_by_web.client = ms(70);
    let mut timed = call(4, Some("cart"), "db", 25, 5);
    timed.exclusive = ms(3);
    let mut unknown = call(5, Some("web"), "log", 90, 0);
    unknown.server = None;
    let parallel = call(6, Some("cart"), "db", 26, 58);
    let calls = [
        call(1, None, "web", 0, 100),
        seen_by_web,
        timed,
        parallel,
        unknown,
    ];
    let traces = Traces::of(&calls);
    let own = traces.iter().next().unwrap().self_times();
    // The cart waited 63 ms in 60: calls in parallel.
    assert_eq!(own, [ms(30), ms(0), ms(3), ms(58), None]);
}

#[test]
fn a_call_belongs_to_the_latest_call_that_is_not_over() {
    let calls = [
        call(1, None, "web", 0, 100),
        call(2, Some("web"), "cart", 10, 20), // over at 30
        call(3, Some("cart"), "db", 15, 1),
        call(4, Some("web"), "cart", 40, 20),
        call(5, Some("cart"), "db", 45, 1),
        call(6, Some("cart"), "db", 70, 1), // cart worked on after its answer
        call(7, Some("ghost"), "db", 80, 1),
    ];
    let expected = [None, Some(0), Some(1), Some(0), Some(3), Some(3), None];
    assert_eq!(parents(&calls), expected);
}

#[test]
fn a_service_that_calls_itself_is_no_parent_of_the_same_call() {
    let calls = [
        call(1, None, "a", 0, 10),
        call(2, Some("a"), "a", 0, 8),
        call(3, Some("a"), "a", 1, 2),
    ];
    assert_eq!(parents(&calls), [None, Some(0), Some(1)]);
}

#[test]
fn a_consumer_works_for_the_queue() {
    let queue = NodeKey::new(astern_graph_core::NodeKind::Queue, "jobs");
    let mut publish = call(1, Some("web"), "x", 0, 1).over(EdgeKind::Publishes);
    publish.callee = Party::new(queue.clone());
    let mut consume = call(2, Some("worker"), "x", 50, 30).over(EdgeKind::Consumes);
    consume.callee = Party::new(queue.clone());
    let calls = [publish, consume, call(3, Some("worker"), "db", 60, 1)];
    let traces = Traces::of(&calls);
    let work = &traces.calls()[1];
    assert_eq!(traces.services()[work.service], NodeKey::service("worker"));
    assert_eq!(work.caller.map(|c| &traces.services()[c]), Some(&queue));
    assert_eq!(parents(&calls), [None, Some(0), Some(1)]);
}

#[test]
fn what_is_left_out_is_counted() {
    let mut nameless = call(1, None, "web", 0, 1);
    nameless.id = None;
    let twice = call(2, None, "web", 5, 1);
    let later = call(2, None, "cart", 9, 1);
    let traces = Traces::of(&[later, nameless, twice.clone(), twice]);
    assert_eq!((traces.without_id(), traces.repeated()), (1, 2));
    assert_eq!(traces.calls().len(), 1);
    assert_eq!(traces.calls()[0].at, Timestamp::from_millis(5));
    assert!(Traces::of(&[]).is_empty());
}

#[test]
fn unknown_and_endless_durations_are_borne() {
    let mut endless = call(1, None, "a", 0, 1);
    endless.at = Timestamp::MAX;
    endless.client = Some(Duration::MAX);
    let mut unknown = call(2, Some("a"), "b", 0, 1);
    unknown.at = Timestamp::MIN;
    unknown.server = None;
    let traces = Traces::of(&[endless, unknown]);
    let trace = traces.iter().next().unwrap();
    assert_eq!(trace.calls()[0].duration(), None);
    assert_eq!(trace.duration(), Duration::from_nanos(u64::MAX));
}

proptest! {
    #[test]
    fn the_order_of_calls_does_not_matter(
        seeds in prop::collection::vec((0..3_u128, 0..6_u64, 0..4_usize, 0..4_usize, 0..30_i64, 0..9_u64), 0..40),
        turn in 0..40_usize,
    ) {
        let names = ["a", "b", "c", "d"];
        let mut calls: Vec<Call> = seeds
            .iter()
            .map(|(trace, span, from, to, at, ms)| {
                of_trace(*trace, call(*span, Some(names[*from]), names[*to], *at, *ms))
            })
            .collect();
        let before = Traces::of(&calls);
        if !calls.is_empty() {
            let turn = turn % calls.len();
            calls.rotate_left(turn);
            calls.reverse();
        }
        prop_assert_eq!(&before, &Traces::of(&calls));
        for trace in before.iter() {
            for (i, call) in trace.calls().iter().enumerate() {
                prop_assert!(call.parent.is_none_or(|parent| parent < i));
                let asked = call.parent.map(|parent| trace.calls()[parent].service);
                prop_assert!(asked.is_none() || asked == call.caller);
            }
        }
    }
}
