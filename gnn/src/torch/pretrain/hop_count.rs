//! Hop counts as a task without labels.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::super::error::Named;
use super::super::loss::CrossEntropy;
use super::super::module::{ForwardMode, GraphLayer, Init, Module, Visitor};
use super::super::tensor::{from_indices, int, shaped, to_indices};
use super::super::train::{TrainError, Trainer};
use super::super::{GraphTensors, Linear, TorchError};
use crate::error::ConfigError;
use crate::layer::{LinearConfig, check_dropout};
use crate::train::rule::above_0_to_1;
use crate::train::{HopPairs, HopSampler, OptimizerConfig, TrainParams, TrainerReport};

/// Settings of pre-training by hop counts.
///
/// | setting | default | allowed |
/// |---|---|---|
/// | `cutoff` | 3 | 2 to the number of nodes |
/// | `share` | .2 | above 0, at most 1 |
/// | `dropout` | .5 | at least 0, below 1 |
/// | `seed` | 0 | |
/// | `train` | Adam .01, 100 epochs | see [`TrainParams`] |
///
/// Where a file gives `train`, what it leaves out is as in [`TrainParams`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HopCountParams {
    /// Number of classes C: 1, 2, …, C - 1 hops, and all that is farther.
    pub cutoff: usize,
    /// Pairs of each class in a step, as a share of the smallest class that has any.
    pub share: f64,
    /// Dropout in the head, between its layers.
    pub dropout: f64,
    /// Seed of the head's weights.
    pub seed: u64,
    /// How encoder and head are trained.
    pub train: TrainParams,
}

impl Default for HopCountParams {
    fn default() -> Self {
        Self {
            cutoff: 3,
            share: 0.2,
            dropout: 0.5,
            seed: 0,
            train: TrainParams::new(OptimizerConfig::adam(0.01)).epochs(100),
        }
    }
}

astern_stats::setters!(HopCountParams {
    /// Sets the number of classes.
    cutoff: usize,
    /// Sets the pairs of a step, as a share of the smallest class.
    share: f64,
    /// Sets the dropout of the head.
    dropout: f64,
    /// Sets the seed of the head.
    seed: u64,
    /// Sets how it is trained.
    train: TrainParams,
});

impl HopCountParams {
    fn check(&self) -> Result<(), ConfigError> {
        above_0_to_1("share", self.share)?;
        check_dropout(self.dropout)
    }
}

/// What pre-training by hop counts came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HopCountReport {
    /// The course of the training.
    pub training: TrainerReport,
    /// Pairs of each class in a step.
    pub pairs_per_class: usize,
    /// Share of newly drawn pairs, equally many of each class, whose class is predicted; dropout is off.
    pub accuracy: f64,
    /// The share that guessing reaches: 1 / number of classes with pairs.
    pub chance: f64,
}

