//! What happens at the limits on nodes and edges.

use astern_graph_core::{
    BoundError, Call, ChangeEvent, ChangeKind, ChangePhase, Dependency, EdgeKind, GraphBuilder,
    GraphParams, NodeKey, Party, Record, Reversibility, Revision, Sample, SliceBy,
};

use crate::support::{range, secs, service, ten_second_steps};

fn pod(at: i64, service: &str, pod: &str) -> Record {
    let party = Party::new(NodeKey::service(service))
        .on(NodeKey::instance(pod), "v1".into())
        .hosted(NodeKey::host(format!("of-{pod}")));
    Call::new(secs(at), party).into()
}

fn builder(params: GraphParams) -> GraphBuilder {
    GraphBuilder::new(params).unwrap()
}

#[test]
fn the_longest_unseen_instances_make_way_and_services_keep_their_cells() {
    let mut builder = builder(ten_second_steps().nodes_max(5));
    let report = builder.extend([
        pod(0, "cart", "a"),
        pod(10, "cart", "b"),
        // A sample shows that the first is there still.
        Sample::new(secs(20), NodeKey::instance("a"), "cpu", 0.5).into(),
        pod(30, "cart", "c"),
    ]);
    assert_eq!((report.accepted, report.dropped()), (4, 0));
    let graph = builder.build();
    let names: Vec<String> = graph.keys().iter().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "service/cart",
            "instance/a",
            "instance/c",
            "host/of-b",
            "host/of-c"
        ]
    );
    // The edges at those that went are gone too, and the service has the calls of all.
    assert_eq!(graph.edge_count(), 3);
    let calls = graph
        .calls_received(&service("cart"), range(0, 40))
        .unwrap();
    assert_eq!(calls.calls, 3);
    let revisions = graph.calls_by(&service("cart"), SliceBy::Revision, range(0, 40));
    assert_eq!(revisions[0].1.calls, 3);
    let lost = builder.lost_instances().unwrap();
    assert_eq!((lost.count, lost.until), (2, secs(10)));
    assert_eq!(builder.lost_calls(), None);
}

#[test]
fn instances_in_use_stay_and_a_call_without_room_counts_for_its_service() {
    let mut builder = builder(ten_second_steps().nodes_max(3));
    let report = builder.extend([
        pod(0, "cart", "a"),
        pod(1, "cart", "b"),
        pod(9, "cart", "b"),
    ]);
    assert_eq!((report.accepted, report.unplaced), (3, 2));
    assert!(
        report
            .to_string()
            .ends_with("2 not distinguished by instance or host")
    );
    let graph = builder.build();
    assert!(graph.id(&NodeKey::instance("a")).is_some());
    let calls = graph
        .calls_received(&service("cart"), range(0, 10))
        .unwrap();
    assert_eq!(calls.calls, 3);
    assert_eq!(builder.lost_instances().unwrap().count, 2);
    // A service comes before any instance.
    let report = builder.extend([pod(5, "web", "c")]);
    assert_eq!((report.accepted, report.unplaced), (1, 1));
    assert!(builder.build().id(&service("web")).is_some());
}

#[test]
fn what_is_declared_or_a_service_never_makes_way() {
    let mut builder = builder(ten_second_steps().nodes_max(3));
    builder.declare_edge(service("web"), NodeKey::instance("a"), EdgeKind::Calls);
    let call = |at, name| Record::from(Call::new(secs(at), Party::new(service(name))));
    let report = builder.extend([call(0, "cart"), call(100, "pay"), call(100, "pay")]);
    assert_eq!((report.accepted, report.over_limit), (1, 2));
    let lost = builder.lost_calls().unwrap();
    assert_eq!((lost.count, lost.until), (2, secs(100)));
    // What was lost is stored, and forgotten with the steps.
    let bytes = builder.to_bytes().unwrap();
    let params = ten_second_steps().nodes_max(3).retention_steps(10);
    let mut restored = GraphBuilder::from_bytes(&bytes, params).unwrap();
    assert_eq!(restored.lost_calls(), Some(lost));
    restored.advance(secs(190));
    assert_eq!(restored.lost_calls(), Some(lost));
    restored.advance(secs(210));
    assert_eq!(restored.lost_calls(), None);
}

#[test]
fn edges_make_way_too() {
    let mut builder = builder(ten_second_steps().edges_max(2));
    let report = builder.extend([pod(0, "cart", "a"), pod(10, "pay", "b")]);
    assert_eq!((report.accepted, report.unplaced), (2, 0));
    let graph = builder.build();
    assert_eq!(
        (graph.edge_count(), graph.id(&NodeKey::host("of-a"))),
        (2, None)
    );
}

#[test]
fn names_and_lists_have_bounds() {
    let key = |bytes| NodeKey::service("x".repeat(bytes));
    let party = || Party::new(service("a"));
    let long: std::sync::Arc<str> = "x".repeat(1_025).into();
    let call = |callee| Record::from(Call::new(secs(1), callee));
    let change = |id: &str| ChangeEvent::new(id, secs(1), service("a"), None, "2".into());
    let listing = |count: usize| {
        let instances = (0..count).map(|k| NodeKey::instance(k.to_string()));
        let phase = ChangePhase::Progressed;
        Record::from(change("c").reached(phase, instances.collect()))
    };
    let with = |edit: &dyn Fn(&mut ChangeEvent)| {
        let mut change = change("c");
        edit(&mut change);
        Record::from(change)
    };
    let too_long = BoundError::Name {
        bytes: 1_025,
        limit: 1_024,
    };
    let refused = [
        call(Party::new(key(1_025))),
        call(party().on(NodeKey::instance(&*long), "1".into())),
        call(party().on(NodeKey::instance("a-0"), Revision::new(&*long))),
        call(party().hosted(NodeKey::host(&*long))),
        call(party().segment(&*long)),
        Call::new(secs(1), party())
            .from(Party::new(key(1_025)))
            .into(),
        Sample::new(secs(1), service("a"), &*long, 1.0).into(),
        Sample::new(secs(1), key(1_025), "cpu", 1.0).into(),
        Dependency::new(secs(1), service("a"), key(1_025), EdgeKind::Calls).into(),
        change(&long).into(),
        with(&|change| change.to = Revision::new(&*long)),
        with(&|change| change.from = Some(Revision::new(&*long))),
        with(&|change| change.kind = ChangeKind::FeatureFlag { flag: long.clone() }),
        with(&|change| {
            let min_compatible = Revision::new(&*long);
            change.reversibility = Reversibility::ForwardOnly { min_compatible };
        }),
    ];
    for record in &refused {
        assert_eq!(record.bounds(), Err(too_long), "{record:?}");
    }
    let many = listing(4_097).bounds().unwrap_err();
    let text = "a change of 4097 instances in one step; the most is 4096";
    assert_eq!(many.to_string(), text);
    let mut builder = builder(ten_second_steps());
    let report = builder.extend(refused.into_iter().chain([listing(4_097)]));
    assert_eq!((report.accepted, report.malformed), (0, 15));
    let report = builder.extend([listing(4_096), call(Party::new(key(1_024)))]);
    assert_eq!(report.accepted, 2);
}
