//! What a graph distinguishes: edges, hosts, slices, changes, parts of the time.

use std::time::Duration;

use astern_graph_core::{
    Call, CallStatus, ChangeEvent, ChangeKind, ChangePhase, EdgeKind, GraphBuilder, GraphError,
    GraphParams, Link, NodeKey, NodeKind, Party, Record, Reversibility, Sample, Slice, SliceBy,
    TemporalGraph, TimeRange, Timestamp, TrafficShare, schema,
};

use crate::support::{range, secs, service};

#[allow(clippy::unnecessary_wraps, reason = "durations of calls are optional")]
fn ms(ms: u64) -> Option<Duration> {
    Some(Duration::from_millis(ms))
}

/// Of calls taken in ten-second steps.
fn graph(records: impl IntoIterator<Item = Record>) -> TemporalGraph {
    let params = GraphParams::default().step(Duration::from_secs(10));
    let mut builder = GraphBuilder::new(params).unwrap();
    let report = builder.extend(records);
    assert_eq!(report.dropped(), 0, "{report}");
    builder.build()
}

/// One instance of cart that runs a revision, called by the web for a segment.
fn cart(at: i64, pod: &str, revision: &str, segment: &str) -> Call {
    let cart = Party::new(service("cart"))
        .on(NodeKey::instance(pod), revision.into())
        .hosted(NodeKey::host("node-1"))
        .segment(segment);
    Call::new(secs(at), cart).from(Party::new(service("web")))
}

#[test]
fn hosts_carry_instances_and_services_and_a_fault_of_theirs_reaches_both() {
    let g = graph([cart(5, "cart-0", "v1", "eu").into()]);
    let host = NodeKey::host("node-1");
    assert_eq!(g.hosts(&service("cart")), [&host]);
    assert_eq!(g.hosts(&NodeKey::instance("cart-0")), [&host]);
    let hurt = g.blast_radius(g.id(&host).unwrap());
    let hurt: Vec<&NodeKey> = hurt.keys().map(|id| g.key(*id).unwrap()).collect();
    let expected = [
        service("cart"),
        service("web"),
        NodeKey::instance("cart-0"),
        host,
    ];
    assert_eq!(hurt, expected.iter().collect::<Vec<_>>());
}

#[test]
fn slices_tell_instances_revisions_and_segments_apart() {
    let g = graph([
        cart(5, "cart-0", "v1", "eu").into(),
        cart(5, "cart-0", "v1", "us").into(),
        cart(5, "cart-1", "v2", "eu")
            .ended(CallStatus::Error)
            .into(),
        Call::new(secs(5), Party::new(service("cart"))).into(),
    ]);
    let calls = |by| -> Vec<(String, u64)> {
        let slices = g.calls_by(&service("cart"), by, range(0, 10));
        slices
            .iter()
            .map(|(s, n)| (s.name.to_string(), n.calls))
            .collect()
    };
    let of = |names: [(&str, u64); 2]| names.map(|(name, n)| (name.to_owned(), n));
    assert_eq!(calls(SliceBy::Instance), of([("cart-0", 2), ("cart-1", 1)]));
    assert_eq!(calls(SliceBy::Revision), of([("v1", 2), ("v2", 1)]));
    assert_eq!(calls(SliceBy::Segment), of([("eu", 2), ("us", 1)]));
    // The fourth call states none of them.
    assert_eq!(
        g.calls_received(&service("cart"), range(0, 10))
            .unwrap()
            .calls,
        4
    );

    let window = g
        .slice_window(&service("cart"), SliceBy::Revision, range(0, 10))
        .unwrap();
    let v2 = window.row(&Slice::new(SliceBy::Revision, "v2")).unwrap();
    let errors = window.column(&schema::ERROR_RATE.into()).unwrap();
    assert_eq!(window.series(v2, errors).unwrap().to_vec(), [1.0]);
    let unknown = g.slice_window(&service("ads"), SliceBy::Revision, range(0, 10));
    assert!(matches!(unknown, Err(GraphError::UnknownNode { .. })));
    let none = g.slice_window(&service("web"), SliceBy::Segment, range(0, 10));
    assert!(matches!(none, Err(GraphError::NoSlices { .. })));
}

