//! A dense layer on every node by itself.

use serde::{Deserialize, Serialize};

use super::{Parameters, Weights, at_least_1};
use crate::error::ConfigError;
use crate::kernel::{Dense, Real};

/// Settings of a dense layer `y = W x + b`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default = "LinearConfig::unset", deny_unknown_fields)]
#[non_exhaustive]
pub struct LinearConfig {
    /// Width of the input rows.
    pub inputs: usize,
    /// Width of the output rows.
    pub outputs: usize,
    /// Whether there is a bias.
    pub bias: bool,
}

impl LinearConfig {
    /// A dense layer with a bias.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self {
            inputs,
            outputs,
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
        let mut all = vec![("weight", vec![self.outputs, self.inputs])];
        if self.bias {
            all.push(("bias", vec![self.outputs]));
        }
        all
    }
}

astern_stats::setters!(LinearConfig {
    /// Sets whether there is a bias.
    bias: bool,
});

/// The dense layer in pure Rust.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Linear<F>(Dense<F>);

impl<F: Real> Linear<F> {
    pub(crate) fn new(config: &LinearConfig, weights: &Weights<'_>) -> Result<Self, ConfigError> {
        weights
            .dense("", [config.outputs, config.inputs], config.bias)
            .map(Self)
    }

    pub(crate) fn run(&self, x: &[F]) -> Vec<F> {
        self.0.apply(x)
    }
}
