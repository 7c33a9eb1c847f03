//! Graphs as data: batches, splits, parts, undirected graphs, and graphs of telemetry.

mod batch;
mod coalesce;
mod sample;
mod split;
mod temporal;

use astern_gnn::layer::GcnConfig;
use astern_gnn::ndarray::Array2;
use astern_gnn::{Checkpoint, Graph, Network, NetworkConfig, StateDict};
use proptest::prelude::*;

/// One graph convolution with this weight, loops added, without bias.
fn gcn(weight: &Array2<f64>) -> Network<f64> {
    let layer = GcnConfig::new(weight.ncols(), weight.nrows()).bias(false);
    let mut state = StateDict::default();
    let values = weight.iter().copied().collect();
    state.insert("0.lin.weight", weight.shape(), values);
    let config = NetworkConfig::new().layer(layer);
    Network::new(&Checkpoint::new(config, state).unwrap()).unwrap()
}

/// Widths of what belongs to nodes and edges; edges have weights and relations where asked for.
#[derive(Debug, Clone, Copy)]
struct Parts {
    features: usize,
    weight: bool,
    attributes: Option<usize>,
    relations: Option<u32>,
}

fn parts() -> impl Strategy<Value = Parts> {
    (
        0..3usize,
        any::<bool>(),
        prop::option::of(0..3usize),
        prop::option::of(1..4u32),
    )
        .prop_map(|(features, weight, attributes, relations)| Parts {
            features,
            weight,
            attributes,
            relations,
        })
}

/// Up to seven nodes, loops and parallel edges among them; numbers are whole, so that sums of them
/// are exact in any order.
fn graph_of(parts: Parts) -> impl Strategy<Value = Graph> {
    let edges = |n: u32| prop::collection::vec((0..n.max(1), 0..n.max(1)), 0..=3 * n as usize);
    (0..8u32)
        .prop_flat_map(move |n| (Just(n), edges(n), any::<u16>()))
        .prop_map(move |(n, edges, salt)| build(parts, n as usize, &edges, salt))
}

fn build(parts: Parts, n: usize, edges: &[(u32, u32)], salt: u16) -> Graph {
    let value = |i: usize, j: usize| ((i * 31 + j * 7 + salt as usize) % 13) as f64;
    let e = edges.len();
    let x = Array2::from_shape_fn((n, parts.features), |(i, j)| value(i, j));
    let mut graph = Graph::new(x, edges.iter().copied()).unwrap();
    if parts.weight {
        let weights: Vec<f64> = (0..e).map(|i| value(i, 5)).collect();
        graph = graph.with_edge_weight(&weights).unwrap();
    }
    if let Some(width) = parts.attributes {
        let attr = Array2::from_shape_fn((e, width), |(i, j)| -value(i, j + 9));
        graph = graph.with_edge_attr(&attr).unwrap();
    }
    if let Some(relations) = parts.relations {
        let types: Vec<u32> = (0u32..).take(e).map(|i| i % relations).collect();
        graph = graph.with_edge_type(&types, relations as usize).unwrap();
    }
    graph
}

fn any_graph() -> impl Strategy<Value = Graph> {
    parts().prop_flat_map(graph_of)
}
