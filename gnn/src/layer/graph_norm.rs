//! `GraphNorm`.

use serde::{Deserialize, Serialize};

use super::{at_least_1, check_above_0};
use crate::error::ConfigError;

/// Settings of `GraphNorm`: every feature is shifted and scaled per graph,
/// `y = w (x - s mean(x)) / sqrt(mean((x - s mean(x))²) + eps) + b`.
///
/// The learned share `s` of the mean that is taken away keeps what the mean shows of a graph.
/// Default of `eps` is 1e-5, as in `torch_geometric.nn.GraphNorm`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default = "GraphNormConfig::unset", deny_unknown_fields)]
#[non_exhaustive]
pub struct GraphNormConfig {
    /// Width of the rows.
    pub width: usize,
    /// What is added to the variance.
    pub eps: f64,
}

impl GraphNormConfig {
    /// A layer with the defaults.
    pub fn new(width: usize) -> Self {
        Self { width, eps: 1e-5 }
    }

    /// What a file leaves out; [`check`](Self::check) refuses the widths.
    fn unset() -> Self {
        Self::new(0)
    }

    /// Holds every setting against its range.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] for a width of 0, `eps` not finite or not above 0.
    pub fn check(&self) -> Result<(), ConfigError> {
        at_least_1("width", self.width)?;
        check_above_0("eps", self.eps)
    }
}

astern_stats::setters!(GraphNormConfig {
    /// Sets what is added to the variance.
    eps: f64,
});
