//! Recurrent layers: GRU and LSTM.

use serde::{Deserialize, Serialize};

use super::at_least_1;
use crate::error::ConfigError;

/// Settings of a recurrent layer, GRU or LSTM: one layer, one direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default = "RecurrentConfig::unset", deny_unknown_fields)]
#[non_exhaustive]
pub struct RecurrentConfig {
    /// Width of the input rows.
    pub inputs: usize,
    /// Width of the state, which is the output.
    pub outputs: usize,
    /// Whether there are biases, one of the input and one of the state.
    pub bias: bool,
}

impl RecurrentConfig {
    /// A layer with biases.
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
}

astern_stats::setters!(RecurrentConfig {
    /// Sets whether there are biases.
    bias: bool,
});
