//! Laws of builders: order, merging, round trips.

use std::time::Duration;

use astern_graph_core::{
    Call, CallBatch, CallStatus, ChangeEvent, ChangePhase, Dependency, Durations, EdgeKind,
    GraphBuilder, GraphParams, MergeError, NodeKey, NodeKind, Party, Record, Sample, SampleSubject,
    SliceBy, SpanId, Subject, TemporalGraph, TimeRange,
};
use proptest::prelude::*;

use crate::support::secs;

const STEP: i64 = 10;
const LATENESS: i64 = 25;

fn params() -> GraphParams {
    GraphParams::default()
        .step(Duration::from_secs(STEP.unsigned_abs()))
        .lateness(Duration::from_secs(LATENESS.unsigned_abs()))
        .retention_steps(8)
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c", "d"])
}

fn party() -> impl Strategy<Value = Party> {
    (name(), any::<[bool; 3]>(), name()).prop_map(|(name, [on, hosted, segmented], other)| {
        let mut party = Party::new(NodeKey::service(name));
        if on {
            party = party.on(NodeKey::instance(format!("{name}-{other}")), other.into());
        }
        if hosted {
            party = party.hosted(NodeKey::host(other));
        }
        if segmented {
            party = party.segment(other);
        }
        party
    })
}

fn any_call() -> impl Strategy<Value = Record> {
    let kinds = vec![
        EdgeKind::Calls,
        EdgeKind::Reads,
        EdgeKind::Publishes,
        EdgeKind::Consumes,
    ];
    let took = || prop::option::of((0..5_000_u64).prop_map(Duration::from_micros));
    let parts = (
        0..200_i64,
        prop::option::of(party()),
        party(),
        any::<bool>(),
    );
    (parts, prop::sample::select(kinds), took(), took(), took()).prop_map(
        |((at, caller, callee, failed), kind, client, server, exclusive)| {
            let mut call = Call::new(secs(at), callee).over(kind).took(client, server);
            call.caller = caller;
            call.exclusive = exclusive;
            if failed {
                call.status = CallStatus::Error;
            }
            call.into()
        },
    )
}

fn any_durations(calls: u64) -> impl Strategy<Value = Option<Durations>> {
    let ms = || 0.0..5e3f64;
    prop_oneof![
        Just(None),
        ms().prop_map(move |ms| Some(Durations::Values(vec![(ms, calls)]))),
        ms().prop_map(move |ms| Some(Durations::Buckets(vec![
            (ms, calls / 2),
            (2.0 * ms + 1.0, calls)
        ]))),
        ms().prop_map(|ms| Some(Durations::Quantiles(vec![(0.5, ms), (0.95, 3.0 * ms)]))),
        ms().prop_map(|ms| Some(Durations::Mean(ms))),
    ]
}

fn any_batch() -> impl Strategy<Value = Record> {
    let parts = (
        0..200_i64,
        prop::option::of(party()),
        party(),
        0..30_u64,
        0..20_u64,
    );
    parts.prop_flat_map(|(at, caller, callee, calls, errors)| {
        let durations = (any_durations(calls), any_durations(calls));
        durations.prop_map(move |(client, server)| {
            let mut batch = CallBatch::new(secs(at), callee.clone(), calls);
            batch.caller.clone_from(&caller);
            batch.failed(errors).took(client, server).into()
        })
    })
}

fn any_dependency() -> impl Strategy<Value = Record> {
    (0..200_i64, name(), name()).prop_map(|(at, from, to)| {
        let [from, to] = [from, to].map(NodeKey::service);
        Dependency::new(secs(at), from, to, EdgeKind::Calls).into()
    })
}

