//! Exact ablation beside a learned mask, on random graphs: time, and whether they name the same edges.
//!
//! Two GCN layers with random weights, 16 features, 8 edges a node; the score of one node is
//! explained. Ablation takes every edge out and sets every feature to 0, on the pure-Rust network; the
//! mask (`GNNExplainer`, 100 epochs, edges and features) learns on libtorch.

use std::error::Error;
use std::ops::RangeInclusive;
use std::time::Instant;

use astern_gnn::explain::AblationParams;
use astern_gnn::layer::{GcnConfig, LinearConfig};
use astern_gnn::model::PreparedGraph;
use astern_gnn::ndarray::Array2;
use astern_gnn::torch::explain::{Explained, GnnExplainer};
use astern_gnn::torch::tch::{Device, Kind};
use astern_gnn::torch::{self, ForwardMode, GraphLayer, GraphTensors};
use astern_gnn::{EncodeError, Graph, Network, NetworkConfig};
use astern_stats::order::descending;
use astern_stats::rng::seeded;
use astern_stats::robust::{mean, median};
use rand::RngExt;

use crate::table::markdown;

type Outcome<T> = Result<T, Box<dyn Error>>;

const FEATURES: usize = 16;
const WIDTH: usize = 32;
const EDGES: [u32; 3] = [100, 400, 1600];
/// Edges that are compared by name.
const TOP: usize = 10;

/// One graph explained both ways.
struct Pair {
    exact_ms: f64,
    mask_ms: f64,
    /// Share of the exact [`TOP`] edges that are among as many of the mask's.
    overlap: f64,
    /// The same of two masks of other seeds.
    again: f64,
}

/// The table of all sizes.
///
/// # Errors
///
/// When libtorch or a network refuses something.
pub fn evaluate(seeds: RangeInclusive<u64>) -> Outcome<String> {
    // Exact ablation has one thread too, and libtorch's would wait for each other on busy cores.
    torch::tch::set_num_threads(1);
    let mut rows = Vec::new();
    for edges in EDGES {
        let pairs = seeds.clone().map(|seed| pair(edges, seed));
        let pairs = pairs.collect::<Outcome<Vec<_>>>()?;
        let of = |value: fn(&Pair) -> f64| pairs.iter().map(value).collect::<Vec<f64>>();
        let ms = |value| median(&of(value)).map_or("-".into(), |ms| format!("{ms:.1}"));
        let share = |value| mean(&of(value)).map_or("-".into(), |share| format!("{share:.2}"));
        rows.push(vec![
            edges.to_string(),
            (edges / 8).to_string(),
            ms(|p| p.exact_ms),
            ms(|p| p.mask_ms),
            share(|p| p.overlap),
            share(|p| p.again),
        ]);
    }
    let header = [
        "E",
        "N",
        "exact, ms",
        "mask, ms",
        "same top 10",
        "mask and mask of another seed",
    ];
    Ok(format!(
        "{} random graphs a size, one thread; medians of times, means of shares.\n\n{}\n",
        seeds.count(),
        markdown(&header, &rows)
    ))
}

fn pair(edges: u32, seed: u64) -> Outcome<Pair> {
    let n = edges / 8;
    let mut rng = seeded(seed, u64::from(edges));
    let x = Array2::from_shape_fn((n as usize, FEATURES), |_| rng.random_range(-1.0..1.0));
    let ends = (0..edges).map(|e| (rng.random_range(0..n), e % n));
    let graph = Graph::new(x, ends.collect::<Vec<_>>())?;
    let config = NetworkConfig::new()
        .layer(GcnConfig::new(FEATURES, WIDTH))
        .layer(GcnConfig::new(WIDTH, WIDTH))
        .layer(LinearConfig::new(WIDTH, 1));
    let trained = torch::TrainableNetwork::new(&config, seed, Kind::Float, Device::Cpu)?;
    let network = Network::<f32>::new(&trained.checkpoint()?)?;

    let start = Instant::now();
    let scorer = |graph: &Graph| -> Result<Vec<f64>, EncodeError> {
        let prepared = PreparedGraph::new(graph);
        let scores = network.forward(prepared.x(), &prepared)?;
        Ok(scores.column(0).iter().map(|&s| f64::from(s)).collect())
    };
    let exact = AblationParams::default().run(&graph, 0, scorer)?;
    let exact_ms = 1e3 * start.elapsed().as_secs_f64();

    let start = Instant::now();
    let tensors = GraphTensors::new(&graph, Kind::Float, Device::Cpu)?;
    let explain = |seed| {
        let explainer = GnnExplainer::default().seed(seed);
        explainer.explain(&tensors, 0, Explained::Score, |x, graph| {
            trained.forward(x, graph, ForwardMode::Eval)
        })
    };
    let mask = explain(seed)?;
    let mask_ms = 1e3 * start.elapsed().as_secs_f64();
    let other = explain(!seed)?;

    let mut effects: Vec<(u32, f64)> = exact.edges.iter().map(|e| (e.edge, e.change)).collect();
    effects.sort_by(|a, b| descending(a.1.abs(), b.1.abs()));
    let exact: Vec<u32> = effects.iter().take(TOP).map(|e| e.0).collect();
    let [mask, other] = [mask, other].map(|found| {
        let edges = found.edges.iter().take(TOP).map(|e| e.edge);
        edges.collect::<Vec<u32>>()
    });
    let same = |a: &[u32], b: &[u32]| {
        let common = a.iter().filter(|edge| b.contains(edge)).count();
        common as f64 / TOP as f64
    };
    Ok(Pair {
        exact_ms,
        mask_ms,
        overlap: same(&exact, &mask),
        again: same(&mask, &other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_name_edges() -> Outcome<()> {
        let pair = pair(EDGES[0], 1)?;
        // Ten of a hundred by chance would share one.
        assert!(pair.overlap > 0.15, "{}", pair.overlap);
        assert!((0.0..=1.0).contains(&pair.again));
        Ok(())
    }
}
