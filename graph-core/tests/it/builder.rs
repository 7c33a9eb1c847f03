//! What a builder takes, what it counts, and that order does not matter.

use std::time::Duration;

use astern_graph_core::{
    Call, CallBatch, CallStatus, ChangeEvent, ChangeKind, ChangePhase, Dependency, Durations,
    EdgeKind, GraphBuilder, GraphParams, NodeKey, NodeKind, Party, PlannedShare, Record,
    RestoreError, Reversibility, Revision, Sample, Schedule, ScheduleError, SliceBy, SpanId,
    TemporalGraph, TrafficShare,
};
use proptest::prelude::*;

use crate::support::{call, calls, range, secs, service, ten_second_steps};

#[test]
fn every_bad_record_is_counted_by_reason() {
    let mut builder = GraphBuilder::new(ten_second_steps().nodes_max(3).metrics_max(1)).unwrap();
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
fn a_batch_that_cannot_be_is_malformed_and_one_without_calls_makes_its_parties_known() {
    let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
    let party = || Party::new(service("a")).on(NodeKey::instance("a-1"), "v2".into());
    let batch = |calls| CallBatch::new(secs(5), party(), calls);
    let report = builder.extend([
        batch(2).failed(3).into(),
        batch(0).from(Party::new(service("web"))).into(),
    ]);
    assert_eq!((report.malformed, report.accepted), (1, 1));
    let graph = builder.build();
    assert_eq!(graph.edges().count(), 1);
    let instance = NodeKey::instance("a-1");
    assert_eq!(
        graph.instances(&service("a")).collect::<Vec<_>>(),
        [&instance]
    );
    assert_eq!(
        graph
            .calls_received(&service("a"), range(0, 10))
            .unwrap()
            .calls,
        0
    );
}

#[test]
fn a_change_with_a_schedule_of_the_past_is_malformed_and_any_other_is_stored() {
    let stage = |at, percent| PlannedShare::new(secs(at), TrafficShare::percent(percent).unwrap());
    let schedule = Schedule::new([stage(60, 5), stage(120, 50)]).unwrap();
    let step = |at| {
        let change = ChangeEvent::new("a@2", secs(at), service("a"), None, "v2".into());
        change.scheduled(schedule.clone())
    };
    let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
    let report = builder.extend([step(61).into(), step(60).into()]);
    assert_eq!((report.malformed, report.accepted), (1, 1));
    let late = ScheduleError::Past {
        first: secs(60),
        step: secs(61),
    };
    assert_eq!(step(61).check(), Err(late));
    let bytes = builder.to_bytes().unwrap();
    let restored = GraphBuilder::from_bytes(&bytes, ten_second_steps()).unwrap();
    let id = "a@2".into();
    let graph = restored.build();
    assert_eq!(graph.change_steps(&id).next(), Some(&step(60)));
}

#[test]
fn a_sample_of_a_part_is_one_of_its_instance_or_else_of_its_revision_and_segment() {
    let cpu = "cpu_utilisation".into();
    let part =
        |party: Party, value| Record::from(Sample::new(secs(5), party, "cpu_utilisation", value));
    let cart = || Party::new(service("cart"));
    let pod = NodeKey::instance("cart-1");
    let mut builder = GraphBuilder::new(ten_second_steps().slices_max(1)).unwrap();
    let report = builder.extend([
        part(cart().on(pod.clone(), "v1".into()), 0.1),
        part(cart().running("v2".into()).segment("eu"), 0.5),
        part(cart().running("v3".into()), 0.9),
        part(cart(), 0.7),
    ]);
    assert_eq!((report.accepted, report.unsliced), (4, 1));
    let graph = builder.build();
    assert_eq!(graph.revision(&pod).map(Revision::as_str), Some("v1"));
    let of = |key: &NodeKey| graph.series(key, &cpu, range(0, 10)).unwrap();
    assert_eq!(of(&pod), [0.1]);
    assert_eq!(of(&service("cart")), [0.7]);
    for by in [SliceBy::Revision, SliceBy::Segment] {
        let slices = graph.calls_by(&service("cart"), by, range(0, 10));
        let values: Vec<f64> = slices[0].1.sampled(&cpu).collect();
        assert_eq!((slices.len(), values), (1, vec![0.5]), "{by}");
    }
}

proptest! {
    #[test]
    fn a_batch_is_the_same_as_its_calls(
        calls in prop::collection::vec((1..5_000u64, 0..3u8), 0..40), over_edge in any::<bool>(), cut in 0..40usize,
    ) {
        let callee = || Party::new(service("b")).on(NodeKey::instance("b-1"), "v1".into()).segment("eu");
        let caller = over_edge.then(|| Party::new(service("a")));
        let single = calls.iter().map(|(ms, outcome)| {
            let status = [CallStatus::Ok, CallStatus::Error, CallStatus::ClientError][usize::from(*outcome)];
            let mut call = Call::new(secs(5), callee()).took(None, Some(Duration::from_millis(*ms))).ended(status);
            call.caller = caller.clone();
            Record::from(call)
        });
        let (one, other) = calls.split_at(cut.min(calls.len()));
        let batches = [one, other].into_iter().filter(|part| !part.is_empty()).map(|part| {
            let of = |outcome| part.iter().filter(|(_, ended)| *ended == outcome).count() as u64;
            let values = part.iter().map(|(ms, _)| (*ms as f64, 1)).collect();
            let mut batch = CallBatch::new(secs(5), callee(), part.len() as u64).failed(of(1)).refused(of(2));
            batch.caller = caller.clone();
            Record::from(batch.took(None, Some(Durations::Values(values))))
        });
        let graph = |records: &mut dyn Iterator<Item = Record>| {
            let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
            builder.extend(records);
            builder.build().to_bytes().unwrap()
        };
        prop_assert_eq!(graph(&mut single.into_iter()), graph(&mut batches.into_iter()));
    }
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
fn nodes_unseen_for_the_retention_are_retired_and_declared_ones_stay() {
    let mut builder = GraphBuilder::new(ten_second_steps().retention_steps(3)).unwrap();
    builder.declare_edge(service("x"), service("y"), EdgeKind::Calls);
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
fn instances_known_from_a_change_or_as_callers_stay_for_the_retention() {
    let params = || ten_second_steps().retention_steps(3);
    let (old, pod) = (NodeKey::instance("cart-1"), NodeKey::instance("web-1"));
    let change = ChangeEvent::new("c1", secs(100), service("cart"), None, "v2".into());
    let change = change.reached(ChangePhase::Completed, vec![old.clone()]);
    let web = Party::new(service("web")).on(pod.clone(), "v1".into());
    let call = Call::new(secs(100), Party::new(service("cart"))).from(web);
    let records: [Record; 2] = [change.into(), call.into()];
    // In one batch, or with time reported in between and once more within the same step.
    let mut at_once = GraphBuilder::new(params()).unwrap();
    at_once.extend(records.clone());
    at_once.advance(secs(125));
    let mut one_by_one = GraphBuilder::new(params()).unwrap();
    for (record, now) in records.into_iter().zip([100, 110]) {
        one_by_one.advance(secs(now));
        assert_eq!(one_by_one.extend([record]).accepted, 1);
    }
    one_by_one.advance(secs(121));
    one_by_one.advance(secs(125));
    for mut builder in [at_once, one_by_one] {
        let graph = builder.build();
        assert_eq!(graph.owner(&old), Some(&service("cart")));
        assert_eq!(graph.revision(&old), Some(&Revision::from("v2")));
        assert_eq!(graph.revision(&pod), Some(&Revision::from("v1")));
        builder.advance(secs(130));
        let graph = builder.build();
        assert_eq!((graph.node_count(), graph.edge_count()), (0, 0));
        assert!(graph.changes(range(0, 1_000)).is_empty());
    }
}

#[test]
fn what_is_older_than_the_retention_is_late() {
    let long = Duration::from_secs(1_000);
    let params = ten_second_steps().retention_steps(3).lateness(long);
    let mut builder = GraphBuilder::new(params).unwrap();
    builder.advance(secs(105));
    let at = |s| Record::from(Sample::new(secs(s), service("a"), "cpu", 1.0));
    assert_eq!(builder.extend([at(79)]).late, 1);
    assert_eq!(builder.extend([at(80)]).accepted, 1);
}

#[test]
fn a_change_may_be_announced_as_long_as_its_step_is_held() {
    let mut builder = GraphBuilder::new(ten_second_steps().retention_steps(30)).unwrap();
    builder.advance(secs(1_000));
    let pod = NodeKey::instance("a-1");
    let at = |s| {
        let change = ChangeEvent::new("c1", secs(s), service("a"), None, "v2".into());
        Record::from(change.reached(ChangePhase::Started, vec![pod.clone()]))
    };
    assert_eq!(builder.extend([at(710)]).accepted, 1);
    assert_eq!(builder.extend([at(709)]).late, 1);
    assert_eq!(builder.extend([at(1_021)]).future, 1);
    let graph = builder.build();
    assert_eq!(graph.changes(range(0, 2_000)).len(), 1);
    assert_eq!(graph.revision(&pod), Some(&Revision::from("v2")));
}

#[test]
fn a_reported_dependency_is_an_edge_for_the_retention() {
    let params = ten_second_steps().retention_steps(3).nodes_max(2);
    let mut builder = GraphBuilder::new(params).unwrap();
    builder.advance(secs(100));
    let edge = |at, to| {
        Record::from(Dependency::new(
            secs(at),
            service("a"),
            service(to),
            EdgeKind::Calls,
        ))
    };
    let report = builder.extend([
        edge(100, "b"),
        edge(100, "one node too many"),
        edge(79, "b"),
    ]);
    assert_eq!((report.accepted, report.over_limit, report.late), (1, 1, 1));
    let graph = builder.build();
    let (a, b) = (graph.id(&service("a")), graph.id(&service("b")));
    assert_eq!(graph.callees(a.unwrap()).collect::<Vec<_>>(), [b.unwrap()]);
    // It carried no call.
    let calls = graph.calls_between(&service("a"), &service("b"), range(0, 200));
    assert_eq!(calls.map(|calls| calls.calls), Some(0));
    builder.advance(secs(110));
    builder.extend([edge(110, "b")]);
    builder.advance(secs(139));
    assert_eq!(builder.build().edge_count(), 1);
    builder.advance(secs(140));
    assert_eq!(builder.build().edge_count(), 0);
}

#[test]
fn only_change_events_equal_in_every_field_are_duplicates() {
    let event = |name: &str| ChangeEvent::new("c1", secs(5), service(name), None, "v2".into());
    let started = |pods: &[&str]| {
        let pods = pods.iter().map(|p| NodeKey::instance(*p)).collect();
        event("a").reached(ChangePhase::Started, pods)
    };
    let mut other_revision = event("a");
    other_revision.to = "v3".into();
    let mut known_before = event("a");
    known_before.from = Some("v1".into());
    let ordered = [
        event("a"),
        known_before,
        event("a").by(ChangeKind::Config),
        event("a").undo(Reversibility::ExpandContract),
        started(&["a-1"]),
        started(&["a-1", "a-2"]),
        started(&["a-2"]),
        other_revision,
        event("b"),
        event("a").reached(ChangePhase::Completed, Vec::new()),
    ];
    let held = |events: Vec<ChangeEvent>| {
        let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
        let report = builder.extend(events.iter().cloned().map(Record::from));
        assert_eq!(report.accepted, events.len() as u64);
        let again = builder.extend(events.into_iter().map(Record::from));
        assert_eq!(again.duplicate, again.total());
        builder.build().changes(range(0, 10)).to_vec()
    };
    let forth = held(ordered.to_vec());
    let back = held(ordered.iter().rev().cloned().collect());
    assert_eq!(forth, back);
    assert_eq!(forth.len(), ordered.len());
    // By phase, service, revision, instances; then by the rest.
    assert_eq!(forth[4..], ordered[4..]);
}

#[test]
fn metrics_that_left_the_retention_make_room() {
    let params = ten_second_steps()
        .retention_steps(3)
        .nodes_max(10)
        .metrics_max(2);
    let mut builder = GraphBuilder::new(params).unwrap();
    let mut take = |at, metric: &str| {
        builder.advance(secs(at));
        let on_edge = Sample::new(secs(at), calls("a", "b"), metric, 1.0);
        builder.extend([on_edge.into()]).accepted
    };
    assert_eq!((take(0, "m1"), take(10, "m2"), take(20, "m3")), (1, 1, 0));
    // Now `m1` has left, `m2` not yet.
    assert_eq!((take(30, "m3"), take(30, "m4"), take(30, "m2")), (1, 0, 1));
    assert_eq!(
        (take(39, "m4"), take(100, "m4"), take(100, "m1")),
        (0, 1, 1)
    );
}

#[test]
fn edges_and_change_events_over_the_limit_are_counted() {
    let params = ten_second_steps().edges_max(1).changes_max(1);
    let mut builder = GraphBuilder::new(params.retention_steps(3)).unwrap();
    let event = |at| ChangeEvent::new("c1", secs(at), service("a"), None, "v2".into());
    let mut over = call(5, "b", "a", 1);
    over.id = Some(SpanId::new(1, 1));
    let report = builder.extend([
        call(5, "a", "b", 1).into(),
        call(6, "a", "b", 1).into(),
        over.clone().into(),
        Sample::new(secs(5), calls("b", "a"), "retries", 1.0).into(),
        Sample::new(secs(5), calls("a", "b"), "retries", 1.0).into(),
        event(5).into(),
        event(5).into(),
        event(6).into(),
    ]);
    assert_eq!((report.accepted, report.duplicate), (4, 1));
    assert_eq!(report.over_limit, 3);
    let graph = builder.build();
    assert_eq!(graph.edge_count(), 1);
    assert_eq!(graph.changes(range(0, 10)), [event(5)]);
    // Refused, it was not remembered: with room it is taken.
    builder.advance(secs(100));
    over.at = secs(100);
    let report = builder.extend([over.into(), event(100).into()]);
    assert_eq!(report.accepted, 2);
}

#[test]
fn a_service_that_calls_itself_counts_once() {
    let mut builder = GraphBuilder::new(ten_second_steps().nodes_max(1).metrics_max(1)).unwrap();
    assert_eq!(builder.extend([call(0, "a", "a", 1).into()]).accepted, 1);
}

#[test]
fn a_stored_builder_has_the_parameters_of_its_new_holder() {
    let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
    builder.extend([call(5, "a", "b", 7).into()]);
    let bytes = builder.to_bytes().unwrap();
    let restored = |params| GraphBuilder::from_bytes(&bytes, params);
    let refused = restored(ten_second_steps().nodes_max(0)).unwrap_err();
    assert!(matches!(refused, RestoreError::Param(_)), "{refused}");
    let refused = restored(GraphParams::default()).unwrap_err();
    let text = "the stored steps are 10s long, the parameters say 60s";
    assert_eq!(refused.to_string(), text);
    // Less room than what is held stops what is new.
    let mut small = restored(ten_second_steps().nodes_max(1)).unwrap();
    assert_eq!(small.build(), builder.build());
    let report = small.extend([call(6, "a", "b", 7).into(), call(6, "a", "c", 7).into()]);
    assert_eq!((report.accepted, report.over_limit), (1, 1));
}

#[test]
fn a_builder_survives_a_restart_at_any_point() {
    let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
    builder.advance(secs(10));
    let mut first = call(5, "a", "b", 7);
    first.id = Some(SpanId::new(1, 2));
    builder.extend([first.clone().into()]);
    let mut restored =
        GraphBuilder::from_bytes(&builder.to_bytes().unwrap(), ten_second_steps()).unwrap();
    // It remembers spans, so a redelivered record is still a duplicate.
    assert_eq!(restored.extend([first.into()]).duplicate, 1);
    assert!(GraphBuilder::from_bytes(b"nonsense", ten_second_steps()).is_err());
}

#[test]
fn parameters_outside_their_rules_are_refused() {
    assert!(GraphBuilder::new(GraphParams::default().retention_steps(1_000_000)).is_ok());
    for bad in [
        GraphParams::default().step(Duration::ZERO),
        GraphParams::default().step(Duration::MAX),
        GraphParams::default().retention_steps(0),
        GraphParams::default().retention_steps(1_000_001),
        GraphParams::default().nodes_max(0),
        GraphParams::default().metrics_max(0),
        GraphParams::default().edges_max(0),
        GraphParams::default().changes_max(0),
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
        (0..100i64, name.clone(), -1e6..1e6f64).prop_map(|(at, node, value)| {
            Sample::new(secs(at), service(node), "cpu_utilisation", value).into()
        }),
        (0..100i64, name.clone(), name.clone(), -1e6..1e6f64).prop_map(|(at, from, to, value)| {
            Sample::new(secs(at), calls(from, to), "retries", value).into()
        }),
        (0..3i64, name.clone(), name).prop_map(|(at, node, to)| {
            ChangeEvent::new("c", secs(at), service(node), None, Revision::from(to)).into()
        }),
    ]
}

/// Everything that a user can see of a graph; missing values compare equal by their bits.
fn seen(graph: &TemporalGraph) -> String {
    let window = graph.window(NodeKind::Service, range(0, 100)).unwrap();
    let bits: Vec<u64> = window.values.iter().map(|x| x.to_bits()).collect();
    let edges: Vec<_> = graph.edges().collect();
    let over_edges: Vec<Vec<u64>> = edges
        .iter()
        .flat_map(|(from, to, kind)| {
            let [from, to] = [from, to].map(|id| graph.key(*id).unwrap());
            ["request_rate", "latency_ms_p95", "retries"].map(|metric| {
                let range = range(0, 100);
                let series = graph.edge_series(from, to, *kind, &metric.into(), range);
                series.unwrap().iter().map(|x| x.to_bits()).collect()
            })
        })
        .collect();
    let changes = graph.changes(range(0, 100));
    let axes = (window.rows, window.schema);
    format!("{axes:?} {edges:?} {bits:?} {over_edges:?} {changes:?}")
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
    fn damaged_bytes_are_refused(
        flip in any::<prop::sample::Index>(), mask in 1..=u8::MAX,
    ) {
        let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
        builder.extend([call(5, "a", "b", 7).into()]);
        let damage = |mut bytes: Vec<u8>| {
            let at = flip.index(bytes.len());
            bytes[at] ^= mask;
            bytes
        };
        let graph = damage(builder.build().to_bytes().unwrap());
        prop_assert!(TemporalGraph::from_bytes(&graph).is_err());
        let builder = damage(builder.to_bytes().unwrap());
        prop_assert!(GraphBuilder::from_bytes(&builder, ten_second_steps()).is_err());
    }
}
