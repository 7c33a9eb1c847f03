//! What happened during training.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::train::StopReason;

/// How far the training rows lie apart in the embedding, before and after training.
///
/// A spread is the root of the mean, over the entries of the embedding, of their variance over
/// the training rows. `Display` gives one line.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Collapse {
    /// Spread under the initial weights.
    pub spread_before: f64,
    /// Spread under the final weights.
    pub spread_after: f64,
    /// Smallest distance from the centre under the final weights.
    pub distance_min: f64,
    /// Largest distance from the centre under the final weights.
    pub distance_max: f64,
}

/// Distances closer together than this share of the largest one are equal.
const EQUAL: f64 = 1e-9;

impl Collapse {
    /// Whether the spread fell to `ratio` of what it was, or all distances are equal.
    pub(crate) fn happened(&self, ratio: f64) -> bool {
        let apart = self.distance_max - self.distance_min;
        self.spread_after <= ratio * self.spread_before || apart <= EQUAL * self.distance_max
    }
}

impl fmt::Display for Collapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "spread {:.3e} before and {:.3e} after training, distances from {:.6e} to {:.6e}",
            self.spread_before, self.spread_after, self.distance_min, self.distance_max
        )
    }
}

/// How a model came to be; kept in the model and in its file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrainReport {
    /// Loss of each epoch, taken before its step.
    pub losses: Vec<f64>,
    /// Why training ended.
    pub stop: StopReason,
    /// Where it ran: `cpu`, `cuda:0`, …, or `none`.
    pub device: String,
    /// Radius of the trained model.
    pub radius: f64,
    /// Radius of its untrained twin.
    pub control_radius: f64,
    /// Spread of the embedding before and after.
    pub embedding: Collapse,
    /// Whether the embedding collapsed; scores then say nothing.
    pub collapsed: bool,
    /// Rows (a node in a snapshot) with at least one value: those that were learnt from.
    pub rows: usize,
    /// Values that were missing and taken as the mean.
    pub missing: usize,
}

impl TrainReport {
    /// Number of epochs that ran.
    pub fn epochs_run(&self) -> usize {
        self.losses.len()
    }
}
