//! Laws on random graphs, against brute force.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use astern_graph_core::topology::Towards;
use astern_graph_core::{
    EdgeKind, FaultFlow, GraphBuilder, GraphParams, NodeId, NodeKey, TemporalGraph,
};
use proptest::prelude::*;

const KINDS: [EdgeKind; 6] = [
    EdgeKind::Calls,
    EdgeKind::RunsOn,
    EdgeKind::Reads,
    EdgeKind::Writes,
    EdgeKind::Publishes,
    EdgeKind::Consumes,
];
const WALKS: [Towards; 5] = [
    Towards::Callers,
    Towards::Callees,
    Towards::FaultOrigins,
    Towards::FaultTargets,
    Towards::Neighbours,
];

const NODES: usize = 7;

type Pairs = Vec<(usize, usize, usize)>;

fn pairs() -> impl Strategy<Value = Pairs> {
    prop::collection::vec((0..NODES, 0..NODES, 0..KINDS.len()), 0..18)
}

/// Of so many nodes that a search meets fronts that are wide and ones that are not.
fn many_pairs() -> impl Strategy<Value = Pairs> {
    prop::collection::vec((0..48_usize, 0..48_usize, 0..KINDS.len()), 0..80)
}

fn random_graph(pairs: &[(usize, usize, usize)]) -> TemporalGraph {
    let key = |i: usize| NodeKey::service(format!("s{i}"));
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for (from, to, kind) in pairs {
        builder.declare_edge(key(*from), key(*to), KINDS[*kind]);
    }
    builder.build()
}

/// Whether a walk may hop over `source → target`, from source to target and the other way, as the
/// documentation says it; apart from the code under test.
fn ways(towards: Towards, kind: EdgeKind) -> (bool, bool) {
    let both = kind.fault_flow() == FaultFlow::Both;
    match towards {
        Towards::Callers => (false, kind == EdgeKind::Calls),
        Towards::Callees => (kind == EdgeKind::Calls, false),
        Towards::FaultOrigins => (true, both),
        Towards::FaultTargets => (both, true),
        _ => (true, true),
    }
}

/// The hops of a walk as a matrix, without those that touch a removed node.
fn hop_matrix(graph: &TemporalGraph, towards: Towards, removed: Option<usize>) -> Vec<Vec<bool>> {
    let n = graph.node_count();
    let mut matrix = vec![vec![false; n]; n];
    for (from, to, kind) in graph.edges() {
        let (from, to) = (from.index(), to.index());
        let (along, against) = ways(towards, kind);
        matrix[from][to] |= along;
        matrix[to][from] |= against;
    }
    if let Some(removed) = removed {
        matrix[removed].fill(false);
        for row in &mut matrix {
            row[removed] = false;
        }
    }
    matrix
}

/// Least hops from one node to each other, by multiplying a vector with the matrix.
fn hops_from(matrix: &[Vec<bool>], start: usize) -> Vec<Option<u32>> {
    let n = matrix.len();
    let mut hops = vec![None; n];
    let mut front: Vec<bool> = (0..n).map(|node| node == start).collect();
    for hop in 0.. {
        front = (0..n)
            .map(|node| front[node] && hops[node].is_none())
            .collect();
        if !front.contains(&true) {
            break;
        }
        for node in (0..n).filter(|node| front[*node]) {
            hops[node] = Some(hop);
        }
        front = (0..n)
            .map(|to| (0..n).any(|from| front[from] && matrix[from][to]))
            .collect();
    }
    hops
}

fn closure(matrix: &[Vec<bool>]) -> Vec<Vec<bool>> {
    let rows = 0..matrix.len();
    rows.map(|start| {
        hops_from(matrix, start)
            .iter()
            .map(Option::is_some)
            .collect()
    })
    .collect()
}

/// Number of parts that the nodes other than the removed one fall into.
fn parts(graph: &TemporalGraph, removed: Option<usize>) -> usize {
    let reach = closure(&hop_matrix(graph, Towards::Neighbours, removed));
    let nodes = (0..reach.len()).filter(|node| Some(*node) != removed);
    let first_of: BTreeSet<Option<usize>> = nodes
        .map(|node| reach[node].iter().position(|reached| *reached))
        .collect();
    first_of.len()
}