#[test]
fn slices_over_the_limit_are_counted_and_their_calls_kept() {
    let params = GraphParams::default().slices_max(1);
    let mut builder = GraphBuilder::new(params).unwrap();
    let report = builder.extend([
        cart(5, "cart-0", "v1", "eu").into(),
        cart(5, "cart-1", "v2", "eu").into(),
    ]);
    assert_eq!((report.accepted, report.unsliced), (2, 1));
    assert!(
        report
            .to_string()
            .ends_with("1 not distinguished by revision or segment")
    );
    let graph = builder.build();
    let received = graph
        .calls_received(&service("cart"), range(0, 60))
        .unwrap();
    assert_eq!(received.calls, 2);
    assert_eq!(
        graph
            .calls_by(&service("cart"), SliceBy::Revision, range(0, 60))
            .len(),
        1
    );
}

#[test]
fn an_edge_knows_both_sides_and_the_gap_between_them() {
    let [web, cart] = ["web", "cart"].map(service);
    let call = |client, server| {
        let call = Call::new(secs(5), Party::new(cart.clone())).from(Party::new(web.clone()));
        Record::from(call.took(client, server))
    };
    let g = graph([
        call(ms(50), ms(20)),
        call(ms(50), ms(20)),
        call(ms(70), None),
    ]);
    let window = g.edge_window(EdgeKind::Calls, range(0, 20)).unwrap();
    assert_eq!(
        window.rows,
        [Link::new(web.clone(), cart.clone(), EdgeKind::Calls)]
    );
    let value = |name: &str| window.values[[0, 0, window.column(&name.into()).unwrap()]];
    assert!((value(schema::LATENCY_MS_P95) - 50.0).abs() < 0.5);
    assert!((value(schema::SERVER_LATENCY_MS_P50) - 20.0).abs() < 0.2);
    assert!((value(schema::GAP_MS_P50) - 30.0).abs() < 0.3);
    assert!(window.values[[1, 0, 0]].is_nan());
    let over = g.calls_between(&web, &cart, range(0, 10)).unwrap();
    assert!((over.gap_ms(0.5).unwrap() - 30.0).abs() < 0.3);
    let none = g.edge_window(EdgeKind::Reads, range(0, 20));
    assert_eq!(
        none,
        Err(GraphError::NoEdges {
            kind: EdgeKind::Reads
        })
    );
}

#[test]
fn a_message_is_handled_by_its_consumer() {
    let queue = NodeKey::new(NodeKind::Queue, "orders");
    let [shop, mail] = ["shop", "mail"].map(|name| Party::new(service(name)));
    let at_queue = || Call::new(secs(5), Party::new(queue.clone()));
    let publish = at_queue()
        .from(shop)
        .over(EdgeKind::Publishes)
        .took(ms(2), None);
    let consume = at_queue()
        .from(mail)
        .over(EdgeKind::Consumes)
        .took(None, ms(80));
    let g = graph([publish.into(), consume.into()]);
    let received = |key: &NodeKey| g.calls_received(key, range(0, 10)).unwrap();
    assert_eq!(received(&queue).calls, 1);
    assert!((received(&service("mail")).latency_ms(0.5).unwrap() - 80.0).abs() < 0.8);
    assert_eq!(received(&service("shop")).calls, 0);
    let consumed = g.calls_over(&service("mail"), &queue, EdgeKind::Consumes, range(0, 10));
    assert_eq!(consumed.unwrap().calls, 1);
    // A fault at the shop reaches the consumer through the queue.
    let hurt = g.blast_radius(g.id(&service("shop")).unwrap());
    assert!(hurt.contains_key(&g.id(&service("mail")).unwrap()));
}

#[test]
fn calls_that_no_edge_can_carry_are_malformed() {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    let call = |kind| Call::new(secs(5), Party::new(service("a"))).over(kind);
    let by_nobody = call(EdgeKind::Consumes);
    let runs_on = call(EdgeKind::RunsOn).from(Party::new(service("b")));
    let report = builder.extend([by_nobody.into(), runs_on.into()]);
    assert_eq!((report.malformed, report.total()), (2, 2));
    assert_eq!(builder.build().node_count(), 0);
}

#[test]
fn own_time_and_the_slowest_are_columns_when_asked_for() {
    let mut call = Call::new(secs(5), Party::new(service("a"))).took(None, ms(100));
    call.exclusive = ms(30);
    let g = graph([call.into()]);
    let names = [
        schema::EXCLUSIVE_MS_P50,
        schema::LATENCY_MS_P99,
        "unheard_of",
    ]
    .map(Into::into);
    let window = g
        .window_of(NodeKind::Service, &names, range(0, 10))
        .unwrap();
    assert!((window.values[[0, 0, 0]] - 30.0).abs() < 0.3);
    assert!((window.values[[0, 0, 1]] - 100.0).abs() < 1.0);
    assert!(window.values[[0, 0, 2]].is_nan());
    let received = g.calls_received(&service("a"), range(0, 10)).unwrap();
    assert!((received.exclusive_ms(0.5).unwrap() - 30.0).abs() < 0.3);
    assert_eq!(g.metrics(&service("a")).len(), schema::CALL_FEATURES.len());
}