fn any_record() -> impl Strategy<Value = Record> {
    let edge = (name(), name()).prop_map(|(from, to)| Subject::Edge {
        from: NodeKey::service(from),
        to: NodeKey::service(to),
        kind: EdgeKind::Calls,
    });
    let node = name().prop_map(|name| SampleSubject::from(NodeKey::service(name)));
    let part = party().prop_map(SampleSubject::from);
    let subject = prop_oneof![edge.prop_map(SampleSubject::from), node, part];
    let phases = [
        ChangePhase::Started,
        ChangePhase::Completed,
        ChangePhase::RolledBack,
    ];
    prop_oneof![
        4 => any_call(),
        2 => any_batch(),
        1 => any_dependency(),
        1 => (0..200_i64, subject, -9..9_i32).prop_map(|(at, subject, value)| {
            Sample::new(secs(at), subject, "cpu", f64::from(value) / 8.0).into()
        }),
        1 => (0..200_i64, name(), prop::sample::select(phases.to_vec())).prop_map(|(at, name, phase)| {
            let pods = vec![NodeKey::instance(format!("{name}-0"))];
            let service = NodeKey::service(name);
            let event = ChangeEvent::new(name, secs(at), service, Some("a".into()), "b".into());
            event.reached(phase, pods).into()
        }),
    ]
}

/// Every record its own span, so that none is a duplicate of another.
fn with_spans(records: &mut [Record]) {
    for (i, record) in (0..).zip(records) {
        if let Record::Call(call) = record {
            call.id = Some(SpanId::new(1, i));
        }
    }
}

/// Sets the time step by step, and each record as late as `delay` says, within the bound.
fn streamed(records: &[(Record, i64)]) -> TemporalGraph {
    let mut builder = GraphBuilder::new(params()).unwrap();
    let mut dropped = 0;
    for now in 0..240 {
        builder.advance(secs(now));
        let due = records
            .iter()
            .filter(|(record, delay)| record.at() == secs(now - delay));
        dropped += builder
            .extend(due.map(|(record, _)| record.clone()))
            .dropped();
    }
    let malformed = records.iter().filter(|(record, _)| match record {
        Record::Call(call) => call.kind == EdgeKind::Consumes && call.caller.is_none(),
        Record::Batch(batch) => batch.check().is_err(),
        _ => false,
    });
    // Two equal change events are one; all else was taken.
    assert!(dropped >= malformed.count() as u64);
    builder.build()
}

proptest! {
    #[test]
    fn any_order_within_the_bound_gives_the_same_snapshots(
        records in prop::collection::vec((any_record(), 0..=LATENESS), 1..60),
    ) {
        let mut plain: Vec<Record> = records.iter().map(|(record, _)| record.clone()).collect();
        with_spans(&mut plain);
        let delays = records.iter().map(|(_, delay)| *delay);
        let late: Vec<_> = plain.iter().cloned().zip(delays).collect();
        let prompt: Vec<_> = plain.into_iter().map(|record| (record, 0)).collect();
        let (late, prompt) = (streamed(&late), streamed(&prompt));
        prop_assert_eq!(&late, &prompt);
        prop_assert_eq!(late.to_bytes().unwrap(), prompt.to_bytes().unwrap());
    }

    #[test]
    fn two_builders_merge_into_what_one_would_have_made(
        mut records in prop::collection::vec(any_record(), 0..60), sides in any::<u64>(),
    ) {
        with_spans(&mut records);
        let empty = || GraphBuilder::new(params()).unwrap();
        let (mut left, mut right, mut one) = (empty(), empty(), empty());
        for (i, record) in records.into_iter().enumerate() {
            let side = if sides >> (i % 64) & 1 == 0 { &mut left } else { &mut right };
            side.extend([record.clone()]);
            one.extend([record]);
        }
        // Each has its own idea of the time, as shards have.
        left.advance(secs(210));
        right.advance(secs(230));
        one.advance(secs(230));
        let mut other_way = right.clone();
        other_way.merge(&left).unwrap();
        left.merge(&right).unwrap();
        prop_assert_eq!(left.to_bytes().unwrap(), one.to_bytes().unwrap());
        prop_assert_eq!(other_way.to_bytes().unwrap(), one.to_bytes().unwrap());
        prop_assert_eq!(left.build(), one.build());
    }

    #[test]
    fn bytes_bring_back_the_same_graph_and_the_same_builder(
        mut records in prop::collection::vec(any_record(), 0..40),
    ) {
        with_spans(&mut records);
        let mut builder = GraphBuilder::new(params()).unwrap();
        builder.extend(records.clone());
        let graph = builder.build();
        let restored = TemporalGraph::from_bytes(&graph.to_bytes().unwrap()).unwrap();
        prop_assert_eq!(&restored, &graph);
        let json = serde_json::to_string(&graph).unwrap();
        prop_assert_eq!(&serde_json::from_str::<TemporalGraph>(&json).unwrap(), &graph);
        let mut again = GraphBuilder::from_bytes(&builder.to_bytes().unwrap(), params()).unwrap();
        prop_assert_eq!(again.build(), graph);
        let calls = records.iter().filter(|r| matches!(r, Record::Call(_))).count() as u64;
        let sent_twice = again.extend(records);
        prop_assert!(sent_twice.duplicate + sent_twice.malformed >= calls);
    }

    #[test]
    fn views_agree_with_each_other(records in prop::collection::vec(any_call(), 1..40)) {
        let mut builder = GraphBuilder::new(params()).unwrap();
        builder.extend(records);
        let graph = builder.build();
        let all = TimeRange::new(secs(0), secs(200)).unwrap();
        let half = TimeRange::new(secs(0), secs(100)).unwrap();
        let early = graph.during(half).unwrap();
        for key in graph.keys().iter().filter(|key| key.kind == NodeKind::Service) {
            let received = graph.calls_received(key, all).unwrap();
            for by in [SliceBy::Instance, SliceBy::Revision, SliceBy::Segment] {
                let slices = graph.calls_by(key, by, all);
                let calls: u64 = slices.iter().map(|(_, summary)| summary.calls).sum();
                prop_assert!(calls <= received.calls);
            }
            let before = graph.calls_received(key, half).unwrap();
            let of_part = early.calls_received(key, all).map_or(0, |summary| summary.calls);
            prop_assert_eq!(before.calls, of_part);
            let rate = graph.series(key, &"request_rate".into(), all).unwrap();
            let seen: f64 = rate.iter().filter(|x| x.is_finite()).sum::<f64>() * STEP as f64;
            prop_assert!((seen - received.calls as f64).abs() < 1e-6);
        }
    }
}

