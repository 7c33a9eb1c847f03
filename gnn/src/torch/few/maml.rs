//! First-order MAML over graphs.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::super::error::Named;
use super::super::loss::{Deviation, DeviationConfig};
use super::super::module::{ForwardMode, GraphLayer};
use super::super::train::{Gradients, TrainError, TrainStep, Trainer};
use super::super::{GraphTensors, TorchError};
use super::fit::loss;
use crate::error::ConfigError;
use crate::train::rule::{at_least_1, positive};
use crate::train::{FewLabels, LabelledNodes, OptimizerConfig, TrainParams, TrainerReport};

/// A graph with a few labels.
#[derive(Debug)]
#[non_exhaustive]
pub struct MetaTask<'a> {
    /// The graph, with the same features as all others.
    pub graph: &'a GraphTensors,
    /// Its labels.
    pub labels: &'a FewLabels,
}

impl<'a> MetaTask<'a> {
    /// A graph and its labels.
    pub fn new(graph: &'a GraphTensors, labels: &'a FewLabels) -> Self {
        Self { graph, labels }
    }
}

/// Settings of first-order MAML; those of the authors, but for the inner rate.
///
/// | setting | default | allowed |
/// |---|---|---|
/// | `inner_rate` | .01 | above 0 |
/// | `inner_steps` | 3 | at least 1 |
/// | `per_kind` | 8 | at least 1 |
/// | `deviation` | margin 5 | see [`DeviationConfig`] |
/// | `train` | Adam .003, 100 epochs | see [`TrainParams`] |
///
/// Where a file gives `train`, what it leaves out is as in [`TrainParams`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MetaParams {
    /// Learning rate of the steps within a graph.
    pub inner_rate: f64,
    /// Number of these steps.
    pub inner_steps: usize,
    /// Most anomalies, and most nodes without a label, in a support or query set.
    pub per_kind: usize,
    /// The loss.
    pub deviation: DeviationConfig,
    /// How the common start is trained.
    pub train: TrainParams,
}

impl Default for MetaParams {
    fn default() -> Self {
        Self {
            inner_rate: 0.01,
            inner_steps: 3,
            per_kind: 8,
            deviation: DeviationConfig::default(),
            train: TrainParams::new(OptimizerConfig::adam(0.003)).epochs(100),
        }
    }
}

astern_stats::setters!(MetaParams {
    /// Sets the learning rate within a graph.
    inner_rate: f64,
    /// Sets the number of steps within a graph.
    inner_steps: usize,
    /// Sets the nodes of each kind in a support or query set.
    per_kind: usize,
    /// Sets the loss.
    deviation: DeviationConfig,
    /// Sets how the common start is trained.
    train: TrainParams,
});

impl MetaParams {
    fn check(&self) -> Result<(), ConfigError> {
        positive("inner_rate", self.inner_rate)?;
        at_least_1("inner_steps", self.inner_steps)?;
        at_least_1("per_kind", self.per_kind)
    }
}

/// Trains `model`, which gives one score a node `[N, 1]`, to be a start from which `inner_steps`
/// steps on the labels of a graph do well on other nodes of that graph.
///
/// In every step and for each task: a support and a query set without a common node are drawn, the
/// parameters `θ` go `inner_steps` steps of gradient descent on the support set to `θ'`, the
/// gradient `g` of the query loss is taken at `θ'`, and `θ` is put back. The optimiser of `train`
/// then takes a step along the mean of the `g`. The reported loss is the mean query loss.
///
/// That is MAML of the first order: `g` stands for the gradient through the inner steps.
///
/// # Whether it helps
///
/// Where it was measured it does not: AUROC .542 against .596 of [`fit`](super::fit) on the target
/// alone for Reddit in six parts (difference -.054, 95 % interval -.115 to .007), .815 against .837 on
/// synthetic graphs (-.022, -.075 to .030); ten seeds, paired (`cargo xtask eval pretrain`).
///
/// # Errors
///
/// [`TrainError`], also without a task, for labels of nodes that are not there, and a model of
/// another output. The parameters are then those before the step that failed.
///
/// # Complexity
///
/// `inner_steps + 1` passes of the model a task and step; one more copy of the parameters.
///
/// # Source
///
/// Finn, Abbeel and Levine, Model-Agnostic Meta-Learning, 2017 (arXiv 1703.03400); Ding, Zhou, Tong
/// and Liu, Meta-GDN, WWW 2021 (arXiv 2102.11165). Deviations from Meta-GDN: support and query have
/// no node in common, and the query's scores are those of its own nodes (its code takes other
/// rows); no model is chosen by labels of the target; inner rate .01, there .5.
///
/// # Example
///
/// ```
/// use astern_gnn::layer::LinearConfig;
/// use astern_gnn::torch::few::{MetaParams, MetaTask, adapt, meta_train};
/// use astern_gnn::torch::tch::{Device, Kind};
/// use astern_gnn::torch::{GraphLayer, GraphTensors, Init, Linear, ForwardMode};
/// use astern_gnn::train::FewLabels;
/// use astern_gnn::{Graph, ndarray::Array2};
///
/// // Three graphs whose nodes 0 to 3 are off.
/// let graph = |shift: f64| -> Result<_, Box<dyn std::error::Error>> {
///     let x = Array2::from_shape_fn((20, 2), |(i, _)| if i < 4 { 2.0 + shift } else { 0.0 });
///     Ok(GraphTensors::new(&Graph::new(x, [(0, 1)])?, Kind::Float, Device::Cpu)?)
/// };
/// let graphs = [graph(0.0)?, graph(0.5)?, graph(1.0)?];
/// let labels = FewLabels::new(20, (0..4).collect(), (4..12).collect())?;
/// let tasks: Vec<_> = graphs.iter().map(|graph| MetaTask::new(graph, &labels)).collect();
///
/// let init = &mut Init::new(1, Kind::Float, Device::Cpu);
/// let model = Linear::new(&LinearConfig::new(2, 1), init)?;
/// let mut params = MetaParams::default().inner_rate(0.05);
/// params.train.epochs = 300;
/// meta_train(&model, &tasks[..2], &params)?;
/// adapt(&model, &tasks[2], &params, 7)?;
/// let scores = model.forward(graphs[2].x(), &graphs[2], ForwardMode::Eval)?;
/// assert!(scores.f_double_value(&[0, 0])? > scores.f_double_value(&[19, 0])? + 2.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn meta_train(
    model: &dyn GraphLayer,
    tasks: &[MetaTask<'_>],
    params: &MetaParams,
) -> Result<TrainerReport, TrainError> {
    params.check()?;
    at_least_1("tasks", tasks.len())?;
    let deviation = Deviation::new(&params.deviation)?;
    Trainer::new(model, &params.train)?.run(|step| {
        let parts = tasks.iter().enumerate().map(|(i, task)| {
            let seed = step.seed.wrapping_add(i as u64);
            query_loss(model, task, params, &deviation, seed)
        });
        let parts = parts.collect::<Result<Vec<_>, TorchError>>()?;
        let parts = Tensor::f_stack(&parts, 0).named("stack", &[])?;
        parts.f_mean(parts.kind()).named("mean", &[&parts])
    })
}

