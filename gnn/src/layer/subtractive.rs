//! Subtractive aggregation (AAGNN).

use serde::{Deserialize, Serialize};

use super::{at_least_1, check_dropout, check_slope};
use crate::error::ConfigError;

/// What a node is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Subtrahend {
    /// The mean of its neighbours.
    #[default]
    Mean,
    /// Their mean weighted by attention.
    Attention,
}

/// Settings of a subtractive layer: `y_i = u_i - Σ_{j→i} α_ji u_j + b` with `u = W x`.
///
/// The output says how a node deviates from what its neighbours look like. `α_ji` is one over the
/// number of neighbours, or with attention
/// `α_ji = exp(-LeakyReLU(<a, [u_i ‖ u_j]>)) / Σ_k exp(-LeakyReLU(<a, [u_i ‖ u_k]>))`. The minus in
/// the exponent is the authors': a *lower* score is more attention.
///
/// Defaults: the mean, slope .2, no dropout, a bias (the authors' attention has none).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default = "SubtractiveConfig::unset", deny_unknown_fields)]
#[non_exhaustive]
pub struct SubtractiveConfig {
    /// Width of the input rows.
    pub inputs: usize,
    /// Width of the output rows.
    pub outputs: usize,
    /// What is subtracted.
    pub subtrahend: Subtrahend,
    /// Slope of `LeakyReLU` below 0, with attention.
    pub negative_slope: f64,
    /// Share of the attention coefficients that training sets to 0.
    pub dropout: f64,
    /// Whether there is a bias.
    pub bias: bool,
}

impl SubtractiveConfig {
    /// A layer with the defaults.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self {
            inputs,
            outputs,
            subtrahend: Subtrahend::Mean,
            negative_slope: 0.2,
            dropout: 0.0,
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
    /// [`ConfigError::OutOfRange`] for a width of 0, a slope that is not finite, dropout outside
    /// [0, 1).
    pub fn check(&self) -> Result<(), ConfigError> {
        at_least_1("inputs", self.inputs)?;
        at_least_1("outputs", self.outputs)?;
        check_slope(self.negative_slope)?;
        check_dropout(self.dropout)
    }
}

astern_stats::setters!(SubtractiveConfig {
    /// Sets what is subtracted.
    subtrahend: Subtrahend,
    /// Sets the slope of `LeakyReLU` below 0.
    negative_slope: f64,
    /// Sets the dropout of the attention coefficients.
    dropout: f64,
    /// Sets whether there is a bias.
    bias: bool,
});