#[test]
fn builders_that_do_not_fit_together_are_refused_and_stay_as_they_were() {
    let call = |span, to: &str| {
        let mut call = Call::new(secs(5), Party::new(NodeKey::service(to)));
        call.id = Some(SpanId::new(1, span));
        Record::from(call)
    };
    let of = |params: GraphParams, records: Vec<Record>| {
        let mut builder = GraphBuilder::new(params).unwrap();
        builder.extend(records);
        builder
    };
    let mut one = of(params(), vec![call(1, "a")]);
    let before = one.to_bytes().unwrap();
    let other_step = of(GraphParams::default(), Vec::new());
    assert_eq!(one.merge(&other_step), Err(MergeError::Params));
    let same_span = of(params(), vec![call(1, "a"), call(2, "a")]);
    assert_eq!(
        one.merge(&same_span),
        Err(MergeError::SameSpans { spans: 1 })
    );
    assert_eq!(one.to_bytes().unwrap(), before);

    let small = || {
        params()
            .nodes_max(1)
            .metrics_max(1)
            .edges_max(1)
            .spans_max(1)
    };
    let mut one = of(small(), vec![call(1, "a")]);
    let before = one.to_bytes().unwrap();
    let mut plain = Call::new(secs(5), Party::new(NodeKey::service("b")));
    plain.id = None;
    let refused = one.merge(&of(small(), vec![plain.into()])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "together the two builders hold 2 nodes; the limit is 1"
    );
    let refused = one.merge(&of(small(), vec![call(2, "a")])).unwrap_err();
    assert!(matches!(
        refused,
        MergeError::TooMany {
            what: "spans",
            count: 2,
            limit: 1
        }
    ));
    assert_eq!(one.to_bytes().unwrap(), before);
}

