//! Relational graph convolution (R-GCN).

use serde::{Deserialize, Serialize};

use super::at_least_1;
use crate::error::ConfigError;

/// Settings of an R-GCN layer: `y_i = W_0^T x_i + b + Σ_r W_r^T mean_{j→i in r}(x_j)`.
///
/// Each relation r of the edges (calls, reads, runs on, …) has weights of its own. With `bases` B
/// they are mixtures of B shared ones, `W_r = Σ_k a_rk V_k`: fewer weights where there are many
/// relations or few edges of some.
///
/// Defaults are those of `torch_geometric.nn.RGCNConv`: no bases, a root weight `W_0`, a bias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default = "RgcnConfig::unset", deny_unknown_fields)]
#[non_exhaustive]
pub struct RgcnConfig {
    /// Width of the input rows.
    pub inputs: usize,
    /// Width of the output rows.
    pub outputs: usize,
    /// Number of relations, that of the graph.
    pub relations: usize,
    /// Number of shared bases; `None` gives every relation weights of its own.
    pub bases: Option<usize>,
    /// Whether the node itself counts, by weights of its own.
    pub root_weight: bool,
    /// Whether there is a bias.
    pub bias: bool,
}

impl RgcnConfig {
    /// A layer with the defaults.
    pub fn new(inputs: usize, outputs: usize, relations: usize) -> Self {
        Self {
            inputs,
            outputs,
            relations,
            bases: None,
            root_weight: true,
            bias: true,
        }
    }

    /// What a file leaves out; [`check`](Self::check) refuses the widths.
    fn unset() -> Self {
        Self::new(0, 0, 0)
    }

    /// Holds every setting against its range.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] for a width, or a number of relations or bases, of 0.
    pub fn check(&self) -> Result<(), ConfigError> {
        at_least_1("inputs", self.inputs)?;
        at_least_1("outputs", self.outputs)?;
        at_least_1("relations", self.relations)?;
        self.bases.map_or(Ok(()), |n| at_least_1("bases", n))
    }
}

astern_stats::setters!(RgcnConfig {
    /// Mixes the weights of all relations from this many shared ones.
    bases: usize,
    /// Sets whether the node itself counts.
    root_weight: bool,
    /// Sets whether there is a bias.
    bias: bool,
});