fn step(at: i64, phase: ChangePhase, pods: &[&str]) -> ChangeEvent {
    let pods = pods.iter().map(|pod| NodeKey::instance(*pod)).collect();
    ChangeEvent::new(
        "cart@2",
        secs(at),
        service("cart"),
        Some("v1".into()),
        "v2".into(),
    )
    .by(ChangeKind::Canary)
    .reached(phase, pods)
}

#[test]
fn a_rollout_is_given_as_it_stood_at_any_time() {
    let share = |points| TrafficShare::basis_points(points).unwrap();
    let g = graph([
        step(10, ChangePhase::Started, &["cart-0"])
            .carrying(share(500))
            .into(),
        step(20, ChangePhase::Progressed, &["cart-1", "cart-0"]).into(),
        step(30, ChangePhase::RolledBack, &["cart-1"])
            .carrying(share(100))
            .into(),
        step(40, ChangePhase::RolledBack, &[])
            .undo(Reversibility::ExpandContract)
            .into(),
    ]);
    assert!(g.rollouts(secs(9)).is_empty());
    let rollout = |at| g.rollouts(secs(at)).remove(0);
    let pods = |at| -> Vec<String> {
        rollout(at)
            .instances
            .iter()
            .map(|pod| pod.name.to_string())
            .collect()
    };
    assert_eq!(
        (pods(10), rollout(10).share),
        (vec!["cart-0".to_owned()], Some(share(500)))
    );
    assert_eq!((pods(29).len(), rollout(29).share), (2, Some(share(500))));
    assert!(rollout(29).is_open());
    assert_eq!(
        (pods(30), rollout(30).share),
        (vec!["cart-0".to_owned()], Some(share(100)))
    );
    assert!(pods(40).is_empty() && !rollout(40).is_open());
    assert_eq!(rollout(40).reversibility, Reversibility::ExpandContract);
    assert_eq!(
        (rollout(40).started_at, rollout(40).changed_at),
        (secs(10), secs(40))
    );
    // What was rolled back runs the revision before.
    assert_eq!(g.revision(&NodeKey::instance("cart-1")), Some(&"v1".into()));
    let json = serde_json::to_string(&rollout(30)).unwrap();
    assert_eq!(
        serde_json::from_str::<astern_graph_core::view::Rollout>(&json).unwrap(),
        rollout(30)
    );
}

#[test]
fn an_instance_tells_when_it_ran_what() {
    let g = graph([
        cart(5, "cart-0", "v1", "eu").into(),
        cart(25, "cart-0", "v1", "eu").into(),
        cart(35, "cart-0", "v2", "eu").into(),
    ]);
    let pod = NodeKey::instance("cart-0");
    let (v1, v2) = ("v1".into(), "v2".into());
    assert_eq!(
        g.revisions(&pod),
        [(&v1, range(0, 30)), (&v2, range(30, 40))]
    );
    assert!(g.revisions(&service("nobody")).is_empty());
}

#[test]
fn a_part_of_the_time_has_what_was_there_then() {
    let call = |at, from: &str, to: &str| {
        Record::from(Call::new(secs(at), Party::new(service(to))).from(Party::new(service(from))))
    };
    let g = graph([
        call(5, "web", "cart"),
        call(25, "web", "ads"),
        step(12, ChangePhase::Started, &[]).into(),
    ]);
    let early = g.during(range(0, 10)).unwrap();
    assert_eq!(early.keys(), [service("cart"), service("web")]);
    assert_eq!(
        (early.edge_count(), early.changes(range(0, 100)).len()),
        (1, 0)
    );
    let late = g.during(range(20, 30)).unwrap();
    assert_eq!(late.keys(), [service("ads"), service("web")]);
    // Steps without calls are there too, with what was named in them.
    let steps: Vec<_> = g.snapshots(range(0, 30)).unwrap().collect();
    let nodes: Vec<usize> = steps.iter().map(|(_, graph)| graph.node_count()).collect();
    assert_eq!(nodes, [2, 1, 2]);
    assert_eq!(steps[2].0, range(20, 30));
    assert_eq!(steps[2].1, late);
    assert_eq!(g.during(g.extent().unwrap()).unwrap(), g);
    let empty = TimeRange {
        start: secs(5),
        end: secs(5),
    };
    assert!(matches!(
        g.during(empty),
        Err(GraphError::EmptyRange { .. })
    ));
    assert!(g.snapshots(empty).is_err());
}

