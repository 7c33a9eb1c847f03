//! Hop counts before the classes of Cora.
//!
//! Two GCN layers of 64 and a dense layer on them; rows of features divided by their sum. Adam .01,
//! weight decay 5e-4, dropout .5, at most 200 epochs, stopped after 20 without a smaller validation
//! loss (500 nodes), best parameters put back; accuracy on 1,000 nodes.

use std::ops::RangeInclusive;
use std::path::Path;

use astern_gnn::NetworkConfig;
use astern_gnn::graph::NodeSplit;
use astern_gnn::layer::{GcnConfig, LinearConfig};
use astern_gnn::torch::pretrain::{HopCountParams, hop_counts};
use astern_gnn::torch::tch::{Device, Kind};
use astern_gnn::torch::{GraphLayer, TrainableNetwork, load_state, state_of};

use super::super::cora::Cora;
use super::{Comparison, Outcome};

const WIDTH: usize = 64;
const LEARNING_RATE: f64 = 0.01;

pub(super) fn compare(root: &Path, seeds: RangeInclusive<u64>) -> Outcome<Vec<Comparison>> {
    let cora = Cora::read(&root.join("graph-anomaly/cora_clean.npz"))?;
    let per_class = [20, 3];
    let mut all: Vec<Comparison> = per_class
        .map(|n| Comparison {
            name: format!("hop counts, Cora, {n} labels a class"),
            metric: "accuracy",
            plain: Vec::new(),
            helped: Vec::new(),
        })
        .into();
    for seed in seeds {
        let encoder = TrainableNetwork::new(&encoder(&cora), seed, Kind::Float, Device::Cpu)?;
        let params = HopCountParams::default().seed(seed);
        let train = params.train.clone().seed(seed);
        hop_counts(&encoder, cora.graph.x(), &cora.graph, &params.train(train))?;
        for (n, comparison) in per_class.into_iter().zip(&mut all) {
            let split = NodeSplit::per_class(&cora.labels, n, 500, 1000, seed)?;
            comparison.plain.push(accuracy(&cora, &split, None, seed)?);
            let helped = accuracy(&cora, &split, Some(&encoder), seed)?;
            comparison.helped.push(helped);
        }
    }
    Ok(all)
}

fn encoder(cora: &Cora) -> NetworkConfig {
    NetworkConfig::new()
        .layer(GcnConfig::new(cora.n_features, WIDTH))
        .layer(GcnConfig::new(WIDTH, WIDTH))
        .dropout(0.5)
}

/// Accuracy on the test nodes, from the weights of `start` where there is one.
fn accuracy(
    cora: &Cora,
    split: &NodeSplit,
    start: Option<&TrainableNetwork>,
    seed: u64,
) -> Outcome<f64> {
    let config = encoder(cora).layer(LinearConfig::new(WIDTH, cora.n_classes));
    let network = TrainableNetwork::new(&config, seed, Kind::Float, Device::Cpu)?;
    if let Some(start) = start {
        // The encoder's layers have the same names in both.
        let mut state = state_of(&network)?;
        for (name, tensor) in state_of(start)?.iter() {
            state.insert(name, &tensor.shape, tensor.values.clone());
        }
        load_state(&network, &state)?;
    }
    let logits = |mode| network.forward(cora.graph.x(), &cora.graph, mode);
    cora.fit(&network, logits, split, LEARNING_RATE, seed)?;
    let matrix = cora.judge(logits, split.test())?;
    Ok(matrix.accuracy().ok_or("no test nodes")?)
}
