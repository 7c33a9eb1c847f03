//! Graph attention on a graph like Cora: papers, the words in them and their citations. The code of
//! docs/guides/from-pyg.md.
//!
//! ```text
//! cargo run -p astern-examples --example cora_like --features torch
//! ```
#![allow(clippy::print_stdout, reason = "the example's result is its output")]

use std::error::Error;
use std::fs;

use astern::gnn::graph::{NodeSplit, Reduce};
use astern::gnn::layer::GatConfig;
use astern::gnn::model::{Activation, PreparedGraph};
use astern::gnn::ndarray::Array2;
use astern::gnn::torch::loss::CrossEntropy;
use astern::gnn::torch::tch::{self, Device, Kind, Tensor};
use astern::gnn::torch::train::Trainer;
use astern::gnn::torch::{
    ForwardMode, GraphLayer, GraphTensors, TorchError, TrainableNetwork, load_state,
};
use astern::gnn::train::{AdamConfig, EarlyStop, OptimizerConfig, TrainParams};
use astern::gnn::{Checkpoint, Graph, NetworkConfig, StateDict};
use astern::stats::classification::ConfusionMatrix;
use astern::stats::rng::seeded;
use astern_examples::output;
use rand::RngExt;

const CLASSES: u32 = 4;
const PAPERS: u32 = 600;
const WORDS: usize = 48;

fn main() -> Result<(), Box<dyn Error>> {
    // For a graph of this size one thread is as fast as many.
    tch::set_num_threads(1);
    let (x, edges, labels) = papers(7);
    let graph = Graph::new(x, edges)?.undirected(Reduce::Sum)?;
    let split = NodeSplit::per_class(&labels, 20, 100, 300, 7)?;
    println!(
        "{} papers, {} citations both ways, {} labels to learn from.",
        graph.n_nodes(),
        graph.n_edges(),
        split.train().len()
    );

    let network = train(&graph, &labels, &split)?;
    let matrix = judge(&network, &graph, &labels, &split)?;
    let accuracy = matrix.accuracy().ok_or("no test papers")?;
    println!("\n{matrix}\n\nTest accuracy {accuracy:.3}.");
    assert!(accuracy > 0.9, "attention should find the classes");

    let file = output("cora_like.network")?;
    fs::write(&file, network.checkpoint()?.to_bytes()?)?;
    let classes = score_without_libtorch(&fs::read(&file)?, &graph)?;
    let right = split.test().iter();
    let right = right.filter(|&&i| classes[i as usize] == labels[i as usize] as usize);
    assert_eq!(right.count() as u64, matrix.correct());
    println!("Saved as target/cora_like.network; scored without libtorch it finds the same.");

    let weights = as_saved_by_pyg(network.checkpoint()?.state())?;
    let loaded = from_pyg(&weights, network.config())?;
    assert_eq!(loaded.checkpoint()?, network.checkpoint()?);
    println!("Weights under the names of PyTorch Geometric load as they are.");
    Ok(())
}

fn config(inputs: usize, classes: usize) -> NetworkConfig {
    NetworkConfig::new()
        .layer(GatConfig::new(inputs, 8).heads(8).dropout(0.5))
        .layer(GatConfig::new(64, classes).concat(false).dropout(0.5))
        .activation(Activation::Elu)
        .dropout(0.5)
}

fn train(
    graph: &Graph,
    labels: &[u32],
    split: &NodeSplit,
) -> Result<TrainableNetwork, Box<dyn Error>> {
    let data = GraphTensors::new(graph, Kind::Float, Device::Cpu)?;
    let config = config(graph.n_features(), CLASSES as usize);
    let network = TrainableNetwork::new(&config, 7, Kind::Float, Device::Cpu)?;
    let loss = CrossEntropy::new(labels, CLASSES as usize, Device::Cpu)?;
    let (train, validation) = (mask(&split.train_mask())?, mask(&split.validation_mask())?);

    let adam = AdamConfig::new(0.005).weight_decay(5e-4);
    let params = TrainParams::new(OptimizerConfig::Adam(adam))
        .epochs(200)
        .early_stop(EarlyStop::after(20).restore_best(true));
    let report = Trainer::new(&network, &params)?
        .validate(|_| {
            let logits = network.forward(data.x(), &data, ForwardMode::Eval)?;
            let value = loss.loss(&logits, Some(&validation))?;
            value
                .f_double_value(&[])
                .map_err(|e| TorchError::new("value", &[&value], e))
        })
        .run(|_| {
            let logits = network.forward(data.x(), &data, ForwardMode::Train)?;
            loss.loss(&logits, Some(&train))
        })?;
    println!("{report}");
    Ok(network)
}

