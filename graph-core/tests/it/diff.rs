//! What a diff of two graphs says, and that it says all of it.

use std::collections::BTreeSet;

use astern_graph_core::diff::GraphDiff;
use astern_graph_core::{
    ChangeEvent, ChangePhase, EdgeKind, GraphBuilder, GraphParams, NodeKey, Revision,
    TemporalGraph, Timestamp,
};
use proptest::prelude::*;

const SERVICES: usize = 5;
const INSTANCES: usize = 4;
const KINDS: [EdgeKind; 3] = [EdgeKind::Calls, EdgeKind::Reads, EdgeKind::Writes];

/// A part of a graph: an edge between services, or an instance with its owner and revision.
#[derive(Debug, Clone)]
enum Part {
    Edge(usize, usize, usize),
    Instance(usize, usize, usize),
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let edge = (0..SERVICES, 0..SERVICES, 0..KINDS.len()).prop_map(|(a, b, k)| Part::Edge(a, b, k));
    let instance =
        (0..INSTANCES, 0..SERVICES, 0..3_usize).prop_map(|(i, s, r)| Part::Instance(i, s, r));
    prop::collection::vec(prop_oneof![edge, instance], 0..20)
}

fn service(i: usize) -> NodeKey {
    NodeKey::service(format!("s{i}"))
}

fn instance(i: usize) -> NodeKey {
    NodeKey::instance(format!("i{i}"))
}

fn runs(at: i64, i: usize, owner: NodeKey, revision: &str) -> ChangeEvent {
    let at = Timestamp::from_secs(at);
    ChangeEvent::new(
        format!("c{i}").as_str(),
        at,
        owner,
        None,
        Revision::from(revision),
    )
    .reached(ChangePhase::Progressed, vec![instance(i)])
}

fn graph(parts: &[Part]) -> TemporalGraph {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for (at, part) in (0..).zip(parts) {
        match part {
            Part::Edge(a, b, k) => builder.declare_edge(service(*a), service(*b), KINDS[*k]),
            Part::Instance(i, s, r) => {
                builder.extend([runs(at, *i, service(*s), &format!("v{r}")).into()]);
            }
        }
    }
    builder.build()
}

type Names = (NodeKey, NodeKey, EdgeKind);

fn edges(graph: &TemporalGraph) -> BTreeSet<Names> {
    let key = |id| graph.key(id).unwrap().clone();
    let edges = graph.edges();
    edges.map(|(a, b, kind)| (key(a), key(b), kind)).collect()
}

#[test]
fn what_came_went_and_moved_is_listed() {
    let mut before = GraphBuilder::new(GraphParams::default()).unwrap();
    before.declare_edge(service(0), service(1), EdgeKind::Calls);
    before.extend([runs(0, 0, service(1), "v1").into()]);
    let mut after = GraphBuilder::new(GraphParams::default()).unwrap();
    after.declare_edge(service(0), service(2), EdgeKind::Calls);
    after.extend([runs(0, 0, service(2), "v2").into()]);
    let diff = before.build().diff(&after.build());
    let expected = "nodes +1 -1, edges +1 -1, revisions 1, owners 1\n\
                    + service/s2\n\
                    - service/s1\n\
                    + service/s0 calls service/s2\n\
                    - service/s0 calls service/s1\n\
                    ~ instance/i0: v1 -> v2\n\
                    ~ instance/i0: service/s1 -> service/s2\n";
    assert_eq!(diff.to_string(), expected);
    assert!(!diff.is_empty());
}

#[test]
fn what_became_known_is_a_move_from_the_unknown() {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    builder.declare_node(instance(0));
    let before = builder.build();
    builder.extend([runs(0, 0, service(1), "v1").into()]);
    let diff = before.diff(&builder.build());
    assert_eq!(diff.revisions[0].to_string(), "instance/i0: unknown -> v1");
    assert_eq!(diff.revisions[0].from, None);
    assert_eq!(diff.owners[0].to, Some(service(1)));
}