/// Takes `inner_steps` steps of gradient descent on the labels of `task`, each on a batch of its
/// own drawn from `seed`: what [`meta_train`] prepares for.
///
/// # Errors
///
/// [`TrainError`], as [`meta_train`].
///
/// # Complexity
///
/// A pass of the model a step.
pub fn adapt(
    model: &dyn GraphLayer,
    task: &MetaTask<'_>,
    params: &MetaParams,
    seed: u64,
) -> Result<TrainerReport, TrainError> {
    params.check()?;
    let deviation = Deviation::new(&params.deviation)?;
    let train = TrainParams::new(OptimizerConfig::sgd(params.inner_rate));
    let train = train.epochs(params.inner_steps).seed(seed);
    Trainer::new(model, &train)?.run(|step: &TrainStep| {
        let batch = task.labels.batch(params.per_kind, step.seed);
        loss(model, task.graph, &batch, &deviation, ForwardMode::Train)
    })
}

/// The query loss after the inner steps, whose gradient by the parameters *before* them is that at
/// the parameters after them.
fn query_loss(
    model: &dyn GraphLayer,
    task: &MetaTask<'_>,
    params: &MetaParams,
    deviation: &Deviation,
    seed: u64,
) -> Result<Tensor, TorchError> {
    let parameters: Vec<&Tensor> = model.parameters().into_iter().map(|(_, p)| p).collect();
    let copy = |p: &&Tensor| p.f_detach_copy().named("detach_copy", &[p]);
    let start = parameters.iter().map(copy).collect::<Result<Vec<_>, _>>()?;
    let [support, query] = task.labels.support_and_query(params.per_kind, seed);
    let found = inner(model, task.graph, &support, params, deviation)
        .and_then(|()| loss(model, task.graph, &query, deviation, ForwardMode::Train))
        .and_then(|value| Ok((Gradients::of(&value, model)?, value)));
    // Put back before an error is returned.
    for (p, start) in parameters.iter().zip(&start) {
        let mut p = p.shallow_clone();
        tch::no_grad(|| p.f_copy_(start)).named("copy_", &[start])?;
    }
    let (gradients, value) = found?;
    straight_through(&value, &gradients, &parameters)
}

/// Gradient descent on the support set, in place.
fn inner(
    model: &dyn GraphLayer,
    graph: &GraphTensors,
    support: &LabelledNodes,
    params: &MetaParams,
    deviation: &Deviation,
) -> Result<(), TorchError> {
    for _ in 0..params.inner_steps {
        let value = loss(model, graph, support, deviation, ForwardMode::Train)?;
        let gradients = Gradients::of(&value, model)?;
        let pairs = model.parameters().into_iter().zip(gradients.tensors());
        for ((_, p), g) in pairs.filter(|(_, g)| g.defined()) {
            let step = g.f_mul_scalar(-params.inner_rate).named("mul", &[g])?;
            let mut p = p.shallow_clone();
            let added = tch::no_grad(|| p.f_add_(&step));
            added.map(drop).named("add_", &[&step])?;
        }
    }
    Ok(())
}

/// A number of this value with these gradients by the parameters: `value + Σ g · (p - p)`, the
/// second `p` without gradients.
fn straight_through(
    value: &Tensor,
    gradients: &Gradients,
    parameters: &[&Tensor],
) -> Result<Tensor, TorchError> {
    let mut sum = value.f_detach().named("detach", &[value])?;
    let pairs = parameters.iter().zip(gradients.tensors());
    for (p, g) in pairs.filter(|(_, g)| g.defined()) {
        let nothing = p
            .f_detach()
            .and_then(|fixed| p.f_sub(&fixed))
            .named("sub", &[p])?;
        let part = nothing.f_mul(g).named("mul", &[&nothing, g])?;
        let part = part.f_sum(part.kind()).named("sum", &[&part])?;
        sum = sum.f_add(&part).named("add", &[&sum, &part])?;
    }
    Ok(sum)
}
