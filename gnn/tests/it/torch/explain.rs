//! Learned masks against exact ablation.

use astern_gnn::explain::{AblationParams, MaskExplanation};
use astern_gnn::layer::GcnConfig;
use astern_gnn::model::PreparedGraph;
use astern_gnn::ndarray::Array2;
use astern_gnn::torch::explain::{Explained, FeatureMask, GnnExplainer};
use astern_gnn::torch::tch::{Device, Kind};
use astern_gnn::torch::{ForwardMode, GraphLayer, GraphTensors, TrainableNetwork};
use astern_gnn::{Graph, NetworkConfig};
use astern_stats::correlation::pearson;
use astern_stats::rng::seeded;
use rand_chacha::rand_core::Rng;

use crate::support::noise;

/// A random graph all of which reaches node 0 in two hops: hubs receive from many, node 0 from the hubs.
fn ball(n: u32, n_edges: usize, seed: u64) -> Graph {
    let mut rng = seeded(seed, 0);
    let mut below = |n: u32| rng.next_u32() % n;
    let hubs = n / 5;
    let mut edges: Vec<(u32, u32)> = (1..=hubs).map(|hub| (hub, 0)).collect();
    edges.extend((hubs + 1..n).map(|leaf| (leaf, 1 + leaf % hubs)));
    while edges.len() < n_edges {
        let edge = (1 + below(n - 1), 1 + below(hubs));
        if edge.0 != edge.1 {
            edges.push(edge);
        }
    }
    let mut noise = noise(seed + 1);
    let x = Array2::from_shape_fn((n as usize, 8), |_| noise());
    Graph::new(x, edges).unwrap()
}

fn network(outputs: usize, seed: u64) -> TrainableNetwork {
    let config = NetworkConfig::new()
        .layer(GcnConfig::new(8, 16))
        .layer(GcnConfig::new(16, outputs));
    TrainableNetwork::new(&config, seed, Kind::Double, Device::Cpu).unwrap()
}

fn learned(
    explainer: GnnExplainer,
    graph: &Graph,
    network: &TrainableNetwork,
    what: Explained,
) -> MaskExplanation {
    let graph = GraphTensors::new(graph, Kind::Double, Device::Cpu).unwrap();
    let model = |x: &_, graph: &_| network.forward(x, graph, ForwardMode::Eval);
    explainer.explain(&graph, 0, what, model).unwrap()
}

/// Scores in pure Rust.
fn scorer(
    network: &TrainableNetwork,
) -> impl Fn(&Graph) -> Result<Vec<f64>, astern_gnn::EncodeError> {
    let pure = astern_gnn::Network::<f64>::new(&network.checkpoint().unwrap()).unwrap();
    move |graph| {
        let prepared = PreparedGraph::new(graph);
        Ok(pure.forward(prepared.x(), &prepared)?.column(0).to_vec())
    }
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]).then(a.cmp(&b)));
    let mut ranks = vec![0.0; values.len()];
    for (rank, place) in order.into_iter().enumerate() {
        ranks[place] = rank as f64;
    }
    ranks
}

/// Spearman's correlation of importance and size of the exact change, over edges.
fn agreement(graph: &Graph, network: &TrainableNetwork, seed: u64) -> f64 {
    let explainer = GnnExplainer::default().seed(seed);
    let masks = learned(explainer, graph, network, Explained::Score);
    let exact = AblationParams::default()
        .run(graph, 0, scorer(network))
        .unwrap();
    let (mut a, mut b) = (vec![0.0; graph.n_edges()], vec![0.0; graph.n_edges()]);
    masks
        .edges
        .iter()
        .for_each(|e| a[e.edge as usize] = e.importance);
    exact
        .edges
        .iter()
        .for_each(|e| b[e.edge as usize] = e.change.abs());
    pearson(&ranks(&a), &ranks(&b)).unwrap()
}

#[test]
fn masks_agree_little_with_exact_ablation() {
    // Were it high, the documentation would be wrong; were it negative, so would be the mask.
    let found: Vec<f64> = (0..8)
        .map(|seed| agreement(&ball(50, 100, seed), &network(1, seed), seed))
        .collect();
    let mean = found.iter().sum::<f64>() / found.len() as f64;
    println!("rank agreement {found:.2?}, mean {mean:.3}");
    assert!((0.0..0.5).contains(&mean), "{mean}");
}

#[test]
fn masks_know_what_is_in_reach() {
    // Nodes 50 and 51 receive from each other only.
    let inner = ball(50, 80, 3);
    let x = Array2::from_shape_fn((52, 8), |(i, f)| 0.1 + inner.x()[[i % 50, f]]);
    let edges = inner.edges().pairs().chain([(50, 51), (51, 50)]);
    let graph = Graph::new(x, edges).unwrap();
    for (what, outputs) in [(Explained::Score, 1), (Explained::Class, 3)] {
        let network = network(outputs, 5);
        let why = learned(GnnExplainer::default(), &graph, &network, what);
        assert_eq!(
            (why.losses.len(), why.edges.len(), why.features.len()),
            (100, 82, 52 * 8)
        );
        for e in &why.edges {
            assert_eq!(e.importance > 0.0, e.source < 50, "{e:?}");
            assert!(e.importance < 1.0);
        }
        assert!(
            why.features
                .iter()
                .all(|f| f.importance <= 0.0 || f.node < Some(50))
        );
        // The second epoch is the first with penalties.
        assert!(why.losses[99] < why.losses[1], "{:?}", why.losses);
        let again = learned(GnnExplainer::default(), &graph, &network, what);
        assert_eq!(again, why);
        let other = learned(GnnExplainer::default().seed(1), &graph, &network, what);
        assert_ne!(other, why);
    }
}

#[test]
fn feature_masks_have_their_shapes() {
    let (graph, network) = (ball(20, 30, 1), network(1, 2));
    let of = |features| {
        let explainer = GnnExplainer::default().epochs(3).features(features);
        learned(explainer, &graph, &network, Explained::Score).features
    };
    assert_eq!(of(FeatureMask::Off).len(), 0);
    let object = of(FeatureMask::Object);
    assert!(
        object.len() == 20
            && object
                .iter()
                .all(|f| f.node.is_some() && f.feature.is_none())
    );
    let common = of(FeatureMask::Common);
    assert!(
        common.len() == 8
            && common
                .iter()
                .all(|f| f.node.is_none() && f.feature.is_some())
    );
}

#[test]
fn explainer_refuses() {
    let (graph, network) = (ball(20, 30, 1), network(3, 2));
    let graph = GraphTensors::new(&graph, Kind::Double, Device::Cpu).unwrap();
    let run = |explainer: GnnExplainer, node, what| {
        explainer.explain(&graph, node, what, |x, g| {
            network.forward(x, g, ForwardMode::Eval)
        })
    };
    let default = GnnExplainer::default();
    assert!(run(default, 20, Explained::Class).is_err());
    assert!(run(default, 0, Explained::Score).is_err());
    let mut still = default;
    still.learning_rate = -1.0;
    assert!(run(still, 0, Explained::Class).is_err());
    // A model that does not look.
    let blind = default.explain(&graph, 0, Explained::Score, |x, _| {
        Ok(x.detach().sum_dim_intlist(1, false, Kind::Double))
    });
    assert!(blind.is_err());
}
