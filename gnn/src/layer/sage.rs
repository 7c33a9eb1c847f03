//! `GraphSAGE`.

use serde::{Deserialize, Serialize};

use super::at_least_1;
use crate::ParamError;

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

    /// Sets how neighbours are joined.
    #[must_use]
    pub fn aggregation(mut self, aggregation: SageAggregation) -> Self {
        self.aggregation = aggregation;
        self
    }

    /// Sets whether neighbours are projected first.
    #[must_use]
    pub fn project(mut self, project: bool) -> Self {
        self.project = project;
        self
    }

    /// Sets whether rows of the output are scaled to length 1.
    #[must_use]
    pub fn normalize(mut self, normalize: bool) -> Self {
        self.normalize = normalize;
        self
    }

    /// Sets whether the node itself counts.
    #[must_use]
    pub fn root_weight(mut self, root_weight: bool) -> Self {
        self.root_weight = root_weight;
        self
    }

    /// Sets whether there is a bias.
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// Holds every setting against its range.
    ///
    /// # Errors
    ///
    /// [`ParamError::OutOfRange`] for a width of 0.
    pub fn check(&self) -> Result<(), ParamError> {
        at_least_1("inputs", self.inputs)?;
        at_least_1("outputs", self.outputs)
    }
}
