//! Graph convolution (GCN).

use serde::{Deserialize, Serialize};

use super::{Parameters, Weights, at_least_1};
use crate::error::ConfigError;
use crate::graph::{Propagation, SelfLoops};
use crate::kernel::{Dense, Real, add_neighbours, filled};

/// Settings of a GCN layer: `y_i = b + Σ_{j→i} c_ji W x_j`, see
/// [`Propagation::gcn_coefficients`] for `c`.
///
/// Defaults are those of `torch_geometric.nn.GCNConv`: loops added, a bias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default = "GcnConfig::unset", deny_unknown_fields)]
#[non_exhaustive]
pub struct GcnConfig {
    /// Width of the input rows.
    pub inputs: usize,
    /// Width of the output rows.
    pub outputs: usize,
    /// Rule about loops.
    pub loops: SelfLoops,
    /// Whether there is a bias.
    pub bias: bool,
}

impl GcnConfig {
    /// A layer with the defaults.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self {
            inputs,
            outputs,
            loops: SelfLoops::Add,
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
        let mut all = vec![("lin.weight", vec![self.outputs, self.inputs])];
        if self.bias {
            all.push(("bias", vec![self.outputs]));
        }
        all
    }
}

astern_stats::setters!(GcnConfig {
    /// Sets the rule about loops.
    loops: SelfLoops,
    /// Sets whether there is a bias.
    bias: bool,
});

/// Graph convolution in pure Rust.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GcnConv<F> {
    dense: Dense<F>,
    /// Empty without a bias: it is added after propagation.
    bias: Vec<F>,
}

impl<F: Real> GcnConv<F> {
    pub(crate) fn new(config: &GcnConfig, weights: &Weights<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            dense: weights.dense("lin.", [config.outputs, config.inputs], false)?,
            bias: weights.given("bias", config.bias)?,
        })
    }

    /// Propagation is linear: it goes where rows are narrower.
    pub(crate) fn propagate(&self, x: &[F], edges: &Propagation, coefficients: &[F]) -> Vec<F> {
        let (inputs, outputs) = (self.dense.inputs(), self.dense.outputs());
        let mut y = filled(&self.bias, edges.n_nodes(), outputs);
        if inputs < outputs {
            let mut received = vec![F::ZERO; x.len()];
            add_neighbours(edges, coefficients, x, inputs, &mut received);
            self.dense.add_to(&received, &mut y);
        } else {
            let mut hidden = vec![F::ZERO; y.len()];
            self.dense.add_to(x, &mut hidden);
            add_neighbours(edges, coefficients, &hidden, outputs, &mut y);
        }
        y
    }
}
