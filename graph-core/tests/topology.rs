//! Reach and order over small graphs whose answers are known.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey, TemporalGraph};
use proptest::prelude::*;

fn graph(edges: &[(&str, &str, EdgeKind)]) -> TemporalGraph {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for (from, to, kind) in edges {
        builder.declare_edge(NodeKey::service(*from), NodeKey::service(*to), *kind);
    }
    builder.build()
}

fn names(
    graph: &TemporalGraph,
    ids: impl IntoIterator<Item = astern_graph_core::NodeId>,
) -> String {
    let names: Vec<&str> = ids
        .into_iter()
        .map(|id| &*graph.key(id).unwrap().name)
        .collect();
    names.join(" ")
}

#[test]
fn a_fault_travels_from_the_callee_to_all_callers() {
    use EdgeKind::Calls;
    let g = graph(&[
        ("web", "cart", Calls),
        ("cart", "db", Calls),
        ("web", "ads", Calls),
    ]);
    let db = g.id(&NodeKey::service("db")).unwrap();
    let web = g.id(&NodeKey::service("web")).unwrap();
    assert_eq!(names(&g, g.blast_radius(db).into_keys()), "cart db web");
    assert_eq!(g.blast_radius(db)[&web], 2);
    assert_eq!(names(&g, g.blast_radius(web).into_keys()), "web");
    assert_eq!(
        names(&g, g.fault_ancestry(web).into_keys()),
        "ads cart db web"
    );
}

#[test]
fn writers_and_stores_hurt_each_other() {
    let g = graph(&[("web", "log", EdgeKind::Writes)]);
    let [log, web] = ["log", "web"].map(|n| g.id(&NodeKey::service(n)).unwrap());
    assert_eq!(names(&g, g.fault_targets(log)), "web");
    assert_eq!(names(&g, g.fault_targets(web)), "log");
    // Writing is not calling.
    assert_eq!(g.callees(web).count(), 0);
}

#[test]
fn callers_come_first_and_circles_share_a_group() {
    use EdgeKind::Calls;
    let g = graph(&[
        ("a", "b", Calls),
        ("b", "c", Calls),
        ("c", "b", Calls),
        ("c", "d", Calls),
    ]);
    let groups: Vec<String> = g
        .callers_first()
        .into_iter()
        .map(|ids| names(&g, ids))
        .collect();
    assert_eq!(groups, ["a", "b c", "d"]);
}

#[test]
fn a_long_chain_of_calls_needs_no_deep_stack() {
    let key = |i: usize| NodeKey::service(format!("s{i:06}"));
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    let n = 100_000;
    for i in 1..n {
        builder.declare_edge(key(i - 1), key(i), EdgeKind::Calls);
    }
    let g = builder.build();
    let groups = g.callers_first();
    let expected = g.ids().map(|id| vec![id]);
    assert_eq!(groups.len(), n);
    assert!(groups.into_iter().eq(expected));
    let last = g.id(&key(n - 1)).unwrap();
    assert_eq!(g.blast_radius(last).len(), n);
}

#[test]
fn self_calls_end() {
    let g = graph(&[("a", "a", EdgeKind::Calls)]);
    let a = g.id(&NodeKey::service("a")).unwrap();
    assert_eq!(g.blast_radius(a).len(), 1);
    assert_eq!(g.callers_first().len(), 1);
}

proptest! {
    #[test]
    fn every_caller_comes_before_its_callees_unless_they_share_a_group(
        pairs in prop::collection::vec((0..12usize, 0..12usize), 1..40),
    ) {
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        let key = |i: usize| NodeKey::service(format!("s{i:02}"));
        for (a, b) in &pairs {
            builder.declare_edge(key(*a), key(*b), EdgeKind::Calls);
        }
        let g = builder.build();
        let groups = g.callers_first();
        let group_of = |id| groups.iter().position(|group| group.contains(&id)).unwrap();
        prop_assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), g.node_count());
        for (from, to, _) in g.edges() {
            prop_assert!(group_of(from) <= group_of(to));
            prop_assert!(g.blast_radius(to).contains_key(&from));
        }
    }
}
