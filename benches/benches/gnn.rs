//! Scoring networks in pure Rust on one core, by layer and kind of number: 200 nodes, 1,600 edges,
//! 64 to 64 columns; the window has 12 steps of 8 features.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "the macros of criterion make undocumented items"
)]
#![allow(clippy::unwrap_used, reason = "a bench panics to fail")]

use std::hint::black_box;

use astern_gnn::layer::{
    GatConfig, GatV2Config, GcnConfig, LinearConfig, RecurrentConfig, SageConfig,
};
use astern_gnn::model::{LayerConfig, PreparedGraph, Real};
use astern_gnn::ndarray::{Array2, Array3};
use astern_gnn::{Checkpoint, Graph, Network, NetworkConfig, StateDict};
use astern_stats::rng::seeded;
use criterion::{Criterion, criterion_group, criterion_main};
use rand::RngExt as _;

const NODES: usize = 200;
const EDGES: usize = 1_600;
const WIDTH: usize = 64;
const STEPS: usize = 12;
const FEATURES: usize = 8;

fn graph() -> Graph {
    let mut rng = seeded(1, 0);
    let mut node = || rng.random_range(0..u32::try_from(NODES).unwrap());
    let edges: Vec<_> = (0..EDGES).map(|_| (node(), node())).collect();
    let mut features = |shape| Array2::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0));
    let (x, attributes) = (features((NODES, WIDTH)), features((EDGES, 3)));
    let graph = Graph::new(x, edges).unwrap();
    graph.with_edge_attr(&attributes).unwrap()
}

fn network<F: Real>(layer: LayerConfig) -> Network<F> {
    let (config, mut rng) = (NetworkConfig::new().layer(layer), seeded(2, 0));
    let mut state = StateDict::default();
    for (name, shape) in config.parameters() {
        let values = (0..shape.iter().product()).map(|_| rng.random_range(-0.2..0.2));
        state.insert(name, &shape, values.collect());
    }
    Network::new(&Checkpoint::new(config, state).unwrap()).unwrap()
}

fn score<F: Real>(c: &mut Criterion, kind: &str) {
    let layers: [(&str, LayerConfig); 8] = [
        ("linear", LinearConfig::new(WIDTH, WIDTH).into()),
        ("gcn", GcnConfig::new(WIDTH, WIDTH).into()),
        ("sage", SageConfig::new(WIDTH, WIDTH).into()),
        ("gat", GatConfig::new(WIDTH, WIDTH).into()),
        ("gatv2", GatV2Config::new(WIDTH, WIDTH).into()),
        (
            "gatv2_heads_4",
            GatV2Config::new(WIDTH, WIDTH / 4).heads(4).into(),
        ),
        (
            "gatv2_edge_3",
            GatV2Config::new(WIDTH, WIDTH).edge_features(3).into(),
        ),
        ("gru", RecurrentConfig::new(FEATURES, WIDTH).into()),
    ];
    let mut group = c.benchmark_group(format!("score_{kind}"));
    let graph = PreparedGraph::<F>::new(&graph());
    let first = graph.x()[[0, 0]];
    let window = Array3::from_elem((NODES, STEPS, FEATURES), first);
    for (name, layer) in layers {
        let network = network::<F>(layer);
        group.bench_function(name, |b| {
            if name == "gru" {
                b.iter(|| network.forward_window(black_box(&window), &graph).unwrap());
            } else {
                b.iter(|| network.forward(black_box(graph.x()), &graph).unwrap());
            }
        });
    }
    group.finish();
}

fn scores(c: &mut Criterion) {
    score::<f32>(c, "f32");
    score::<f64>(c, "f64");
}

criterion_group!(benches, scores);
criterion_main!(benches);
