//! Batches: laws of joining and taking apart, and what cannot be joined.

use astern_gnn::graph::Batch;
use astern_gnn::model::PreparedGraph;
use astern_gnn::ndarray::{Array2, Axis, array, concatenate};
use astern_gnn::{EdgeIndex, Graph, GraphDataError};
use proptest::prelude::*;

use super::{gcn, graph_of, parts};

fn graphs() -> impl Strategy<Value = Vec<Graph>> {
    parts().prop_flat_map(|parts| prop::collection::vec(graph_of(parts), 1..5))
}

proptest! {
    #[test]
    fn taken_apart_the_graphs_are_as_before(graphs in graphs()) {
        let batch = Batch::new(&graphs).unwrap();
        prop_assert_eq!(batch.n_graphs(), graphs.len());
        prop_assert_eq!(batch.graphs().collect::<Vec<_>>(), graphs.clone());
        prop_assert_eq!(batch.graph(graphs.len()), None);
        prop_assert_eq!(batch.graph(usize::MAX), None);
    }

    /// What is built part by part is what sorting all edges at once gives.
    #[test]
    fn the_whole_is_a_graph_like_any_other(graphs in graphs()) {
        let batch = Batch::new(&graphs).unwrap();
        let whole = batch.joined();
        let mut given = vec![(0, 0); whole.n_edges()];
        for (pair, &place) in whole.edges().pairs().zip(whole.edges().given()) {
            given[place as usize] = pair;
        }
        let index = EdgeIndex::new(whole.n_nodes(), given).unwrap();
        prop_assert_eq!(whole.edges(), &index);
        for (part, graph) in (0u32..).zip(&graphs) {
            let nodes = batch.batch().iter().filter(|&&of| of == part).count();
            prop_assert_eq!(nodes, graph.n_nodes());
        }
        for (source, target) in whole.edges().pairs() {
            prop_assert_eq!(batch.batch()[source as usize], batch.batch()[target as usize]);
        }
        let edges = batch.edge_offsets().last().copied();
        prop_assert_eq!(edges.map(|e| e as usize), Some(whole.n_edges()));
    }

    #[test]
    fn a_layer_gives_each_part_its_own_rows(graphs in graphs()) {
        let batch = Batch::new(&graphs).unwrap();
        // A layer takes at least one feature: a graph without any has ones.
        let width = graphs[0].n_features().max(1);
        let weight = Array2::from_shape_fn((2, width), |(i, j)| 0.3 * (i + 1) as f64 - j as f64);
        let layer = gcn(&weight);
        let run = |graph: &Graph| {
            let ones = Array2::ones((graph.n_nodes(), 1));
            let x = if graph.n_features() > 0 { graph.x() } else { &ones };
            layer.forward(x, &PreparedGraph::new(graph)).unwrap()
        };
        let whole = run(batch.joined());
        let rows: Vec<_> = graphs.iter().map(run).collect();
        let views: Vec<_> = rows.iter().map(|rows| rows.view()).collect();
        let alone = concatenate(Axis(0), &views).unwrap();
        prop_assert_eq!(whole, alone);
    }
}

#[test]
fn a_batch_of_nothing_is_refused() {
    assert_eq!(Batch::new(&[]), Err(GraphDataError::EmptyBatch));
    let nobody = Graph::of_edges(EdgeIndex::new(0, []).unwrap());
    let batch = Batch::new(&[nobody.clone(), nobody.clone()]).unwrap();
    assert_eq!((batch.n_graphs(), batch.joined().n_nodes()), (2, 0));
    assert_eq!(batch.graph(1), Some(nobody));
}

#[test]
fn graphs_that_differ_in_what_they_have_are_refused() {
    let plain = Graph::new(array![[1.0], [2.0]], [(0, 1)]).unwrap();
    let weighted = plain.clone().with_edge_weight(&[1.0]).unwrap();
    let attributed = |attr: Array2<f64>| plain.clone().with_edge_attr(&attr).unwrap();
    let typed = |n| plain.clone().with_edge_type(&[0], n).unwrap();
    let wide = Graph::new(array![[1.0, 2.0]], []).unwrap();
    for (first, second, name, expected, got) in [
        (plain.clone(), wide, "x", Some(1), Some(2)),
        (
            plain.clone(),
            weighted.clone(),
            "edge_weight",
            None,
            Some(1),
        ),
        (weighted, plain.clone(), "edge_weight", Some(1), None),
        (
            attributed(array![[1.0]]),
            attributed(array![[1.0, 2.0]]),
            "edge_attr",
            Some(1),
            Some(2),
        ),
        (typed(2), typed(3), "edge_type", Some(2), Some(3)),
        (typed(1), plain.clone(), "edge_type", Some(1), None),
    ] {
        let unlike = GraphDataError::Unlike {
            part: 2,
            name,
            expected,
            got,
        };
        assert_eq!(Batch::new(&[first.clone(), first, second]), Err(unlike));
    }
}
