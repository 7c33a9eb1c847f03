//! A fitted detector with the tails of its healthy scores.

use astern_graph_core::MetricName;
use astern_stats::tail::UpperTail;
use ndarray::Axis;
use serde::{Deserialize, Serialize};

use crate::{FitError, Scores};

/// A fitted detector, and the upper tail of its smoothed scores while healthy: of each metric over all
/// subjects, or of the scores of whole subjects.
///
/// It holds no parameters of the pipeline, and can be stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibrated<F> {
    pub(super) detector: F,
    tails: Vec<(Option<MetricName>, UpperTail)>,
}

impl<F> Calibrated<F> {
    /// From smoothed scores of steps that the detector has not learnt from.
    pub(super) fn new(detector: F, smoothed: &Scores) -> Result<Self, FitError> {
        let columns = smoothed.values().axis_iter(Axis(2)).enumerate();
        let tails: Vec<_> = columns
            .filter_map(|(column, scores)| {
                let scores: Vec<f64> = scores.iter().copied().collect();
                let tail = UpperTail::fit(&scores)?;
                Some((smoothed.metric(column).cloned(), tail))
            })
            .collect();
        if tails.is_empty() {
            let series = smoothed.subjects().len() * smoothed.columns();
            let need = UpperTail::VALUES_MIN;
            return Err(FitError::NoSeries { series, need });
        }
        Ok(Self { detector, tails })
    }

    /// The fitted detector.
    pub fn detector(&self) -> &F {
        &self.detector
    }

    /// The tail of the scores of a metric, or with `None` of whole subjects.
    pub(super) fn tail(&self, metric: Option<&MetricName>) -> Option<&UpperTail> {
        let of = |(name, _): &&(Option<MetricName>, UpperTail)| name.as_ref() == metric;
        self.tails.iter().find(of).map(|(_, tail)| tail)
    }
}
