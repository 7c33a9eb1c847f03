//! What a builder takes, what it counts, and that order does not matter.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::time::Duration;

use astern_graph_core::{
    Call, CallStatus, ChangeEvent, GraphBuilder, GraphError, GraphParams, NodeKey, NodeKind, Party,
    Record, Revision, Sample, SpanId, TemporalGraph, TimeRange, Timestamp,
};
use proptest::prelude::*;

fn secs(s: i64) -> Timestamp {
    Timestamp::from_secs(s)
}

fn range(from: i64, to: i64) -> TimeRange {
    TimeRange::new(secs(from), secs(to)).unwrap()
}

fn ten_second_steps() -> GraphParams {
    GraphParams::default().step(Duration::from_secs(10))
}

fn service(name: &str) -> NodeKey {
    NodeKey::service(name)
}

fn call(at: i64, from: &str, to: &str, ms: u64) -> Call {
    Call::new(secs(at), Party::new(service(to)))
        .from(Party::new(service(from)))
        .took(
            Some(Duration::from_millis(ms + 2)),
            Some(Duration::from_millis(ms)),
        )
}

#[test]
fn every_bad_record_is_counted_by_reason() {
    let mut builder = GraphBuilder::new(ten_second_steps().limits(3, 1)).unwrap();
    builder.advance(secs(100));
    let mut seen_twice = call(100, "a", "b", 5);
    seen_twice.id = Some(SpanId::new(1, 1));
    let change = ChangeEvent::new("c1", secs(100), service("a"), None, Revision::from("v2"));
    let report = builder.extend([
        Record::from(seen_twice.clone()),
        seen_twice.into(),
        change.clone().into(),
        change.into(),
        Sample::new(secs(100), service("a"), "cpu", f64::NAN).into(),
        Sample::new(secs(100), service("a"), "cpu", f64::INFINITY).into(),
        Sample::new(secs(79), service("a"), "cpu", 1.0).into(),
        Sample::new(secs(121), service("a"), "cpu", 1.0).into(),
        Sample::new(secs(100), service("a"), "cpu", 1.0).into(),
        Sample::new(secs(100), service("a"), "one metric too many", 1.0).into(),
        call(100, "c", "d", 5).into(),
    ]);
    assert_eq!(report.accepted, 3);
    assert_eq!((report.duplicate, report.non_finite), (2, 2));
    assert_eq!((report.late, report.future, report.over_limit), (1, 1, 2));
    assert_eq!(report.total(), 11);
    assert_eq!(
        report.to_string(),
        "3 of 11 records accepted, 2 duplicate, 1 late, 1 future, 2 non-finite, 2 over limit"
    );
}

#[test]
fn time_never_goes_backwards() {
    let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
    builder.advance(secs(1_000));
    builder.advance(secs(0));
    let report = builder.extend([Sample::new(secs(0), service("a"), "cpu", 1.0).into()]);
    assert_eq!(report.late, 1);
}

#[test]
fn an_empty_graph_answers_with_typed_errors() {
    let graph = GraphBuilder::new(GraphParams::default()).unwrap().build();
    assert_eq!(graph.extent(), None);
    assert_eq!(graph.id(&service("a")), None);
    assert!(graph.callers_first().is_empty());
    assert!(matches!(
        graph.window(NodeKind::Service, range(0, 60)),
        Err(GraphError::NoNodes {
            kind: NodeKind::Service
        })
    ));
}

#[test]
fn a_window_that_would_not_fit_is_refused() {
    let mut builder =
        GraphBuilder::new(GraphParams::default().step(Duration::from_millis(1))).unwrap();
    builder.extend([call(0, "a", "b", 1).into()]);
    let all = TimeRange::new(Timestamp::MIN, Timestamp::MAX).unwrap();
    let refused = builder.build().window(NodeKind::Service, all);
    assert!(matches!(refused, Err(GraphError::TooLong { .. })));
}

#[test]
fn steps_without_calls_have_rate_zero_and_missing_latency() {
    let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
    builder.extend([call(5, "a", "b", 40).into(), call(25, "a", "b", 60).into()]);
    let window = builder
        .build()
        .window(NodeKind::Service, range(0, 30))
        .unwrap();
    let b = window.row(&service("b")).unwrap();
    let column = |name: &str| window.column(&name.into()).unwrap();
    let rate = window.series(b, column("request_rate")).unwrap().to_vec();
    assert_eq!(rate, [0.1, 0.0, 0.1]);
    let p50 = window.series(b, column("latency_ms_p50")).unwrap();
    assert!((p50[0] - 40.0).abs() < 0.4 && p50[1].is_nan());
    // Nobody called `a`, so it has no rate at all rather than a rate of zero.
    let a = window.row(&service("a")).unwrap();
    assert!(
        window
            .series(a, column("request_rate"))
            .unwrap()
            .iter()
            .all(|x| x.is_nan())
    );
}

