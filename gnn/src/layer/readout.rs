//! Attention readout: one row for a whole graph.

use serde::{Deserialize, Serialize};

use super::at_least_1;
use crate::error::ConfigError;

/// Settings of an attention readout: `y_g = Σ_{i in g} α_i V(x_i)` with
/// `α = softmax_{i in g}(<w, x_i> + c)`.
///
/// Default: `V` is the identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default = "AttentionReadoutConfig::unset", deny_unknown_fields)]
#[non_exhaustive]
pub struct AttentionReadoutConfig {
    /// Width of the input rows.
    pub inputs: usize,
    /// Width of `V(x)`, a dense layer; `None` takes `x` itself.
    pub outputs: Option<usize>,
}

impl AttentionReadoutConfig {
    /// A readout with the defaults.
    pub fn new(inputs: usize) -> Self {
        Self {
            inputs,
            outputs: None,
        }
    }

    /// What a file leaves out; [`check`](Self::check) refuses the widths.
    fn unset() -> Self {
        Self::new(0)
    }

    /// Holds every setting against its range.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] for a width of 0.
    pub fn check(&self) -> Result<(), ConfigError> {
        at_least_1("inputs", self.inputs)?;
        self.outputs.map_or(Ok(()), |n| at_least_1("outputs", n))
    }
}

astern_stats::setters!(AttentionReadoutConfig {
    /// Makes `V` a dense layer of this width.
    outputs: usize,
});
