//! T-GCN: a GRU whose inputs are graph convolutions.

use serde::{Deserialize, Serialize};

use super::at_least_1;
use crate::error::ConfigError;
use crate::graph::SelfLoops;

/// Settings of a T-GCN cell, with `A` the propagation of GCN and `‖` side by side:
///
/// ```text
/// u  = σ(L_z [A X W_z + b_z ‖ H])
/// r  = σ(L_r [A X W_r + b_r ‖ H])
/// c  = tanh(L_h [A X W_h + b_h ‖ r H])
/// H' = u H + (1 - u) c
/// ```
///
/// Default: loops are added, as in `torch_geometric_temporal.nn.recurrent.TGCN`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default = "TgcnConfig::unset", deny_unknown_fields)]
#[non_exhaustive]
pub struct TgcnConfig {
    /// Width of the input rows.
    pub inputs: usize,
    /// Width of the state, which is the output.
    pub outputs: usize,
    /// Rule about loops.
    pub loops: SelfLoops,
}

impl TgcnConfig {
    /// A cell with the defaults.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self {
            inputs,
            outputs,
            loops: SelfLoops::Add,
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

astern_stats::setters!(TgcnConfig {
    /// Sets the rule about loops.
    loops: SelfLoops,
});
