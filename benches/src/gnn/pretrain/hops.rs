//! Hop counts before the classes of Cora.
//!
//! Two GCN layers of 64 and a dense layer on them; rows of features divided by their sum. Adam .01,
//! weight decay 5e-4, dropout .5, at most 200 epochs, stopped after 20 without a smaller validation
//! loss (500 nodes), best parameters put back; accuracy on 1,000 nodes.

use std::ops::Range;
use std::path::Path;

use astern_gnn::layer::{GcnConfig, LinearConfig};
use astern_gnn::ndarray::{Array1, Array2, Axis};
use astern_gnn::torch::loss::CrossEntropy;
use astern_gnn::torch::pretrain::{HopCountParams, hop_counts};
use astern_gnn::torch::tch::{Device, Kind, Tensor};
use astern_gnn::torch::train::Trainer;
use astern_gnn::torch::{GraphLayer, GraphTensors, Mode, Network, load_state, state_of};
use astern_gnn::train::{AdamConfig, EarlyStop, OptimizerConfig, TrainParams};
use astern_gnn::{Graph, NetworkConfig, NodeSplit};

use super::super::npz::Npz;
use super::{Comparison, Outcome};

const WIDTH: usize = 64;

struct Cora {
    graph: GraphTensors,
    labels: Vec<u32>,
    n_features: usize,
    n_classes: usize,
}

pub(super) fn compare(root: &Path, seeds: Range<u64>) -> Outcome<Vec<Comparison>> {
    let cora = read(&root.join("graph-anomaly/cora_clean.npz"))?;
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
        let encoder = Network::new(&encoder(&cora), seed, Kind::Float, Device::Cpu)?;
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
fn accuracy(cora: &Cora, split: &NodeSplit, start: Option<&Network>, seed: u64) -> Outcome<f64> {
    let config = encoder(cora).layer(LinearConfig::new(WIDTH, cora.n_classes));
    let network = Network::new(&config, seed, Kind::Float, Device::Cpu)?;
    if let Some(start) = start {
        // The encoder's layers have the same names in both.
        let mut state = state_of(&network)?;
        for (name, tensor) in state_of(start)?.iter() {
            state.insert(name, &tensor.shape, tensor.values.clone());
        }
        load_state(&network, &state)?;
    }
    let graph = &cora.graph;
    let loss = CrossEntropy::new(&cora.labels, cora.n_classes, Device::Cpu)?;
    let [train, validation] = [split.train_mask(), split.validation_mask()].map(|mask| {
        let mask: Vec<f32> = mask.iter().map(|&on| f32::from(on)).collect();
        Tensor::f_from_slice(&mask)
    });
    let (train, validation) = (train?, validation?);
    let adam = AdamConfig::new(0.01).weight_decay(5e-4);
    let params = TrainParams::new(OptimizerConfig::Adam(adam))
        .early_stop(EarlyStop::after(20).restore_best(true))
        .seed(seed);
    Trainer::new(&network, &params)?
        .validate(|_| {
            let logits = network.forward(graph.x(), graph, Mode::Eval)?;
            let value = loss.loss(&logits, Some(&validation))?;
            Ok(f64::try_from(&value).unwrap_or(f64::NAN))
        })
        .run(|_| {
            let logits = network.forward(graph.x(), graph, Mode::Train)?;
            loss.loss(&logits, Some(&train))
        })?;
    let told = network.forward(graph.x(), graph, Mode::Eval)?;
    let told: Vec<i64> = Vec::try_from(&told.f_argmax(1, false)?)?;
    let right = |node: &&u32| told[**node as usize] == i64::from(cora.labels[**node as usize]);
    Ok(split.test().iter().filter(right).count() as f64 / split.test().len() as f64)
}

fn read(path: &Path) -> Outcome<Cora> {
    let mut npz = Npz::open(path)?;
    let mut x = npz.sparse("x")?;
    for mut row in x.axis_iter_mut(Axis(0)) {
        let sum = row.sum();
        if sum > 0.0 {
            row.mapv_inplace(|value| value / sum);
        }
    }
    let pairs: Array2<i32> = npz.array("edges")?;
    let mut edges = Vec::with_capacity(2 * pairs.nrows());
    for pair in pairs.rows() {
        let (a, b) = (u32::try_from(pair[0])?, u32::try_from(pair[1])?);
        edges.extend([(a, b), (b, a)]);
    }
    let labels: Array1<i32> = npz.array("y")?;
    let labels = labels.iter().map(|&y| u32::try_from(y));
    let labels = labels.collect::<Result<Vec<_>, _>>()?;
    let n_features = x.ncols();
    let graph = Graph::new(x, edges)?;
    Ok(Cora {
        graph: GraphTensors::new(&graph, Kind::Float, Device::Cpu)?,
        n_features,
        n_classes: labels.iter().max().map_or(0, |&y| y as usize + 1),
        labels,
    })
}
