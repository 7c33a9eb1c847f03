//! Quantile sketch of latencies: bounded memory, mergeable, independent of order.

use std::fmt;

use serde::{Deserialize, Serialize};
use sketches_ddsketch::{Config, DDSketch};

/// `DDSketch` (Masson, Rim and Lee 2019) with 1 % relative accuracy.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Sketch(Box<DDSketch>);

impl Default for Sketch {
    fn default() -> Self {
        Self(Box::new(DDSketch::new(Config::defaults())))
    }
}

impl Sketch {
    pub(crate) fn add(&mut self, value: f64) {
        self.0.add(value);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        // Merging fails only for a sketch of another accuracy, which only a damaged file can bring
        // in: it is left out.
        let _ = self.0.merge(&other.0);
    }

    /// Quantile within 1 % of its value; `None` when empty.
    pub(crate) fn quantile(&self, q: f64) -> Option<f64> {
        self.0.quantile(q).ok().flatten()
    }
}

impl fmt::Debug for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sketch")
            .field("count", &self.0.count())
            .finish_non_exhaustive()
    }
}