#[test]
fn calls_of_one_span_that_differ_all_count_in_any_order() {
    let call = |ms| {
        let took = Some(Duration::from_millis(ms));
        let mut call = Call::new(secs(5), Party::new(NodeKey::service("a"))).took(None, took);
        call.id = Some(SpanId::new(u128::MAX - 1, 7));
        Record::from(call)
    };
    let of = |order: &[u64]| {
        let mut builder = GraphBuilder::new(params()).unwrap();
        let report = builder.extend(order.iter().map(|ms| call(*ms)));
        (report, builder)
    };
    let (report, one) = of(&[1, 20, 300, 20]);
    let counts = (report.accepted, report.unlike, report.duplicate);
    assert_eq!(counts, (3, 2, 1));
    assert!(
        report
            .to_string()
            .contains("2 unlike another of the same span")
    );
    for order in [[300, 1, 20, 20], [20, 20, 300, 1], [1, 1, 300, 20]] {
        let (other, builder) = of(&order);
        assert_eq!(other, report, "{order:?}");
        assert_eq!(builder.to_bytes().unwrap(), one.to_bytes().unwrap());
    }
    // Also where they come to two builders, or to a restored one.
    let (_, mut half) = of(&[300]);
    half.merge(&of(&[1, 20]).1).unwrap();
    assert_eq!(half.to_bytes().unwrap(), one.to_bytes().unwrap());
    let mut restored = GraphBuilder::from_bytes(&one.to_bytes().unwrap(), params()).unwrap();
    assert_eq!(restored.extend([1, 20, 300].map(call)).duplicate, 3);
    assert_eq!(restored.to_bytes().unwrap(), one.to_bytes().unwrap());
}

#[test]
fn spans_over_the_limit_are_taken_and_counted() {
    let mut builder = GraphBuilder::new(params().spans_max(1)).unwrap();
    let call = |span| {
        let mut call = Call::new(secs(5), Party::new(NodeKey::service("a")));
        call.id = Some(SpanId::new(1, span));
        Record::from(call)
    };
    let report = builder.extend([call(1), call(2), call(2), call(1)]);
    assert_eq!(
        (report.accepted, report.unchecked, report.duplicate),
        (3, 2, 1)
    );
    // Once the first is forgotten there is room again.
    builder.advance(secs(100));
    let mut late = Call::new(secs(100), Party::new(NodeKey::service("a")));
    late.id = Some(SpanId::new(1, 3));
    let report = builder.extend([late.clone().into(), late.into()]);
    assert_eq!(
        (report.accepted, report.unchecked, report.duplicate),
        (1, 0, 1)
    );
}

#[test]
fn a_graph_of_ten_thousand_nodes_round_trips_exactly() {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    let key = |i: i64| NodeKey::service(format!("s{i:05}"));
    builder.extend((1..10_000).flat_map(|i| {
        let call = Call::new(secs(i % 600), Party::new(key(i))).from(Party::new(key(i / 3)));
        let micros = |x: i64| Some(Duration::from_micros(x.unsigned_abs()));
        let sample = Sample::new(secs(i % 600), key(i), "cpu", (i as f64).sqrt().recip());
        [
            Record::from(call.took(micros(7 * i + 40), micros(7 * i))),
            sample.into(),
        ]
    }));
    let graph = builder.build();
    assert_eq!((graph.node_count(), graph.edge_count()), (10_000, 9_999));
    let bytes = graph.to_bytes().unwrap();
    let restored = TemporalGraph::from_bytes(&bytes).unwrap();
    assert_eq!(restored, graph);
    assert_eq!(restored.to_bytes().unwrap(), bytes);
}

#[test]
fn a_stored_graph_is_checked() {
    let mut builder = GraphBuilder::new(params()).unwrap();
    let call = Call::new(secs(5), Party::new(NodeKey::service("b")));
    builder.extend([call.from(Party::new(NodeKey::service("a"))).into()]);
    let json = serde_json::to_string(&builder.build()).unwrap();
    assert!(serde_json::from_str::<TemporalGraph>(&json).is_ok());
    let refused = |from: &str, to: &str| {
        assert!(json.contains(from), "{json}");
        let broken = json.replacen(from, to, 1);
        serde_json::from_str::<TemporalGraph>(&broken)
            .unwrap_err()
            .to_string()
    };
    assert!(refused("service/a", "service/c").starts_with("node 0 of 2"));
    assert!(refused("[0,1,\"calls\"", "[0,7,\"calls\"").starts_with("edge 0 of 1"));
}
