//! From scores to anomalies: smoothing, calibration, judgement.

use astern_graph_core::signal::{Anomaly, Evidence};
use astern_graph_core::{TemporalGraph, Timestamp, Window};
use astern_stats::ema::Ema;
use astern_stats::multiplicity::benjamini_hochberg;
use astern_stats::order::descending;
use astern_stats::robust;
use astern_stats::tail::UpperTail;
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use super::{Hypersphere, LearnedError};
use crate::error::FitError;

/// Name of the detector in its evidence.
const NAME: &str = "hypersphere";
/// Fewest healthy scores behind a threshold: what [`UpperTail`] needs.
const SCORES_MIN: usize = 10;

/// What smoothed scores are while healthy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Calibration {
    tail: UpperTail,
    centre: f64,
    spread: f64,
}

impl Calibration {
    /// From smoothed scores `[T, N]` of healthy nodes that the networks were not trained on.
    pub(super) fn fit(smoothed: &Array2<f64>) -> Result<Self, FitError> {
        let values: Vec<f64> = smoothed.iter().copied().collect();
        let tail = UpperTail::fit(&values).ok_or(FitError::NoSeries {
            series: smoothed.ncols(),
            need: SCORES_MIN,
        })?;
        let spread = robust::spread(&values).filter(|spread| *spread > 0.0);
        Ok(Self {
            tail,
            centre: robust::median(&values).unwrap_or_default(),
            spread: spread.unwrap_or(1.0),
        })
    }
}

impl Hypersphere {
    /// Nodes that lie outside what is healthy at the last step of a window, the most anomalous
    /// first; the steps before it are the memory of the smoothing.
    ///
    /// The smoothed score's p-value comes from the upper tail of the healthy ones over all nodes,
    /// adjusted over the nodes of the tick by Benjamini and Hochberg; it has to be at most the
    /// false discovery rate. [`Anomaly::score`] is the smoothed score's deviation from the healthy
    /// median in healthy standard deviations, `since` the step from which on the smoothed score
    /// was above [`threshold`](Self::threshold), or the last step. The evidence tells the smoothed
    /// score of the trained and of the untrained network. A node without any value in the last
    /// step is not judged.
    ///
    /// # Errors
    /// Those of [`snapshots`](Self::snapshots).
    pub fn anomalies(
        &self,
        graph: &TemporalGraph,
        window: &Window,
    ) -> Result<Vec<Anomaly>, LearnedError> {
        let data = self.snapshots(graph, window)?;
        let raw = self.gnn.score(&data)?;
        let Some(last) = window.len().checked_sub(1) else {
            return Ok(Vec::new());
        };
        let trained = smoothed(&raw, self.params.ema_weight);
        let untrained = smoothed(&self.gnn.control_score(&data)?, self.params.ema_weight);
        let Calibration {
            tail,
            centre,
            spread,
        } = &self.calibration;
        let p_values: Vec<f64> = (0..window.rows.len())
            .map(|row| match raw[[last, row]] {
                now if now.is_nan() => f64::NAN,
                _ => tail.p_value(trained[[last, row]]),
            })
            .collect();
        let adjusted = benjamini_hochberg(&p_values).into_iter().enumerate();
        // `NaN` passes no test.
        let outside = adjusted.filter(|(_, q)| *q <= self.params.false_discovery_rate);
        let mut found: Vec<Anomaly> = outside
            .map(|(row, q)| {
                let score = trained[[last, row]];
                let since = self.since(window, &trained, row);
                let anomaly = Anomaly::new(
                    window.rows[row].clone(),
                    (score - centre) / spread,
                    since.unwrap_or(window.times[last]),
                );
                let mut anomaly = anomaly.because(Evidence::Learned {
                    model: NAME.into(),
                    score,
                    untrained: untrained[[last, row]],
                });
                anomaly.p_value = Some(q);
                anomaly
            })
            .collect();
        // Stable: ties stay in the order of their keys.
        found.sort_by(|a, b| descending(a.score, b.score));
        Ok(found)
    }

    /// Start of the unbroken run of smoothed scores above the threshold that the window ends with.
    fn since(&self, window: &Window, smoothed: &Array2<f64>, row: usize) -> Option<Timestamp> {
        let threshold = self.threshold();
        let series = smoothed.column(row);
        let run = window.times.iter().zip(series).rev();
        run.take_while(|(_, score)| **score > threshold)
            .last()
            .map(|(at, _)| *at)
    }

    /// The smoothed score that a healthy node exceeds with the probability of the false discovery
    /// rate: the threshold for one node by itself.
    pub fn threshold(&self) -> f64 {
        let rate = self.params.false_discovery_rate;
        self.calibration.tail.threshold(rate)
    }
}

/// Exponential moving average of scores `[T, N]` along time; a missing score leaves it as it was.
///
/// Not divided by its standard deviation as [`smooth`](crate::smooth) does: a squared distance has
/// no mean of 0.
pub(super) fn smoothed(scores: &Array2<f64>, weight: f64) -> Array2<f64> {
    let mut smoothed = scores.clone();
    // The weight was checked when the detector was fitted or read.
    let Ok(empty) = Ema::new(weight) else {
        return smoothed;
    };
    for mut series in smoothed.lanes_mut(Axis(0)) {
        let mut ema = empty;
        for score in &mut series {
            ema.push(*score);
            *score = ema.value().unwrap_or(f64::NAN);
        }
    }
    smoothed
}
