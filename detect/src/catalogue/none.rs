//! The absence of a detector of the user's own.

use astern_graph_core::{TemporalGraph, TimeRange};
use serde::{Deserialize, Serialize};

use crate::score::RobustZ;
use crate::{Detector, FitError, FittedDetector, ScoreError, Scores};

/// The user's own detector where there is none: it has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoDetector {}

impl Detector for NoDetector {
    type Fitted = Self;

    fn fit(&self, _: &TemporalGraph, _: TimeRange) -> Result<Self, FitError> {
        match *self {}
    }
}

impl FittedDetector for NoDetector {
    fn score(&self, _: &TemporalGraph, _: TimeRange) -> Result<Scores, ScoreError> {
        match *self {}
    }

    fn levels(&self) -> &RobustZ {
        match *self {}
    }
}
