//! Training on the few labels of one graph.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::super::error::Named;
use super::super::loss::{Deviation, DeviationConfig};
use super::super::module::{ForwardMode, GraphLayer};
use super::super::tensor::{from_indices, from_values, int, shaped};
use super::super::train::{TrainError, Trainer};
use super::super::{GraphTensors, TorchError};
use crate::train::rule::at_least_1;
use crate::train::{FewLabels, LabelledNodes, OptimizerConfig, TrainParams, TrainerReport};

/// Settings of training on few labels.
///
/// | setting | default | allowed |
/// |---|---|---|
/// | `per_kind` | 8 | at least 1 |
/// | `deviation` | margin 5 | see [`DeviationConfig`] |
/// | `train` | Adam .01, 100 epochs | see [`TrainParams`] |
///
/// Where a file gives `train`, what it leaves out is as in [`TrainParams`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct FewParams {
    /// Most anomalies, and most nodes without a label, in a step.
    pub per_kind: usize,
    /// The loss.
    pub deviation: DeviationConfig,
    /// How the model is trained.
    pub train: TrainParams,
}

impl Default for FewParams {
    fn default() -> Self {
        Self {
            per_kind: 8,
            deviation: DeviationConfig::default(),
            train: TrainParams::new(OptimizerConfig::adam(0.01)).epochs(100),
        }
    }
}

astern_stats::setters!(FewParams {
    /// Sets the nodes of each kind in a step.
    per_kind: usize,
    /// Sets the loss.
    deviation: DeviationConfig,
    /// Sets how the model is trained.
    train: TrainParams,
});

/// Trains `model`, which gives one score a node `[N, 1]`, by the [`Deviation`] loss on batches of
/// as many confirmed anomalies as nodes without a label.
///
/// # Errors
///
/// [`TrainError`], also for labels of nodes that are not there and a model of another output.
///
/// # Complexity
///
/// A pass of the model a step.
///
/// # Source
///
/// Ding, Zhou, Tong and Liu, Few-shot Network Anomaly Detection via Cross-network Meta-learning
/// (Meta-GDN), WWW 2021 (arXiv 2102.11165): the plain GDN. Deviation: any graph layers, where the
/// authors propagate features once and have two dense layers.
///
/// # Example
///
/// ```
/// use astern_gnn::layer::LinearConfig;
/// use astern_gnn::torch::few::{FewParams, fit};
/// use astern_gnn::torch::tch::{Device, Kind};
/// use astern_gnn::torch::{GraphLayer, GraphTensors, Init, Linear, ForwardMode};
/// use astern_gnn::train::FewLabels;
/// use astern_gnn::{Graph, ndarray::Array2};
///
/// // Every fifth node is off; two of them are confirmed.
/// let x = Array2::from_shape_fn((20, 2), |(i, f)| if i % 5 == 0 { 2.0 } else { 0.1 * f as f64 });
/// let graph = GraphTensors::new(&Graph::new(x, [(0, 1)])?, Kind::Float, Device::Cpu)?;
/// let labels = FewLabels::new(20, vec![0, 5], vec![1, 2, 3, 4, 6, 7])?;
/// let init = &mut Init::new(1, Kind::Float, Device::Cpu);
/// let model = Linear::new(&LinearConfig::new(2, 1), init)?;
///
/// let mut params = FewParams::default();
/// params.train.epochs = 400;
/// fit(&model, &graph, &labels, &params)?;
/// let scores = model.forward(graph.x(), &graph, ForwardMode::Eval)?;
/// assert!(scores.f_double_value(&[10, 0])? > 3.0);
/// assert!(scores.f_double_value(&[11, 0])? < 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fit(
    model: &dyn GraphLayer,
    graph: &GraphTensors,
    labels: &FewLabels,
    params: &FewParams,
) -> Result<TrainerReport, TrainError> {
    at_least_1("per_kind", params.per_kind)?;
    let deviation = Deviation::new(&params.deviation)?;
    Trainer::new(model, &params.train)?.run(|step| {
        let batch = labels.batch(params.per_kind, step.seed);
        loss(model, graph, &batch, &deviation, ForwardMode::Train)
    })
}

/// Deviation loss of the scores of `batch`.
pub(super) fn loss(
    model: &dyn GraphLayer,
    graph: &GraphTensors,
    batch: &LabelledNodes,
    deviation: &Deviation,
    mode: ForwardMode,
) -> Result<Tensor, TorchError> {
    let scores = model.forward(graph.x(), graph, mode)?;
    shaped("few", &scores, [Some(graph.n_nodes()), Some(1)])?;
    let rows = from_indices(batch.nodes.iter().map(|&n| n.into()), scores.device())?;
    let scores = scores
        .f_index_select(0, &rows)
        .and_then(|scores| scores.f_reshape(-1))
        .named("index_select", &[&scores, &rows])?;
    let truth: Vec<f64> = batch.anomalous.iter().map(|&a| f64::from(a)).collect();
    let truth = from_values(&truth, &[int(truth.len())], Kind::Double, scores.device())?;
    let truth = truth.f_to_kind(scores.kind()).named("to_kind", &[&truth])?;
    deviation.loss(&scores, &truth, None)
}
