//! Classes of papers in Cora: trainings that a peer repeats on the same splits.
//!
//! Protocol, fixed before any test figure was read: 20 labels a class, 500 nodes to validate on and
//! 1,000 to test on, drawn by seed; rows of features divided by their sum; undirected edges; two
//! layers, 64 hidden or 8 heads of 8; dropout .5 on the input, between the layers, and on attention;
//! Adam with weight decay 5e-4; at most 200 epochs, stopped after 20 without a smaller validation
//! loss, the best parameters put back.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use astern_gnn::graph::{NodeSplit, Reduce};
use astern_gnn::layer::{GatConfig, GatV2Config, GcnConfig, SageConfig};
use astern_gnn::model::{Activation, LayerConfig};
use astern_gnn::ndarray::{Array1, Array2};
use astern_gnn::torch::loss::CrossEntropy;
use astern_gnn::torch::tch::{self, Device, Kind, Tensor};
use astern_gnn::torch::train::Trainer;
use astern_gnn::torch::{ForwardMode, GraphLayer, GraphTensors, TorchError, TrainableNetwork};
use astern_gnn::train::{AdamConfig, EarlyStop, OptimizerConfig, TrainParams, TrainerReport};
use astern_gnn::{Graph, NetworkConfig};
use astern_stats::classification::ConfusionMatrix;
use serde::{Deserialize, Serialize};

use super::npz::Npz;

type Outcome<T> = Result<T, Box<dyn Error>>;

const HIDDEN: usize = 64;
const HEADS: usize = 8;
const DROPOUT: f64 = 0.5;
const WEIGHT_DECAY: f64 = 5e-4;
const EPOCHS: usize = 200;
const PATIENCE: usize = 20;

/// Layers that a network is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Model {
    /// Graph convolution.
    Gcn,
    /// The mean of the neighbours beside the node.
    Sage,
    /// Graph attention.
    Gat,
    /// Graph attention whose ranking depends on the node that attends.
    GatV2,
}

impl Model {
    fn is_attention(self) -> bool {
        matches!(self, Self::Gat | Self::GatV2)
    }

    /// Rate by which Adam begins.
    fn learning_rate(self) -> f64 {
        if self.is_attention() { 0.005 } else { 0.01 }
    }

    fn network(self, inputs: usize, outputs: usize) -> NetworkConfig {
        let per_head = HIDDEN / HEADS;
        let [first, second]: [LayerConfig; 2] = match self {
            Self::Gcn => [
                GcnConfig::new(inputs, HIDDEN).into(),
                GcnConfig::new(HIDDEN, outputs).into(),
            ],
            Self::Sage => [
                SageConfig::new(inputs, HIDDEN).into(),
                SageConfig::new(HIDDEN, outputs).into(),
            ],
            Self::Gat => {
                let first = GatConfig::new(inputs, per_head).heads(HEADS);
                let second = GatConfig::new(HIDDEN, outputs).concat(false);
                [first, second].map(|layer| layer.dropout(DROPOUT).into())
            }
            Self::GatV2 => {
                let first = GatV2Config::new(inputs, per_head).heads(HEADS);
                let second = GatV2Config::new(HIDDEN, outputs).concat(false);
                [first, second].map(|layer| layer.dropout(DROPOUT).into())
            }
        };
        let activation = if self.is_attention() {
            Activation::Elu
        } else {
            Activation::Relu
        };
        let network = NetworkConfig::new().layer(first).layer(second);
        network.activation(activation).dropout(DROPOUT)
    }
}

/// What came of a training.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trained {
    /// Share of the test nodes whose class was found.
    pub accuracy: f64,
    /// Mean over classes of F1 on the test nodes.
    pub macro_f1: f64,
    /// Epochs until the early stop.
    pub epochs: usize,
    /// Training and validation of an epoch, on average.
    pub epoch_ms: f64,
}

/// The graph of papers.
#[derive(Debug)]
pub struct Cora {
    pub(super) graph: GraphTensors,
    pub(super) n_features: usize,
    pub(super) labels: Vec<u32>,
    pub(super) n_classes: usize,
}

impl Cora {
    /// Reads `x_row`, `x_col`, `x_val`, `x_shape`, `edges` `[E, 2]` and `y` `[N]` of a `.npz` file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or its arrays do not fit together.
    pub fn read(path: &Path) -> Outcome<Self> {
        let mut npz = Npz::open(path)?;
        let x = row_normalized(npz.sparse("x")?);
        let edges: Array2<i32> = npz.array("edges")?;
        let y: Array1<i32> = npz.array("y")?;
        let edges = edges
            .rows()
            .into_iter()
            .map(|ends| match ends.to_vec()[..] {
                [source, target] => Ok((u32::try_from(source)?, u32::try_from(target)?)),
                _ => Err("`edges` must have two columns".into()),
            });
        let edges = edges.collect::<Outcome<Vec<_>>>()?;
        let labels = y.iter().map(|&class| u32::try_from(class));
        let labels = labels.collect::<Result<Vec<_>, _>>()?;
        if labels.len() != x.nrows() {
            let (n, rows) = (labels.len(), x.nrows());
            return Err(format!("{n} classes for {rows} nodes").into());
        }
        let graph = Graph::new(x, edges)?.undirected(Reduce::Sum)?;
        Ok(Self {
            n_features: graph.n_features(),
            graph: GraphTensors::new(&graph, Kind::Float, Device::Cpu)?,
            n_classes: labels.iter().max().map_or(0, |&class| class as usize + 1),
            labels,
        })
    }

