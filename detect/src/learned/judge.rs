//! From scores to anomalies: levels, calibration, judgement.

use astern_graph_core::signal::{Anomaly, Evidence};
use astern_graph_core::{Feature, FeatureClass, TemporalGraph, Timestamp, Unit, Window, Worse};
use astern_stats::ParamError;
use astern_stats::multiplicity::benjamini_hochberg;
use astern_stats::order::descending;
use astern_stats::tail::UpperTail;
use ndarray::{Array2, Axis, stack};
use serde::{Deserialize, Serialize};

use super::networks::Networks;
use super::params::Prepared;
use super::{Hypersphere, HypersphereParams, LearnedError, Scores};
use crate::error::{FitError, ScoreError};
use crate::score::{RobustZ, RobustZParams};
use crate::smooth::smooth;

/// Name of the detector in its evidence.
const NAME: &str = "hypersphere";
/// Names of the networks' scores as features of a window.
const SCORES: [&str; 3] = ["trained", "untrained", "mlp"];
/// Fewest healthy scores behind a threshold: what [`UpperTail`] needs.
const SCORES_MIN: usize = 10;

/// What the networks' scores are while healthy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Calibration {
    /// Level and spread of each score of each node.
    levels: RobustZ,
    /// Tail of the trained network's smoothed deviations over all nodes.
    tail: UpperTail,
}

impl Calibration {
    /// Levels from the part that was learnt from, the tail from the part that was not.
    pub(super) fn fit(
        params: &HypersphereParams,
        prepared: &Prepared<'_>,
        networks: &Networks,
    ) -> Result<Self, LearnedError> {
        let Prepared {
            graph,
            learn,
            calibrate,
            ..
        } = prepared;
        let learnt = as_window(learn, &networks.scores(graph, learn)?);
        let levels = RobustZParams::default().fit(&learnt)?;
        let fresh = networks.scores(graph, calibrate)?;
        let deviations = deviations(&levels, calibrate, fresh)?.trained;
        let smoothed = smoothed(&deviations, params.ema_weight).map_err(FitError::from)?;
        let values: Vec<f64> = smoothed.iter().copied().collect();
        let tail = UpperTail::fit(&values).ok_or(FitError::NoSeries {
            series: calibrate.rows.len(),
            need: SCORES_MIN,
        })?;
        Ok(Self { levels, tail })
    }

    pub(super) fn deviations(&self, window: &Window, scores: Scores) -> Result<Scores, ScoreError> {
        deviations(&self.levels, window, scores)
    }
}

/// The networks' scores as a window of three features that are worse upwards.
fn as_window(window: &Window, scores: &Scores) -> Window {
    let networks = [&scores.trained, &scores.untrained, &scores.mlp].map(|s| s.view());
    let feature = |name| Feature::new(name, Unit::Other, FeatureClass::Application, Worse::Up);
    let mut told = window.clone();
    told.schema = SCORES.map(feature).to_vec();
    // All have the window's own shape.
    if let Ok(values) = stack(Axis(2), &networks) {
        told.values = values;
    }
    told
}

fn deviations(levels: &RobustZ, window: &Window, scores: Scores) -> Result<Scores, ScoreError> {
    let z = levels.score(&as_window(window, &scores))?;
    let of = |network| z.index_axis(Axis(2), network).to_owned();
    Ok(Scores {
        trained: of(0),
        untrained: of(1),
        mlp: of(2),
        classic: scores.classic,
    })
}

/// [`smooth`] for scores `[T, N]`.
fn smoothed(scores: &Array2<f64>, weight: f64) -> Result<Array2<f64>, ParamError> {
    let scores = scores.clone().insert_axis(Axis(2));
    smooth(&scores, weight).map(|smoothed| smoothed.index_axis_move(Axis(2), 0))
}

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
        let deviations = self.calibration.deviations(window, scores.clone())?.trained;
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
                let anomaly = Anomaly::new(key, smoothed[[last, row]], since);
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