proptest! {
    #[test]
    fn every_caller_comes_before_its_callees_unless_they_share_a_group(pairs in pairs()) {
        let g = random_graph(&pairs);
        let groups = g.callers_first();
        let layers = g.layers();
        let group_of = |id| groups.iter().position(|group| group.contains(&id)).unwrap();
        prop_assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), g.node_count());
        for (from, to, _) in g.edges() {
            prop_assert!(group_of(from) <= group_of(to));
            let falls = layers[from.index()] >= layers[to.index()];
            prop_assert_eq!(falls, group_of(from) == group_of(to));
            prop_assert!(g.blast_radius(to).contains_key(&from));
        }
    }

    #[test]
    fn a_strong_group_is_who_can_reach_each_other(pairs in pairs()) {
        let g = random_graph(&pairs);
        let mut matrix = vec![vec![false; g.node_count()]; g.node_count()];
        for (from, to, _) in g.edges() {
            matrix[from.index()][to.index()] = true;
        }
        let reach = closure(&matrix);
        let expected: BTreeSet<Vec<NodeId>> = g
            .ids()
            .map(|a| {
                let mutual = |b: &NodeId| reach[a.index()][b.index()] && reach[b.index()][a.index()];
                g.ids().filter(mutual).collect()
            })
            .collect();
        prop_assert_eq!(g.strong_groups(), expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn hops_are_those_of_the_matrix(pairs in many_pairs(), seeds in prop::collection::vec(0..48_usize, 0..3), hops in 0..4_u32) {
        let g = random_graph(&pairs);
        let ids: Vec<NodeId> = g.ids().collect();
        let seeds: Vec<NodeId> = seeds.into_iter().filter_map(|seed| ids.get(seed).copied()).collect();
        for towards in WALKS {
            let matrix = hop_matrix(&g, towards, None);
            let mut expected: BTreeMap<NodeId, u32> = BTreeMap::new();
            for seed in &seeds {
                for (node, distance) in hops_from(&matrix, seed.index()).into_iter().enumerate() {
                    if let Some(distance) = distance.filter(|distance| *distance <= hops) {
                        let least = expected.entry(ids[node]).or_insert(distance);
                        *least = distance.min(*least);
                    }
                }
            }
            let near = g.neighbourhood(&seeds, towards, hops);
            let found: BTreeMap<NodeId, u32> =
                near.nodes.iter().copied().zip(near.hops.iter().copied()).collect();
            prop_assert_eq!(found.len(), near.nodes.len());
            prop_assert_eq!(&found, &expected);
            prop_assert!(near.hops.is_sorted());
            let place = |id: NodeId| near.nodes.iter().position(|node| *node == id);
            let mut induced: Vec<(u32, u32, EdgeKind)> = g
                .edges()
                .filter_map(|(from, to, kind)| {
                    let at = |place: usize| u32::try_from(place).unwrap();
                    Some((at(place(from)?), at(place(to)?), kind))
                })
                .collect();
            induced.sort_unstable();
            prop_assert_eq!(near.edges, induced);
        }
        for seed in ids {
            let far = |towards| {
                let near = g.neighbourhood(&[seed], towards, u32::MAX);
                near.nodes.into_iter().zip(near.hops).collect::<BTreeMap<_, _>>()
            };
            prop_assert_eq!(g.blast_radius(seed), far(Towards::FaultTargets));
            prop_assert_eq!(g.fault_ancestry(seed), far(Towards::FaultOrigins));
        }
    }

    #[test]
    fn a_node_dominates_what_is_out_of_reach_without_it(pairs in pairs(), entry in 0..NODES) {
        let g = random_graph(&pairs);
        let n = g.node_count();
        for towards in WALKS {
            let without = |removed| closure(&hop_matrix(&g, towards, removed));
            let (reach, reach_without): (_, Vec<_>) =
                (without(None), (0..n).map(|node| without(Some(node))).collect());
            // An entry is a node that leads back to all that leads to it.
            let sources: Vec<usize> =
                (0..n).filter(|b| (0..n).all(|a| !reach[a][*b] || reach[*b][a])).collect();
            let one = g.ids().nth(entry);
            let cases = [
                (g.dominators(towards), sources),
                (g.dominators_from(one.as_slice(), towards), one.iter().map(|id| id.index()).collect()),
            ];
            for (dominators, entries) in cases {
                let reached = |b: usize| entries.iter().any(|entry| reach[*entry][b]);
                let reached_without = |a: usize, b: usize| {
                    let mut others = entries.iter().filter(|entry| **entry != a);
                    others.any(|entry| reach_without[a][*entry][b])
                };
                let mut cuts_off = vec![0; n];
                for (a, b) in g.ids().flat_map(|a| g.ids().map(move |b| (a, b))) {
                    let expected = reached(b.index())
                        && (a == b || !reached_without(a.index(), b.index()));
                    prop_assert_eq!(dominators.dominates(a, b), expected);
                    cuts_off[a.index()] += usize::from(expected && a != b);
                    let common: BTreeSet<NodeId> = dominators.common(&[a, b]).into_iter().collect();
                    let both = |c: &NodeId| dominators.dominates(*c, a) && dominators.dominates(*c, b);
                    prop_assert_eq!(common, g.ids().filter(both).collect::<BTreeSet<_>>());
                }
                let mut points: Vec<(usize, NodeId)> = g
                    .ids()
                    .map(|id| (cuts_off[id.index()], id))
                    .filter(|(cuts_off, _)| *cuts_off > 0)
                    .collect();
                points.sort_by_key(|(cuts_off, id)| (Reverse(*cuts_off), *id));
                let found: Vec<(usize, NodeId)> =
                    dominators.choke_points().iter().map(|p| (p.cuts_off, p.node)).collect();
                prop_assert_eq!(found, points);
            }
        }
    }

    #[test]
    fn without_its_feedback_arcs_a_graph_has_no_circle(pairs in pairs()) {
        let g = random_graph(&pairs);
        let cut = g.feedback_arcs();
        let order = g.call_order();
        let place = |id: NodeId| order.iter().position(|other| *other == id).unwrap();
        prop_assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), g.node_count());
        for edge in g.edges() {
            prop_assert_eq!(place(edge.0) < place(edge.1), !cut.contains(&edge));
        }
        let groups = g.strong_groups();
        for group in &groups {
            let inside: BTreeSet<(NodeId, NodeId)> = g
                .edges()
                .map(|(from, to, _)| (from, to))
                .filter(|(from, to)| from != to && group.contains(from) && group.contains(to))
                .collect();
            let cut: BTreeSet<(NodeId, NodeId)> = cut.iter().map(|(from, to, _)| (*from, *to)).collect();
            prop_assert!(cut.intersection(&inside).count() * 2 <= inside.len());
        }
        for (from, to, _) in cut {
            prop_assert!(groups.iter().any(|group| group.contains(&from) && group.contains(&to)));
        }
    }

    #[test]
    fn an_articulation_point_is_one_whose_removal_parts_the_rest(pairs in pairs()) {
        let g = random_graph(&pairs);
        let whole = parts(&g, None);
        // A node that is alone takes its own part away.
        let expected: Vec<NodeId> =
            g.ids().filter(|id| parts(&g, Some(id.index())) > whole).collect();
        prop_assert_eq!(g.articulation_points(), expected);
    }

    #[test]
    fn the_order_of_the_edges_changes_nothing(pairs in pairs().prop_shuffle(), other in any::<prop::sample::Index>()) {
        let mut turned = pairs.clone();
        turned.reverse();
        turned.rotate_left(other.index(pairs.len() + 1).min(pairs.len()));
        let (a, b) = (random_graph(&pairs), random_graph(&turned));
        prop_assert_eq!(a.call_order(), b.call_order());
        prop_assert_eq!(a.feedback_arcs(), b.feedback_arcs());
        prop_assert_eq!(a.callers_first(), b.callers_first());
        prop_assert_eq!(a.dominators(Towards::FaultTargets), b.dominators(Towards::FaultTargets));
        prop_assert_eq!(a.articulation_points(), b.articulation_points());
    }
}