fn judge(
    network: &TrainableNetwork,
    graph: &Graph,
    labels: &[u32],
    split: &NodeSplit,
) -> Result<ConfusionMatrix, Box<dyn Error>> {
    let data = GraphTensors::new(graph, Kind::Float, Device::Cpu)?;
    let logits = tch::no_grad(|| network.forward(data.x(), &data, ForwardMode::Eval))?;
    let classes: Vec<i64> = logits.f_argmax(1, false)?.try_into()?;
    let test = split.test().iter().map(|&i| i as usize);
    let found: Vec<usize> = test
        .clone()
        .map(|i| usize::try_from(classes[i]))
        .collect::<Result<_, _>>()?;
    let labels: Vec<usize> = test.map(|i| labels[i] as usize).collect();
    Ok(ConfusionMatrix::new(&labels, &found, CLASSES as usize)?)
}

fn score_without_libtorch(bytes: &[u8], graph: &Graph) -> Result<Vec<usize>, Box<dyn Error>> {
    let network = astern::gnn::Network::<f32>::new(&Checkpoint::from_bytes(bytes)?)?;
    let graph = PreparedGraph::new(graph);
    let logits = network.forward(graph.x(), &graph)?;
    let best = |row: &[f32]| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]));
    let rows = logits.rows().into_iter();
    Ok(rows.filter_map(|row| best(&row.to_vec())).collect())
}

fn from_pyg(bytes: &[u8], config: &NetworkConfig) -> Result<TrainableNetwork, Box<dyn Error>> {
    let saved = StateDict::from_safetensors(bytes)?;
    let mut state = StateDict::default();
    for (i, layer) in ["conv1", "conv2"].into_iter().enumerate() {
        for (name, tensor) in saved.below(layer).iter() {
            state.insert(format!("{i}.{name}"), &tensor.shape, tensor.values.clone());
        }
    }
    let network = TrainableNetwork::new(config, 0, Kind::Float, Device::Cpu)?;
    load_state(&network, &state)?;
    Ok(network)
}

/// 1 for the papers of a part, else 0.
fn mask(part: &[bool]) -> Result<Tensor, Box<dyn Error>> {
    let values: Vec<f32> = part.iter().map(|&is_in| f32::from(is_in)).collect();
    Ok(Tensor::f_from_slice(&values)?)
}

/// Papers of four classes. Each draws eight words, half of them from the twelve of its class, and
/// cites three papers, mostly of its class: features `[N, F]` whose rows sum to 1, edges, classes.
fn papers(seed: u64) -> (Array2<f64>, Vec<(u32, u32)>, Vec<u32>) {
    let mut rng = seeded(seed, 0);
    let labels: Vec<u32> = (0..PAPERS).map(|paper| paper % CLASSES).collect();
    let mut x = Array2::zeros((PAPERS as usize, WORDS));
    let mut edges = Vec::new();
    let of_class = WORDS / CLASSES as usize;
    for (paper, &class) in (0..PAPERS).zip(&labels) {
        for _ in 0..8 {
            let own = class as usize * of_class + rng.random_range(0..of_class);
            let any = rng.random_range(0..WORDS);
            let word = if rng.random_bool(0.5) { own } else { any };
            x[[paper as usize, word]] = 1.0;
        }
        for _ in 0..3 {
            let any = rng.random_range(0..PAPERS);
            let own = any - any % CLASSES + class;
            let cited = if rng.random_bool(0.8) { own } else { any };
            if cited != paper {
                edges.push((paper, cited));
            }
        }
    }
    for mut row in x.rows_mut() {
        let words = row.sum();
        row /= words;
    }
    (x, edges, labels)
}

/// The bytes that `safetensors.torch.save_file(model.state_dict(), path)` writes for a model whose
/// layers are `conv1` and `conv2`.
fn as_saved_by_pyg(state: &StateDict) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut renamed = StateDict::default();
    for (i, layer) in ["conv1", "conv2"].into_iter().enumerate() {
        for (name, tensor) in state.below(&i.to_string()).iter() {
            renamed.insert(
                format!("{layer}.{name}"),
                &tensor.shape,
                tensor.values.clone(),
            );
        }
    }
    Ok(renamed.to_safetensors()?)
}