#[test]
fn gaps_are_listed() {
    let call = |at, to: &str| Record::from(Call::new(secs(at), Party::new(service(to))));
    let g = graph([call(5, "a"), call(15, "b"), call(45, "a")]);
    assert_eq!(
        g.gaps(range(0, 60)).unwrap(),
        [range(20, 40), range(50, 60)]
    );
    let of_b = g.node_gaps(&service("b"), range(0, 30)).unwrap();
    assert_eq!(of_b, [range(0, 10), range(20, 30)]);
    assert!(g.gaps(range(0, 10)).unwrap().is_empty());
    assert!(g.node_gaps(&service("c"), range(0, 10)).is_err());
}

#[test]
fn all_sampled_series_are_those_of_each_metric() {
    let cart = NodeKey::service("cart");
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    let at = |minute: i64| Timestamp::from_secs(60 * minute);
    for minute in 0..12 {
        // Metrics come, go and come back.
        for (i, name) in [(0, "b"), (1, "a"), (2, "d"), (3, "c")] {
            if (minute + i) % 3 != 0 {
                let value = minute as f64 + i as f64 / 8.0;
                builder.extend([
                    Sample::new(at(minute), cart.clone(), name, value).into(),
                    Sample::new(at(minute), cart.clone(), name, value + 1.0).into(),
                ]);
            }
        }
    }
    let graph = builder.build();
    let range = TimeRange::new(at(2), at(9)).unwrap();
    let all = graph.sampled_series(&cart, range).unwrap();
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
    for (metric, series) in &all {
        let one = graph.series(&cart, metric, range).unwrap();
        let bits = |series: &[f64]| series.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&one), bits(series), "{metric}");
    }
    let nobody = NodeKey::service("nobody");
    assert!(graph.sampled_series(&nobody, range).is_err());
}

/// One call a minute to each revision that runs then, by one instance a revision.
fn runs(of: impl Fn(i64) -> Vec<&'static str>) -> Vec<Record> {
    let call = |at: i64, revision: &str| {
        let pod = NodeKey::instance(format!("cart-{revision}"));
        let party = Party::new(NodeKey::service("cart")).on(pod, revision.into());
        Record::from(Call::new(Timestamp::from_secs(60 * at), party))
    };
    let minute = |at: i64| of(at).into_iter().map(move |revision| call(at, revision));
    (0..60).flat_map(minute).collect()
}

fn minutes_graph(records: Vec<Record>) -> TemporalGraph {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    builder.extend(records);
    builder.build()
}

#[test]
fn a_change_that_nobody_announced_goes_back_to_what_ran_before_it() {
    let event = |id: &str, at: i64, from: &str, to: &str| {
        let at = Timestamp::from_secs(60 * at);
        let service = NodeKey::service("cart");
        ChangeEvent::new(id, at, service, Some(from.into()), to.into())
    };
    let seen = |records: Vec<Record>| {
        let seen = minutes_graph(records).unannounced();
        let shown = |c: &ChangeEvent| {
            let from = c.from.as_ref().map(ToString::to_string);
            (c.id.to_string(), from.unwrap_or_default())
        };
        seen.iter().map(shown).collect::<Vec<_>>()
    };
    // v2 was announced and rolled back; v3 follows v1, not v2.
    let mut records = runs(|at| match at {
        20..30 => vec!["v1", "v2"],
        40.. => vec!["v1", "v3"],
        _ => vec!["v1"],
    });
    records.push(event("two", 20, "v1", "v2").into());
    assert_eq!(
        seen(records.clone()),
        [("seen:cart@v3".into(), "v1".into())]
    );
    // An announcement, however late, and one of another spelling, take its place.
    records.push(event("three", 40, "v1", "v3").into());
    assert_eq!(seen(records), []);
    let mut other_spelling = runs(|at| {
        if at < 40 {
            vec!["1"]
        } else {
            vec!["1", "2-7f9c"]
        }
    });
    other_spelling.push(event("two", 38, "1", "2").into());
    assert_eq!(seen(other_spelling), []);
    // Of two that came at once it is not known which was before; of two that ran before neither.
    let two_before = runs(|at| {
        if at < 40 {
            vec!["a", "b"]
        } else {
            vec!["a", "b", "c"]
        }
    });
    assert_eq!(seen(two_before), [("seen:cart@c".into(), String::new())]);
    // Names of instances are no releases.
    let names = [
        "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11",
    ];
    assert_eq!(
        seen(runs(
            |at| names[..=usize::try_from(at / 5).unwrap()].to_vec()
        )),
        []
    );
}
