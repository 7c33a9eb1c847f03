//! From scores to anomalies: one pipeline for all detectors.
//!
//! ```text
//! healthy range ─ first two thirds ─► Detector::fit
//!               └ last third ─ score ─ EMA ─► upper tail of each metric   (split conformal calibration)
//! newest range ─ score ─ EMA ─ p-value ─ Benjamini-Hochberg ─► anomalies since when, verdict
//! ```

mod calibrated;
mod deviation;
mod judge;
mod params;
mod smooth;
pub(crate) mod split;
mod unite;

pub use calibrated::Calibrated;
pub use params::PipelineParams;
pub use unite::unite;

use astern_graph_core::{MetricName, TemporalGraph, TimeRange};
use astern_stats::ema::Ema;

use crate::score::RobustZ;
use crate::{Detector, FitError, FittedDetector, ScoreError, Scores};
use smooth::smooth;
use split::Split;

/// The fewest healthy steps of which every metric has a level.
const LEAST_STEPS: u32 = split::least_steps(RobustZ::VALUES_MIN);

/// Makes anomalies of a detector's scores, with [parameters](PipelineParams) that were checked.
///
/// The score of a series is smoothed by an exponential moving average that is divided by its own standard
/// deviation ([`Ema::standardised`]). Its p-value comes from the upper tail of the healthy scores of the same
/// metric over all subjects ([`UpperTail`](astern_stats::tail::UpperTail)), adjusted over all series of the step by
/// Benjamini and Hochberg. A series is anomalous when the adjusted p-value is at most the false discovery rate
/// and the smoothed score at least `score_min`. It is so since the first step of the unbroken run of scores
/// that reach the greater of `score_min` and the score that is significant by itself.
///
/// An anomaly of a metric states how far the metric has moved ([`Evidence::Shift`]). One of a whole subject does
/// so too: for the application metric that is worst, where it is worse by three healthy standard
/// deviations, or else for the metric that deviates most.
///
/// The verdict rests on metrics of class [`Application`](astern_graph_core::schema::FeatureClass::Application) alone: a busy
/// processor or more requests are listed as anomalies, and are no regression; nor is a subject whose most
/// deviating metric moved for the better, nor what the average remembers and the newest value, less than one healthy
/// standard deviation above its level, does not show: one bad step is a regression for one step.
///
/// [`Evidence::Shift`]: astern_graph_core::signal::Evidence::Shift
///
/// # Example
/// See [the crate's front page](crate) and, for a detector of one's own, [`Detector`].
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    params: PipelineParams,
    /// An average that has seen nothing.
    empty: Ema,
}

impl Pipeline {
    /// Fits a detector on the first two thirds of a healthy range, and calibrates its scores on the last third.
    ///
    /// # Errors
    /// [`FitError::TooShort`] for fewer than `steps_min` steps, [`FitError::NoSeries`] when no metric has scores
    /// enough to calibrate; those of the detector.
    ///
    /// # Complexity
    /// That of the detector, and `O(S log S)` for S scores of the last third.
    pub fn fit<D: Detector>(
        &self,
        detector: &D,
        graph: &TemporalGraph,
        healthy: TimeRange,
    ) -> Result<Calibrated<D::Fitted>, FitError> {
        let split = Split::of(graph, healthy, self.params.steps_min as usize)?;
        let fitted = detector.fit(graph, split.learn)?;
        let mut scores = fitted.score(graph, split.calibrate)?;
        smooth(&mut scores.values, self.empty);
        Calibrated::new(fitted, &scores)
    }

    /// Smoothed scores of a range; positive is worse, `NaN` where nothing is known.
    ///
    /// # Errors
    /// Those of the detector.
    pub fn scores<F: FittedDetector>(
        &self,
        fitted: &Calibrated<F>,
        graph: &TemporalGraph,
        range: TimeRange,
    ) -> Result<Scores, ScoreError> {
        let mut scores = fitted.detector.score(graph, range)?;
        smooth(&mut scores.values, self.empty);
        Ok(scores)
    }

    /// The smoothed score from which a series of this metric (with `None` a whole subject) is anomalous by itself,
    /// were there no other series; `None` for a metric without a tail.
    pub fn threshold<F>(&self, fitted: &Calibrated<F>, metric: Option<&MetricName>) -> Option<f64> {
        let significant = fitted
            .tail(metric)?
            .threshold(self.params.false_discovery_rate);
        Some(significant.max(self.params.score_min))
    }

    /// The fewest healthy steps that it learns from: `steps_min`, or as many as the levels of a metric take, of
    /// which there are 8 in the first two thirds of 11 steps.
    pub fn least_steps(&self) -> u32 {
        self.params.steps_min.max(LEAST_STEPS)
    }
}