#[test]
fn nodes_unseen_for_the_retention_are_retired_and_declared_ones_stay() {
    let mut builder = GraphBuilder::new(ten_second_steps().retention_steps(3)).unwrap();
    builder.declare_edge(
        service("x"),
        service("y"),
        astern_graph_core::EdgeKind::Calls,
    );
    builder.extend([call(0, "a", "b", 1).into()]);
    assert_eq!(builder.build().node_count(), 4);
    builder.advance(secs(100));
    let graph = builder.build();
    assert_eq!(graph.keys(), [service("x"), service("y")]);
    assert_eq!(graph.edge_count(), 1);
}

#[test]
fn instances_know_their_service_and_newest_revision() {
    let pod = NodeKey::instance("cart-1");
    let party = |revision: &str| Party::new(service("cart")).on(pod.clone(), revision.into());
    let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
    builder.extend([
        Call::new(secs(20), party("v2")).into(),
        Call::new(secs(10), party("v1")).into(),
    ]);
    let graph = builder.build();
    assert_eq!(graph.owner(&pod), Some(&service("cart")));
    assert_eq!(graph.revision(&pod), Some(&Revision::from("v2")));
    assert_eq!(
        graph.instances(&service("cart")).collect::<Vec<_>>(),
        [&pod]
    );
}

#[test]
fn a_builder_survives_a_restart_at_any_point() {
    let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
    builder.advance(secs(10));
    let mut first = call(5, "a", "b", 7);
    first.id = Some(SpanId::new(1, 2));
    builder.extend([first.clone().into()]);
    let mut restored = GraphBuilder::from_bytes(&builder.to_bytes().unwrap()).unwrap();
    // It remembers spans, so a redelivered record is still a duplicate.
    assert_eq!(restored.extend([first.into()]).duplicate, 1);
    assert!(GraphBuilder::from_bytes(b"nonsense").is_err());
}

#[test]
fn parameters_outside_their_rules_are_refused() {
    for bad in [
        GraphParams::default().step(Duration::ZERO),
        GraphParams::default().step(Duration::MAX),
        GraphParams::default().retention_steps(0),
        GraphParams::default().limits(0, 1),
        GraphParams::default().limits(1, 0),
    ] {
        assert!(GraphBuilder::new(bad).is_err());
    }
}

fn any_record() -> impl Strategy<Value = Record> {
    let name = prop::sample::select(vec!["a", "b", "c"]);
    prop_oneof![
        (
            0..100i64,
            name.clone(),
            name.clone(),
            0..500u64,
            any::<bool>()
        )
            .prop_map(|(at, from, to, ms, failed)| {
                let status = if failed {
                    CallStatus::Error
                } else {
                    CallStatus::Ok
                };
                call(at, from, to, ms).ended(status).into()
            }),
        (0..100i64, name, -1e6..1e6f64).prop_map(|(at, node, value)| {
            Sample::new(secs(at), service(node), "cpu_utilisation", value).into()
        }),
    ]
}

/// Everything that a user can see of a graph; missing values compare equal by their bits.
fn seen(graph: &TemporalGraph) -> String {
    let window = graph.window(NodeKind::Service, range(0, 100)).unwrap();
    let bits: Vec<u64> = window.values.iter().map(|x| x.to_bits()).collect();
    let edges: Vec<_> = graph.edges().collect();
    format!("{:?} {:?} {edges:?} {bits:?}", window.rows, window.schema)
}

proptest! {
    #[test]
    fn any_order_of_records_gives_the_same_graph(
        records in prop::collection::vec(any_record(), 1..60), seed in any::<u64>(),
    ) {
        let mut shuffled = records.clone();
        shuffled.sort_by_key(|r| (format!("{r:?}").len() as u64).wrapping_mul(seed | 1));
        let build = |records: Vec<Record>| {
            let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
            builder.extend(records);
            builder.build()
        };
        prop_assert_eq!(seen(&build(records)), seen(&build(shuffled)));
    }

    #[test]
    fn a_graph_round_trips_through_bytes(records in prop::collection::vec(any_record(), 1..40)) {
        let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
        builder.extend(records);
        let graph = builder.build();
        let bytes = graph.to_bytes().unwrap();
        prop_assert_eq!(seen(&graph), seen(&TemporalGraph::from_bytes(&bytes).unwrap()));
    }

    #[test]
    fn damaged_bytes_are_refused_or_read_but_never_panic(
        flip in any::<prop::sample::Index>(), value in any::<u8>(),
    ) {
        let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
        builder.extend([call(5, "a", "b", 7).into()]);
        let mut bytes = builder.build().to_bytes().unwrap();
        let at = flip.index(bytes.len());
        bytes[at] = value;
        if let Ok(graph) = TemporalGraph::from_bytes(&bytes) {
            let _ = graph.callers_first();
            let _ = graph.window(NodeKind::Service, range(0, 100));
        }
    }
}
