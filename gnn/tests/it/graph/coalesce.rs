//! Parallel edges made one, undirected graphs, degrees.

use std::collections::BTreeMap;

use astern_gnn::graph::Reduce;
use astern_gnn::ndarray::array;
use astern_gnn::{EdgeIndex, Graph, GraphDataError};
use proptest::prelude::*;

use super::any_graph;

const ALL: [Reduce; 3] = [Reduce::Sum, Reduce::Mean, Reduce::Max];

/// (target, source, relation) of each edge, sorted as the edges are.
fn keys(graph: &Graph) -> Vec<(u32, u32, u32)> {
    let relation = |e: usize| graph.edge_type().map_or(0, |types| types[e]);
    let pairs = graph.edges().pairs().enumerate();
    pairs
        .map(|(e, (source, target))| (target, source, relation(e)))
        .collect()
}

/// Weights added up by (target, source, relation).
fn weights(graph: &Graph) -> BTreeMap<(u32, u32, u32), f64> {
    let mut sums = BTreeMap::new();
    for (key, weight) in keys(graph)
        .into_iter()
        .zip(graph.edge_weight().unwrap_or_default())
    {
        *sums.entry(key).or_default() += weight;
    }
    sums
}

proptest! {
    #[test]
    fn coalescing_leaves_each_edge_once_and_nothing_twice(graph in any_graph()) {
        for reduce in ALL {
            let once = graph.coalesced(reduce).unwrap();
            let mut expected = keys(&graph);
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(keys(&once), expected);
            prop_assert_eq!(once.coalesced(reduce).unwrap(), once);
        }
        prop_assert_eq!(weights(&graph.coalesced(Reduce::Sum).unwrap()), weights(&graph));
    }

    #[test]
    fn an_undirected_graph_is_its_own_reverse(graph in any_graph()) {
        for reduce in ALL {
            let both = graph.undirected(reduce).unwrap();
            let mut turned: Vec<_> = keys(&both).into_iter().map(|(i, j, r)| (j, i, r)).collect();
            turned.sort_unstable();
            prop_assert_eq!(keys(&both), turned);
            let table = weights(&both);
            for (&(target, source, relation), weight) in &table {
                prop_assert_eq!(table.get(&(source, target, relation)), Some(weight));
            }
            let mut expected = keys(&graph);
            expected.extend(keys(&graph).into_iter().map(|(i, j, r)| (j, i, r)));
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(keys(&both), expected);
        }
        // Mean and maximum of edges that are equal change nothing.
        let both = graph.undirected(Reduce::Max).unwrap();
        prop_assert_eq!(both.undirected(Reduce::Max).unwrap(), both.clone());
        prop_assert_eq!(both.undirected(Reduce::Mean).unwrap(), both);
    }

    #[test]
    fn degrees_count_edges(graph in any_graph()) {
        let edges = graph.edges();
        for node in (0u32..).take(graph.n_nodes()) {
            let out = edges.pairs().filter(|pair| pair.0 == node).count();
            let place = node as usize;
            prop_assert_eq!(edges.in_degrees()[place] as usize, edges.in_degree(node));
            prop_assert_eq!(edges.out_degrees()[place] as usize, out);
            let loops = edges.pairs().filter(|&pair| pair == (node, node)).count();
            let alone = edges.in_degree(node) == loops && out == loops;
            prop_assert_eq!(edges.isolated_nodes().contains(&node), alone);
        }
        prop_assert_eq!(edges.has_loops(), edges.pairs().any(|(j, i)| j == i));
    }
}

#[test]
fn attributes_go_with_the_edge_that_is_turned_round() {
    let graph = Graph::new(array![[0.0], [0.0]], [(0, 1), (0, 1), (1, 1)]).unwrap();
    let graph = graph
        .with_edge_attr(&array![[1.0, 5.0], [3.0, -5.0], [7.0, 8.0]])
        .unwrap();
    let of = |reduce| graph.undirected(reduce).unwrap();
    let pairs: Vec<_> = of(Reduce::Sum).edges().pairs().collect();
    assert_eq!(pairs, [(1, 0), (0, 1), (1, 1)]);
    let expected = array![[4.0, 0.0], [4.0, 0.0], [7.0, 8.0]];
    assert_eq!(of(Reduce::Sum).edge_attr(), Some(&expected));
    let expected = array![[2.0, 0.0], [2.0, 0.0], [7.0, 8.0]];
    assert_eq!(of(Reduce::Mean).edge_attr(), Some(&expected));
    let expected = array![[3.0, 5.0], [3.0, 5.0], [7.0, 8.0]];
    assert_eq!(of(Reduce::Max).edge_attr(), Some(&expected));
}

#[test]
fn a_sum_that_is_not_finite_is_an_error() {
    let graph = Graph::new(array![[0.0], [0.0]], [(0, 1), (0, 1)]).unwrap();
    let heavy = graph
        .clone()
        .with_edge_weight(&[f64::MAX, f64::MAX])
        .unwrap();
    let refused = heavy.coalesced(Reduce::Sum);
    assert!(
        matches!(refused, Err(GraphDataError::Weight { edge: 0, .. })),
        "{refused:?}"
    );
    let wild = graph
        .with_edge_attr(&array![[f64::MAX], [f64::MAX]])
        .unwrap();
    let refused = wild.undirected(Reduce::Sum);
    assert!(
        matches!(
            refused,
            Err(GraphDataError::NotFinite {
                name: "edge_attr",
                ..
            })
        ),
        "{refused:?}"
    );
    assert!(wild.undirected(Reduce::Max).is_ok());
}

#[test]
fn nothing_is_undirected_too() {
    for n in [0, 1] {
        let graph = Graph::of_edges(EdgeIndex::new(n, []).unwrap());
        assert_eq!(graph.undirected(Reduce::Sum).unwrap(), graph);
        assert_eq!(graph.edges().isolated_nodes().len(), n);
        assert!(!graph.edges().has_loops());
    }
}
