//! `GraphSAGE`.

use serde::{Deserialize, Serialize};

use super::{Parameters, PreparedGraph, Weights, at_least_1};
use crate::error::ConfigError;
use crate::graph::SelfLoops;
use crate::kernel::{Dense, Real, add_neighbours, dot, each, max_of_neighbours, relu};

/// How `GraphSAGE` joins what the neighbours say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SageAggregation {
    /// Mean over the neighbours, 0 without any.
    #[default]
    Mean,
    /// Greatest value of each feature over the neighbours, 0 without any.
    Max,
}

/// Settings of a `GraphSAGE` layer:
/// `y_i = W_l aggregate_{j→i}(x_j) + b + W_r x_i`.
///
/// Defaults are those of `torch_geometric.nn.SAGEConv`: mean, no projection, no normalisation, a
/// root weight, a bias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default = "SageConfig::unset", deny_unknown_fields)]
#[non_exhaustive]
#[allow(
    clippy::struct_excessive_bools,
    reason = "independent switches, as users of PyTorch Geometric know them"
)]
pub struct SageConfig {
    /// Width of the input rows.
    pub inputs: usize,
    /// Width of the output rows.
    pub outputs: usize,
    /// How neighbours are joined.
    pub aggregation: SageAggregation,
    /// Whether neighbours go through `relu(W x + b)` first.
    pub project: bool,
    /// Whether rows of the output are scaled to length 1.
    pub normalize: bool,
    /// Whether the node itself counts, by weights of its own.
    pub root_weight: bool,
    /// Whether there is a bias.
    pub bias: bool,
}

impl SageConfig {
    /// A layer with the defaults.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self {
            inputs,
            outputs,
            aggregation: SageAggregation::Mean,
            project: false,
            normalize: false,
            root_weight: true,
            bias: true,
        }
    }

    /// What a file leaves out; [`check`](Self::check) refuses the widths.
    fn unset() -> Self {
        Self::new(0, 0)
    }

    /// Holds every setting against its range.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] for a width of 0.
    pub fn check(&self) -> Result<(), ConfigError> {
        at_least_1("inputs", self.inputs)?;
        at_least_1("outputs", self.outputs)
    }

    pub(crate) fn parameters(&self) -> Parameters {
        let across = vec![self.outputs, self.inputs];
        let mut all = vec![("lin_l.weight", across.clone())];
        if self.bias {
            all.push(("lin_l.bias", vec![self.outputs]));
        }
        if self.root_weight {
            all.push(("lin_r.weight", across));
        }
        if self.project {
            all.push(("lin.weight", vec![self.inputs, self.inputs]));
            all.push(("lin.bias", vec![self.inputs]));
        }
        all
    }
}

astern_stats::setters!(SageConfig {
    /// Sets how neighbours are joined.
    aggregation: SageAggregation,
    /// Sets whether neighbours are projected first.
    project: bool,
    /// Sets whether rows of the output are scaled to length 1.
    normalize: bool,
    /// Sets whether the node itself counts.
    root_weight: bool,
    /// Sets whether there is a bias.
    bias: bool,
});

/// `GraphSAGE` in pure Rust.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SageConv<F> {
    aggregation: SageAggregation,
    normalize: bool,
    project: Option<Dense<F>>,
    left: Dense<F>,
    right: Option<Dense<F>>,
}

impl<F: Real> SageConv<F> {
    pub(crate) fn new(config: &SageConfig, weights: &Weights<'_>) -> Result<Self, ConfigError> {
        let (inputs, outputs) = (config.inputs, config.outputs);
        let across = |name, bias| weights.dense(name, [outputs, inputs], bias);
        let square = || weights.dense("lin.", [inputs, inputs], true);
        Ok(Self {
            aggregation: config.aggregation,
            normalize: config.normalize,
            project: config.project.then(square).transpose()?,
            left: across("lin_l.", config.bias)?,
            right: config
                .root_weight
                .then(|| across("lin_r.", false))
                .transpose()?,
        })
    }

    pub(crate) fn run(&self, x: &[F], graph: &PreparedGraph<F>) -> Vec<F> {
        let projected = self.project.as_ref().map(|project| {
            let mut h = project.apply(x);
            each(&mut h, relu);
            h
        });
        let neighbours = projected.as_deref().unwrap_or(x);
        let edges = graph.edges(SelfLoops::AsGiven);
        let inputs = self.left.inputs();
        let received = match self.aggregation {
            SageAggregation::Mean => {
                let mut received = vec![F::ZERO; x.len()];
                add_neighbours(edges, graph.mean(), neighbours, inputs, &mut received);
                received
            }
            SageAggregation::Max => max_of_neighbours(edges, neighbours, inputs),
        };
        let mut y = self.left.apply(&received);
        if let Some(right) = &self.right {
            right.add_to(x, &mut y);
        }
        if self.normalize {
            y.chunks_exact_mut(self.left.outputs().max(1))
                .for_each(unit_length);
        }
        y
    }
}

/// Scales a row to length 1; one shorter than 1e-12 is divided by that.
fn unit_length<F: Real>(row: &mut [F]) {
    let length = dot(row, row).sqrt();
    let least = F::of(1e-12);
    let length = if length < least { least } else { length };
    each(row, |v| v / length);
}