/// Trains `encoder` to predict how many hops lie between two nodes: logits are
/// `MLP(|z_u - z_v|)`, widths d, 2 d, C; the loss is their cross entropy.
///
/// The encoder stays trained in place; the head is dropped. Pairs are drawn again in every step,
/// equally many of each class, see [`HopSampler`].
///
/// # Whether it helps
///
/// On Cora, before classes by a two-layer GCN, it does: accuracy .780 against .765 from random weights
/// with 20 labels a class (difference .015, 95 % interval .007 to .023), .615 against .559 with 3
/// (.056, .012 to .100); ten seeds, paired (`cargo xtask eval pretrain`).
///
/// # Errors
///
/// [`TrainError`]; its source is a [`ConfigError`] for settings out of range, and a [`TorchError`]
/// for a graph whose pairs are all of one class: there is nothing to predict.
///
/// # Complexity
///
/// A step is one pass of the encoder, O(d²) a pair, and the draw of [`HopSampler`].
///
/// # Source
///
/// Huang, Pei, Menkovski and Pechenizkiy, Hop-Count Based Self-Supervised Anomaly Detection on
/// Attributed Networks (HCM), 2022 (arXiv 2104.07917). Deviations: it is used to pre-train an
/// encoder, not as a score; edges between unlike nodes are not dropped first; pairs are drawn with
/// replacement.
///
/// # Example
///
/// ```
/// use astern_gnn::layer::GcnConfig;
/// use astern_gnn::torch::pretrain::{HopCountParams, hop_counts};
/// use astern_gnn::torch::tch::{Device, Kind};
/// use astern_gnn::torch::{GraphTensors, TrainableNetwork};
/// use astern_gnn::train::{OptimizerConfig, TrainParams};
/// use astern_gnn::{Graph, NetworkConfig, ndarray::Array2};
///
/// // A ring of 12.
/// let ring = (0..12).flat_map(|i| [(i, (i + 1) % 12), ((i + 1) % 12, i)]);
/// let graph = Graph::new(Array2::eye(12), ring)?;
/// let graph = GraphTensors::new(&graph, Kind::Float, Device::Cpu)?;
/// let config = NetworkConfig::new().layer(GcnConfig::new(12, 8)).layer(GcnConfig::new(8, 8));
/// let encoder = TrainableNetwork::new(&config, 1, Kind::Float, Device::Cpu)?;
///
/// let train = TrainParams::new(OptimizerConfig::adam(0.02)).epochs(150);
/// let params = HopCountParams::default().share(1.0).dropout(0.0).train(train);
/// let report = hop_counts(&encoder, graph.x(), &graph, &params)?;
/// assert!(report.accuracy > report.chance + 0.2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn hop_counts(
    encoder: &dyn GraphLayer,
    x: &Tensor,
    graph: &GraphTensors,
    params: &HopCountParams,
) -> Result<HopCountReport, TrainError> {
    params.check()?;
    let sampler = HopSampler::new(graph.index(), params.cutoff)?;
    let counts = sampler.counts();
    let sizes = || counts.iter().filter(|&&n| n > 0);
    let n_classes = sizes().count();
    if n_classes < 2 {
        let source = format!("pairs by class of hops are {counts:?}: two classes are needed");
        return Err(TorchError::new("hop_counts", &[], source).into());
    }
    let smallest = sizes().min().copied().unwrap_or(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count"
    )]
    let per_class = ((params.share * smallest as f64).round() as usize).max(1);

    let z = tch::no_grad(|| encoder.forward(x, graph, ForwardMode::Eval))?;
    let [_, width] = shaped("hop_counts", &z, [Some(graph.n_nodes()), None])?;
    let head = Head::new(
        width,
        params,
        &mut Init::new(params.seed, z.kind(), z.device()),
    )?;
    let both = Both {
        encoder,
        head: &head,
    };
    let training = Trainer::new(&both, &params.train)?.run(|step| {
        let pairs = sampler.draw(per_class, step.seed);
        let z = encoder.forward(x, graph, ForwardMode::Train)?;
        let logits = head.logits(&z, &pairs, ForwardMode::Train)?;
        CrossEntropy::new(&pairs.class, params.cutoff, z.device())?.loss(&logits, None)
    })?;
    // Another stream than those of the steps, up to chance.
    let pairs = sampler.draw(per_class, !params.train.seed);
    let accuracy = tch::no_grad(|| {
        let z = encoder.forward(x, graph, ForwardMode::Eval)?;
        head.accuracy(&z, &pairs)
    })?;
    Ok(HopCountReport {
        training,
        pairs_per_class: per_class,
        accuracy,
        chance: 1.0 / n_classes as f64,
    })
}

/// Predicts the class of a pair from the distance of its embeddings.
#[derive(Debug)]
struct Head {
    hidden: Linear,
    output: Linear,
    dropout: f64,
}

impl Head {
    fn new(width: i64, params: &HopCountParams, init: &mut Init) -> Result<Self, TorchError> {
        let width = usize::try_from(width).unwrap_or(0);
        let middle = width.saturating_mul(2);
        Ok(Self {
            hidden: Linear::new(&LinearConfig::new(width, middle), init)?,
            output: Linear::new(&LinearConfig::new(middle, params.cutoff), init)?,
            dropout: params.dropout,
        })
    }

    /// `[pairs, C]`.
    fn logits(
        &self,
        z: &Tensor,
        pairs: &HopPairs,
        mode: ForwardMode,
    ) -> Result<Tensor, TorchError> {
        let rows = |nodes: &[u32]| {
            let rows = from_indices(nodes.iter().map(|&node| node.into()), z.device())?;
            z.f_index_select(0, &rows)
                .named("index_select", &[z, &rows])
        };
        let (first, second) = (rows(&pairs.first)?, rows(&pairs.second)?);
        let away = first.f_sub(&second).named("sub", &[&first, &second])?;
        let away = away.f_abs().named("abs", &[&away])?;
        let h = self.hidden.apply(&away)?;
        let h = h.f_relu().named("relu", &[&h])?;
        let rate = mode.dropout(self.dropout);
        let h = h.f_dropout(rate, rate > 0.0).named("dropout", &[&h])?;
        self.output.apply(&h)
    }

    fn accuracy(&self, z: &Tensor, pairs: &HopPairs) -> Result<f64, TorchError> {
        let logits = self.logits(z, pairs, ForwardMode::Eval)?;
        let predicted = logits.f_argmax(1, false).named("argmax", &[&logits])?;
        let predicted = to_indices(&predicted)?;
        let right = predicted.iter().zip(&pairs.class);
        let right = right.filter(|&(&predicted, &class)| predicted == i64::from(class));
        Ok(right.count() as f64 / int(pairs.class.len()).max(1) as f64)
    }
}

/// Encoder and head as one module.
struct Both<'m> {
    encoder: &'m dyn GraphLayer,
    head: &'m Head,
}

impl Module for Both<'_> {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.module("encoder", self.encoder);
        visitor.module("head.0", &self.head.hidden);
        visitor.module("head.1", &self.head.output);
    }
}
