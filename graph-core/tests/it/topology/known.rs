//! Small graphs whose answers are known, and long ones that need no deep stack.

use std::collections::BTreeSet;

use astern_graph_core::topology::{Dominators, Neighbourhood, Towards};
use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeId, NodeKey, TemporalGraph};

fn graph(edges: &[(&str, &str, EdgeKind)]) -> TemporalGraph {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for (from, to, kind) in edges {
        builder.declare_edge(NodeKey::service(*from), NodeKey::service(*to), *kind);
    }
    builder.build()
}

fn calls(edges: &[(&str, &str)]) -> TemporalGraph {
    let edges: Vec<_> = edges
        .iter()
        .map(|(from, to)| (*from, *to, EdgeKind::Calls))
        .collect();
    graph(&edges)
}

fn id(graph: &TemporalGraph, name: &str) -> NodeId {
    graph.id(&NodeKey::service(name)).unwrap()
}

fn names(graph: &TemporalGraph, ids: impl IntoIterator<Item = NodeId>) -> String {
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

/// A chain of calls, or with `closed` a circle of as many.
fn chain(n: usize, closed: bool) -> TemporalGraph {
    let key = |i: usize| NodeKey::service(format!("s{i:06}"));
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for i in 1..n {
        builder.declare_edge(key(i - 1), key(i), EdgeKind::Calls);
    }
    if closed {
        builder.declare_edge(key(n - 1), key(0), EdgeKind::Calls);
    }
    builder.build()
}

#[test]
fn a_long_chain_of_calls_needs_no_deep_stack() {
    let n = 100_000;
    let g = chain(n, false);
    let ids: Vec<NodeId> = g.ids().collect();
    let (first, last) = (ids[0], ids[n - 1]);
    assert!(g.callers_first().concat().into_iter().eq(g.ids()));
    assert_eq!(g.strong_groups().len(), n);
    assert!(g.layers().into_iter().eq(0..100_000));
    assert_eq!(g.call_order(), ids);
    assert_eq!(g.feedback_arcs(), []);
    assert_eq!(g.blast_radius(last).len(), n);
    assert_eq!(g.fault_ancestry(first).len(), n);
    let all = g.neighbourhood(&[first], Towards::Neighbours, u32::MAX);
    assert_eq!((all.nodes.len(), all.edges.len()), (n, n - 1));
    // All inner nodes, and no end.
    assert_eq!(g.articulation_points(), ids[1..n - 1]);
    let passed = g.dominators(Towards::Callees);
    assert_eq!(passed.chain(last).count(), n);
    assert_eq!(passed.choke_points()[0].cuts_off, n - 1);
    assert_eq!(g.common_dominators(&[first, ids[1]]).len(), n - 1);
}

#[test]
fn a_long_circle_of_calls_needs_no_deep_stack() {
    let g = chain(100_000, true);
    assert_eq!(g.strong_groups().len(), 1);
    assert_eq!(g.articulation_points(), []);
    // A request may come in at any member.
    assert_eq!(g.dominators(Towards::Callees).choke_points(), []);
    // Shorter, because petgraph checks its lists at each step in a debug build.
    let g = chain(10_000, true);
    assert_eq!(g.feedback_arcs().len(), 1);
    assert_eq!(g.call_order().len(), 10_000);
}

#[test]
fn self_calls_end() {
    let g = calls(&[("a", "a")]);
    let a = id(&g, "a");
    assert_eq!(g.blast_radius(a).len(), 1);
    assert_eq!(g.callers_first().len(), 1);
    assert_eq!(g.layers(), [0]);
    assert_eq!(g.feedback_arcs(), [(a, a, EdgeKind::Calls)]);
    assert_eq!(g.articulation_points(), []);
    assert_eq!(g.dominators(Towards::Callees).immediate(a), None);
    let near = g.neighbourhood(&[a, a], Towards::Callees, 3);
    assert_eq!((near.nodes, near.hops), (vec![a], vec![0]));
    assert_eq!(near.edges, [(0, 0, EdgeKind::Calls)]);
}

#[test]
fn layers_are_the_longest_chain_of_callers() {
    let g = calls(&[
        ("a", "b"),
        ("b", "c"),
        ("a", "c"),
        ("c", "b"),
        ("c", "d"),
        ("x", "d"),
    ]);
    assert_eq!(names(&g, g.ids()), "a b c d x");
    assert_eq!(g.layers(), [0, 1, 1, 2, 0]);
}

#[test]
fn a_circle_is_cut_and_put_in_order() {
    // The two that stock calls are in the circle; only the way back to cart is worth cutting.
    let g = calls(&[
        ("web", "cart"),
        ("cart", "stock"),
        ("stock", "audit"),
        ("audit", "cart"),
        ("cart", "audit"),
    ]);
    assert_eq!(names(&g, g.call_order()), "web cart stock audit");
    let cut = (id(&g, "audit"), id(&g, "cart"), EdgeKind::Calls);
    assert_eq!(g.feedback_arcs(), [cut]);
}

#[test]
fn an_edge_elsewhere_does_not_change_how_a_circle_is_cut() {
    let circle = [("m", "n"), ("n", "o"), ("o", "m"), ("n", "m")];
    let alone = calls(&circle);
    let other = [
        ("a", "b"),
        ("b", "a"),
        ("y", "z"),
        ("z", "y"),
        ("a", "m"),
        ("o", "y"),
    ];
    let beside = calls(&[circle.as_slice(), &other].concat());
    let cut = |g: &TemporalGraph| -> BTreeSet<String> {
        let arcs = g.feedback_arcs().into_iter();
        arcs.map(|(from, to, _)| names(g, [from, to])).collect()
    };
    assert!(cut(&alone).is_subset(&cut(&beside)));
    assert_eq!(cut(&beside).len(), cut(&alone).len() + 2);
}

#[test]
fn hops_go_by_the_walk_and_edges_of_every_kind_are_kept() {
    let g = graph(&[
        ("web", "cart", EdgeKind::Calls),
        ("cart", "db", EdgeKind::Reads),
        ("web", "db", EdgeKind::Writes),
        ("cart", "stock", EdgeKind::Calls),
    ]);
    let cart = id(&g, "cart");
    let near = |towards, hops| names(&g, g.neighbourhood(&[cart], towards, hops).nodes);
    assert_eq!(near(Towards::Callers, 9), "cart web");
    assert_eq!(near(Towards::Callees, 9), "cart stock");
    assert_eq!(near(Towards::FaultOrigins, 1), "cart db stock");
    // The database that cart reads from can suffer from what web writes to it.
    assert_eq!(near(Towards::FaultOrigins, 2), "cart db stock web");
    assert_eq!(near(Towards::FaultTargets, 1), "cart web");
    assert_eq!(near(Towards::Neighbours, 1), "cart db stock web");
    assert_eq!(near(Towards::Neighbours, 0), "cart");
    let near = g.neighbourhood(&[cart], Towards::FaultOrigins, 2);
    assert_eq!(near.hops, [0, 1, 1, 2]);
    let edges = [
        (0, 1, EdgeKind::Reads),
        (0, 2, EdgeKind::Calls),
        (3, 0, EdgeKind::Calls),
        (3, 1, EdgeKind::Writes),
    ];
    assert_eq!(near.edges, edges);
}

#[test]
fn a_choke_point_counts_what_it_cuts_off() {
    let g = calls(&[
        ("web", "api"),
        ("app", "api"),
        ("api", "cart"),
        ("cart", "db"),
        ("web", "ads"),
        ("app", "ads"),
    ]);
    let points = |d: Dominators| -> Vec<(String, usize)> {
        let points = d.choke_points().into_iter();
        points.map(|p| (names(&g, [p.node]), p.cuts_off)).collect()
    };
    let [api, cart, web] = ["api", "cart", "web"].map(|name| id(&g, name));
    let all = points(g.dominators(Towards::Callees));
    assert_eq!(all, [("api".to_owned(), 2), ("cart".to_owned(), 1)]);
    let from_web = g.dominators_from(&[web], Towards::Callees);
    assert!(from_web.dominates(web, cart));
    assert!(!from_web.dominates(cart, api));
    assert_eq!(names(&g, from_web.chain(id(&g, "db"))), "db cart api web");
    assert_eq!(from_web.chain(id(&g, "app")).count(), 0);
    assert_eq!(points(from_web)[0], ("web".to_owned(), 4));
}

#[test]
fn a_common_dominator_stands_before_all_symptoms() {
    let g = calls(&[
        ("web", "cart"),
        ("app", "cart"),
        ("cart", "db"),
        ("app", "ads"),
    ]);
    let common = |symptoms: &[&str]| {
        let symptoms: Vec<NodeId> = symptoms.iter().map(|name| id(&g, name)).collect();
        names(&g, g.common_dominators(&symptoms))
    };
    assert_eq!(common(&["web", "cart"]), "cart db");
    assert_eq!(common(&["web"]), "web cart db");
    // A fault at ads reaches app without passing cart.
    assert_eq!(common(&["web", "app"]), "");
    assert_eq!(common(&[]), "");
}

#[test]
fn an_unknown_id_reaches_nothing_and_is_left_out() {
    let g = calls(&[("a", "b")]);
    let unknown = calls(&[("a", "b"), ("b", "c")]).ids().last().unwrap();
    let a = id(&g, "a");
    assert!(g.blast_radius(unknown).is_empty());
    assert!(g.fault_ancestry(unknown).is_empty());
    let near = |seeds: &[NodeId]| g.neighbourhood(seeds, Towards::Callees, 1);
    assert_eq!(near(&[unknown]), Neighbourhood::default());
    assert_eq!(near(&[unknown, a]), near(&[a]));
    let from = |entries: &[NodeId]| g.dominators_from(entries, Towards::Callees);
    assert_eq!(from(&[unknown, a]), from(&[a]));
    assert_eq!(from(&[unknown]).choke_points(), []);
    assert_eq!(from(&[a]).chain(unknown).count(), 0);
    assert_eq!(from(&[a]).immediate(unknown), None);
    assert!(!from(&[a]).dominates(unknown, unknown));
    assert_eq!(from(&[a]).common(&[unknown]), []);
    assert_eq!(g.common_dominators(&[a, unknown]), []);
}

#[test]
fn an_empty_graph_has_no_topology() {
    let g = graph(&[]);
    assert!(g.strong_groups().is_empty());
    assert!(g.layers().is_empty());
    assert!(g.call_order().is_empty());
    assert!(g.articulation_points().is_empty());
    assert!(g.dominators(Towards::Callees).choke_points().is_empty());
}
