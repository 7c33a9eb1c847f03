//! Causal convolution over time.

use serde::{Deserialize, Serialize};

use super::at_least_1;
use crate::error::ConfigError;

/// Settings of a causal convolution: `y_t = b + Σ_k W_k x_{t - (K - 1 - k) dilation}`, with 0
/// before the first step.
///
/// Layers with dilations 1, 2, 4, … see exponentially far back. Defaults: no dilation, a bias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default = "CausalConvConfig::unset", deny_unknown_fields)]
#[non_exhaustive]
pub struct CausalConvConfig {
    /// Width of the input rows.
    pub inputs: usize,
    /// Width of the output rows.
    pub outputs: usize,
    /// Number of steps that are weighted, K.
    pub kernel: usize,
    /// Distance between these steps.
    pub dilation: usize,
    /// Whether there is a bias.
    pub bias: bool,
}

impl CausalConvConfig {
    /// A layer with the defaults.
    pub fn new(inputs: usize, outputs: usize, kernel: usize) -> Self {
        Self {
            inputs,
            outputs,
            kernel,
            dilation: 1,
            bias: true,
        }
    }

    /// Number of steps before the present one that count, `(K - 1) dilation`.
    pub fn reach(&self) -> usize {
        self.kernel.saturating_sub(1).saturating_mul(self.dilation)
    }

    /// What a file leaves out; [`check`](Self::check) refuses the widths.
    fn unset() -> Self {
        Self::new(0, 0, 0)
    }

    /// Holds every setting against its range.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] for a width, a kernel or a dilation of 0.
    pub fn check(&self) -> Result<(), ConfigError> {
        at_least_1("inputs", self.inputs)?;
        at_least_1("outputs", self.outputs)?;
        at_least_1("kernel", self.kernel)?;
        at_least_1("dilation", self.dilation)
    }
}

astern_stats::setters!(CausalConvConfig {
    /// Sets the distance between the steps that are weighted.
    dilation: usize,
    /// Sets whether there is a bias.
    bias: bool,
});
