//! From scores to anomalies.

use astern_graph_core::signal::{Anomaly, Evidence};
use astern_graph_core::{TemporalGraph, Timestamp, Window};
use astern_stats::multiplicity::benjamini_hochberg;
use astern_stats::order::descending;
use ndarray::Array2;

use super::calibration::smoothed;
use super::{Hypersphere, HypersphereParams};
use crate::error::FitError;
use crate::learned::LearnedError;

/// Name of the detector in its evidence.
const NAME: &str = "hypersphere";

impl Hypersphere {
    /// Nodes that are not as they were while healthy at the last step of a window, the most
    /// anomalous first; the steps before it are the memory of the smoothing.
    ///
    /// Judged is the trained network's [deviation](Self::deviations), smoothed by
    /// [`smooth`](crate::smooth). Its p-value comes from the upper tail of the healthy ones over
    /// all nodes, adjusted over the nodes of the tick by Benjamini and Hochberg. A node is
    /// anomalous when the adjusted p-value is at most the false discovery rate and the smoothed
    /// deviation at least `score_min`. The latter is [`Anomaly::score`]; the evidence tells the
    /// last score of the trained and of the untrained network. A node without any value in the
    /// last step is not judged.
    ///
    /// # Errors
    /// Those of [`snapshots`](Self::snapshots).
    pub fn anomalies(
        &self,
        graph: &TemporalGraph,
        window: &Window,
    ) -> Result<Vec<Anomaly>, LearnedError> {
        let Some(last) = window.len().checked_sub(1) else {
            return Ok(Vec::new());
        };
        let scores = self.scores(graph, window)?;
        let deviations = self
            .calibration
            .deviations(&self.networks, window, scores.clone())?;
        let deviations = deviations.trained;
        // The weight was checked when the detector was fitted or read.
        let smoothed = smoothed(&deviations, self.params.ema_weight).map_err(FitError::from)?;
        let p_values: Vec<f64> = (0..window.rows.len())
            .map(|row| match deviations[[last, row]] {
                silent if silent.is_nan() => f64::NAN,
                _ => self.calibration.tail.p_value(smoothed[[last, row]]),
            })
            .collect();
        let HypersphereParams {
            false_discovery_rate: rate,
            score_min,
            ..
        } = self.params;
        let adjusted = benjamini_hochberg(&p_values).into_iter().enumerate();
        // `NaN` passes no test.
        let outside = adjusted.filter(|(row, q)| *q <= rate && smoothed[[last, *row]] >= score_min);
        let mut found: Vec<Anomaly> = outside
            .map(|(row, q)| {
                let since = self.since(window, &smoothed, row);
                let since = since.unwrap_or(window.times[last]);
                let key = window.rows[row].clone();
                let anomaly = Anomaly::new(key, smoothed[[last, row]], since).above(score_min);
                let mut anomaly = anomaly.because(Evidence::Learned {
                    model: NAME.into(),
                    score: scores.trained[[last, row]],
                    untrained: scores.untrained[[last, row]],
                });
                anomaly.p_value = Some(q);
                anomaly
            })
            .collect();
        // Stable: ties stay in the order of their keys.
        found.sort_by(|a, b| descending(a.score, b.score));
        Ok(found)
    }

    /// Start of the unbroken run of smoothed deviations that matter, with which the window ends.
    fn since(&self, window: &Window, smoothed: &Array2<f64>, row: usize) -> Option<Timestamp> {
        let run = window.times.iter().zip(smoothed.column(row)).rev();
        run.take_while(|(_, score)| **score >= self.params.score_min)
            .last()
            .map(|(at, _)| *at)
    }

    /// The least smoothed deviation for which a node by itself is anomalous.
    pub fn threshold(&self) -> f64 {
        let tail = &self.calibration.tail;
        let significant = tail.threshold(self.params.false_discovery_rate);
        significant.max(self.params.score_min)
    }
}
