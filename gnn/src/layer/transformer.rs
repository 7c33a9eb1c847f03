//! Transformer layer.

use serde::{Deserialize, Serialize};

use super::{at_least_1, check_dropout};
use crate::error::ConfigError;

/// Settings of a transformer encoder layer:
/// `h = norm(x + attention(x))`, `y = norm(h + W_2 relu(W_1 h))`.
///
/// Defaults: `feed_forward` is 4 times the width, dropout .1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Partial")]
#[non_exhaustive]
pub struct TransformerConfig {
    /// Width of the rows.
    pub width: usize,
    /// Number of heads, a divisor of the width.
    pub heads: usize,
    /// Width between the two dense layers.
    pub feed_forward: usize,
    /// Share of attention coefficients and of inner values that training sets to 0.
    pub dropout: f64,
}

/// The settings as a file has them: a default depends on another setting.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Partial {
    width: usize,
    heads: usize,
    feed_forward: Option<usize>,
    dropout: Option<f64>,
}

impl From<Partial> for TransformerConfig {
    fn from(partial: Partial) -> Self {
        let default = Self::new(partial.width, partial.heads);
        Self {
            feed_forward: partial.feed_forward.unwrap_or(default.feed_forward),
            dropout: partial.dropout.unwrap_or(default.dropout),
            ..default
        }
    }
}

impl TransformerConfig {
    /// A layer with the defaults.
    pub fn new(width: usize, heads: usize) -> Self {
        Self {
            width,
            heads,
            feed_forward: width.saturating_mul(4),
            dropout: 0.1,
        }
    }

    /// Holds every setting against its range.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] for a width of 0, heads that do not divide the width, dropout
    /// outside [0, 1).
    pub fn check(&self) -> Result<(), ConfigError> {
        at_least_1("width", self.width)?;
        at_least_1("feed_forward", self.feed_forward)?;
        if self.heads == 0 || !self.width.is_multiple_of(self.heads) {
            return Err(ConfigError::OutOfRange {
                name: "heads",
                value: self.heads as f64,
                allowed: "a divisor of the width",
            });
        }
        check_dropout(self.dropout)
    }
}

astern_stats::setters!(TransformerConfig {
    /// Sets the width between the two dense layers.
    feed_forward: usize,
    /// Sets the dropout.
    dropout: f64,
});