#[test]
fn a_long_diff_is_cut_for_people_unless_all_is_asked_for() {
    let empty = graph(&[]);
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for i in 10..23 {
        builder.declare_node(service(i));
    }
    let diff = empty.diff(&builder.build());
    let cut = diff.to_string();
    assert_eq!(cut.lines().count(), 12);
    assert!(cut.ends_with("+ service/s19\n+ … and 3 more\n"));
    let all = format!("{diff:#}");
    assert_eq!(all.lines().count(), 14);
    assert!(all.ends_with("+ service/s22\n"));
    assert_eq!(empty.diff(&empty).to_string(), "no difference\n");
}

#[test]
fn a_diff_is_read_by_its_names() {
    let diff = graph(&[]).diff(&graph(&[Part::Edge(0, 1, 0)]));
    let json = serde_json::to_string(&diff).unwrap();
    let expected = "{\"nodes_added\":[\"service/s0\",\"service/s1\"],\"nodes_removed\":[],\
        \"edges_added\":[{\"from\":\"service/s0\",\"to\":\"service/s1\",\"kind\":\"calls\"}],\
        \"edges_removed\":[],\"revisions\":[],\"owners\":[]}";
    assert_eq!(json, expected);
}

proptest! {
    #[test]
    fn a_diff_is_empty_only_for_equal_topology(a in parts(), b in parts()) {
        let (a, b) = (graph(&a), graph(&b));
        prop_assert!(a.diff(&a).is_empty());
        let instances = |g: &TemporalGraph| -> Vec<_> {
            let all = g.keys().iter().cloned();
            all.map(|key| (g.owner(&key).cloned(), g.revision(&key).cloned(), key)).collect()
        };
        let equal = instances(&a) == instances(&b) && edges(&a) == edges(&b);
        prop_assert_eq!(a.diff(&b).is_empty(), equal);
    }

    #[test]
    fn the_way_back_is_the_diff_back(a in parts(), b in parts()) {
        let (a, b) = (graph(&a), graph(&b));
        prop_assert_eq!(a.diff(&b).reversed(), b.diff(&a));
    }

    #[test]
    fn what_changed_makes_the_later_of_the_earlier(a in parts(), b in parts()) {
        let (a, b) = (graph(&a), graph(&b));
        let diff = a.diff(&b);

        let mut nodes: BTreeSet<NodeKey> = a.keys().iter().cloned().collect();
        prop_assert!(diff.nodes_removed.iter().all(|key| nodes.remove(key)));
        prop_assert!(diff.nodes_added.iter().all(|key| nodes.insert(key.clone())));
        prop_assert!(nodes.iter().eq(b.keys()));
        prop_assert!(diff.nodes_added.is_sorted() && diff.nodes_removed.is_sorted());

        let mut made = edges(&a);
        let names = |e: &astern_graph_core::Link| (e.from.clone(), e.to.clone(), e.kind);
        prop_assert!(diff.edges_removed.iter().all(|edge| made.remove(&names(edge))));
        prop_assert!(diff.edges_added.iter().all(|edge| made.insert(names(edge))));
        prop_assert_eq!(made, edges(&b));
        prop_assert!(diff.edges_added.is_sorted() && diff.edges_removed.is_sorted());

        for key in a.keys().iter().filter(|key| b.id(key).is_some()) {
            let revision = diff.revisions.iter().find(|moved| moved.instance == *key);
            let owner = diff.owners.iter().find(|moved| moved.instance == *key);
            let revision_of = |g: &TemporalGraph| g.revision(key).cloned();
            let owner_of = |g: &TemporalGraph| g.owner(key).cloned();
            prop_assert_eq!(revision.is_some(), revision_of(&a) != revision_of(&b));
            prop_assert_eq!(owner.is_some(), owner_of(&a) != owner_of(&b));
            if let Some(moved) = revision {
                prop_assert_eq!((&moved.from, &moved.to), (&revision_of(&a), &revision_of(&b)));
            }
            if let Some(moved) = owner {
                prop_assert_eq!((&moved.from, &moved.to), (&owner_of(&a), &owner_of(&b)));
            }
        }
    }

    #[test]
    fn a_diff_survives_a_file(a in parts(), b in parts()) {
        let diff = graph(&a).diff(&graph(&b));
        let json = serde_json::to_string(&diff).unwrap();
        prop_assert_eq!(serde_json::from_str::<GraphDiff>(&json).unwrap(), diff);
    }
}