    /// The nodes to train, validate and test on.
    ///
    /// # Errors
    ///
    /// When there are too few.
    pub fn split(&self, seed: u64) -> Outcome<NodeSplit> {
        Ok(NodeSplit::per_class(&self.labels, 20, 500, 1000, seed)?)
    }

    /// Trains on the split of `seed` from weights of `seed`.
    ///
    /// # Errors
    ///
    /// When libtorch refuses something or the training diverges.
    pub fn train(&self, model: Model, seed: u64) -> Outcome<Trained> {
        let split = self.split(seed)?;
        let config = model.network(self.n_features, self.n_classes);
        let network = TrainableNetwork::new(&config, seed, Kind::Float, Device::Cpu)?;
        // The input is dropped out too.
        let logits = |mode| {
            let x = self.graph.x();
            let x = x
                .f_dropout(DROPOUT, mode == ForwardMode::Train)
                .map_err(|e| TorchError::new("dropout", &[x], e))?;
            network.forward(&x, &self.graph, mode)
        };
        let start = Instant::now();
        let report = self.fit(&network, logits, &split, model.learning_rate(), seed)?;
        let ms = 1e3 * start.elapsed().as_secs_f64();

        let matrix = self.judge(logits, split.test())?;
        let epochs = report.epochs_run();
        Ok(Trained {
            accuracy: matrix.accuracy().ok_or("no test nodes")?,
            macro_f1: matrix.macro_f1().ok_or("no class has a test node")?,
            epochs,
            epoch_ms: ms / epochs as f64,
        })
    }

    /// Trains the parameters of `network` for the classes that `logits` gives.
    pub(super) fn fit(
        &self,
        network: &TrainableNetwork,
        logits: impl Fn(ForwardMode) -> Result<Tensor, TorchError>,
        split: &NodeSplit,
        learning_rate: f64,
        seed: u64,
    ) -> Outcome<TrainerReport> {
        let loss = CrossEntropy::new(&self.labels, self.n_classes, Device::Cpu)?;
        let train = weights(split.train_mask())?;
        let validation = weights(split.validation_mask())?;
        let adam = AdamConfig::new(learning_rate).weight_decay(WEIGHT_DECAY);
        let params = TrainParams::new(OptimizerConfig::Adam(adam))
            .epochs(EPOCHS)
            .early_stop(EarlyStop::after(PATIENCE).restore_best(true))
            .seed(seed);
        let report = Trainer::new(network, &params)?
            .validate(|_| {
                let loss = loss.loss(&logits(ForwardMode::Eval)?, Some(&validation))?;
                let value = loss.f_double_value(&[]);
                value.map_err(|e| TorchError::new("value", &[&loss], e))
            })
            .run(|_| loss.loss(&logits(ForwardMode::Train)?, Some(&train)))?;
        Ok(report)
    }

    pub(super) fn judge(
        &self,
        logits: impl Fn(ForwardMode) -> Result<Tensor, TorchError>,
        nodes: &[u32],
    ) -> Outcome<ConfusionMatrix> {
        let logits = tch::no_grad(|| logits(ForwardMode::Eval))?;
        let classes: Vec<i64> = logits.f_argmax(1, false)?.try_into()?;
        let of = |&node: &u32| -> Outcome<(usize, usize)> {
            let found = usize::try_from(classes[node as usize])?;
            Ok((self.labels[node as usize] as usize, found))
        };
        let pairs = nodes.iter().map(of).collect::<Outcome<Vec<_>>>()?;
        let (labels, found): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        Ok(ConfusionMatrix::new(&labels, &found, self.n_classes)?)
    }
}

/// Divides each row by its sum; a row of zeros stays.
fn row_normalized(mut x: Array2<f64>) -> Array2<f64> {
    for mut row in x.rows_mut() {
        let sum = row.sum();
        if sum > 0.0 {
            row /= sum;
        }
    }
    x
}

/// 1 for the nodes of a part, else 0.
fn weights(mask: Vec<bool>) -> Outcome<Tensor> {
    let weights: Vec<f32> = mask.into_iter().map(f32::from).collect();
    Ok(Tensor::f_from_slice(&weights)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use astern_gnn::ndarray::array;

    /// Two groups of a thousand papers, each with a word of its own and links within.
    fn groups() -> Outcome<Cora> {
        let n = 2000u32;
        let x = Array2::from_shape_fn((n as usize, 4), |(i, f)| {
            f64::from(f == i % 2 || f == 2 + i % 3 % 2)
        });
        let ring = (0..n).map(|i| (i, (i + 2) % n));
        let graph = Graph::new(row_normalized(x), ring)?.undirected(Reduce::Sum)?;
        Ok(Cora {
            n_features: graph.n_features(),
            graph: GraphTensors::new(&graph, Kind::Float, Device::Cpu)?,
            labels: (0..n).map(|i| i % 2).collect(),
            n_classes: 2,
        })
    }

    #[test]
    fn every_model_learns_two_groups() -> Outcome<()> {
        let cora = groups()?;
        for model in [Model::Gcn, Model::Sage, Model::Gat, Model::GatV2] {
            let trained = cora.train(model, 1)?;
            assert!(trained.accuracy > 0.99, "{model:?}: {trained:?}");
            let again = cora.train(model, 1)?;
            assert_eq!(
                (trained.macro_f1.to_bits(), trained.epochs),
                (again.macro_f1.to_bits(), again.epochs),
                "{model:?}"
            );
        }
        Ok(())
    }

    #[test]
    fn rows_sum_to_1() {
        let x = row_normalized(array![[1.0, 3.0], [0.0, 0.0]]);
        assert_eq!(x, array![[0.25, 0.75], [0.0, 0.0]]);
    }
}
