//! What the networks say while healthy: levels of each node, and the tail of all.

use astern_graph_core::{Feature, FeatureClass, Unit, Window, Worse};
use astern_stats::ParamError;
use astern_stats::tail::UpperTail;
use ndarray::{Array2, Array3, Axis};
use serde::{Deserialize, Serialize};

use super::HypersphereParams;
use super::networks::Networks;
use super::params::Prepared;
use crate::error::{FitError, ScoreError};
use crate::learned::{LearnedError, Scores};
use crate::score::{RobustZ, RobustZParams};
use crate::smooth::smooth;

/// Names of the networks' distances as features of a window.
const DISTANCES: [&str; 3] = ["trained", "untrained", "mlp"];
/// Fewest healthy scores behind a threshold: what [`UpperTail`] needs.
const SCORES_MIN: usize = 10;

/// What the networks' scores are while healthy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Calibration {
    /// Level and spread of each network's distance of each node.
    levels: RobustZ,
    /// Tail of the trained network's smoothed deviations over all nodes.
    pub(super) tail: UpperTail,
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
        let learnt = networks.scores(graph, learn)?;
        let levels = RobustZParams::default().fit(&as_window(learn, &learnt, networks))?;
        let fresh = networks.scores(graph, calibrate)?;
        let deviations = deviations(&levels, networks, calibrate, fresh)?.trained;
        let smoothed = smoothed(&deviations, params.ema_weight).map_err(FitError::from)?;
        let values: Vec<f64> = smoothed.iter().copied().collect();
        let tail = UpperTail::fit(&values).ok_or(FitError::NoSeries {
            series: calibrate.rows.len(),
            need: SCORES_MIN,
        })?;
        Ok(Self { levels, tail })
    }

    pub(super) fn deviations(
        &self,
        networks: &Networks,
        window: &Window,
        scores: Scores,
    ) -> Result<Scores, ScoreError> {
        deviations(&self.levels, networks, window, scores)
    }
}

/// The networks' distances as a window of three features that are worse upwards.
///
/// The distance `sqrt(score + r²)` orders as the score does, and has a lighter tail: that of the
/// squares of metrics which are skewed themselves would outgrow any exponential.
fn as_window(window: &Window, scores: &Scores, networks: &Networks) -> Window {
    let scores = [&scores.trained, &scores.untrained, &scores.mlp];
    let radii = networks.radii();
    let feature = |name| Feature::new(name, Unit::Other, FeatureClass::Application, Worse::Up);
    let (steps, rows) = scores[0].dim();
    let mut told = window.clone();
    told.schema = DISTANCES.map(feature).to_vec();
    told.values = Array3::from_shape_fn((steps, rows, DISTANCES.len()), |(t, n, k)| {
        let squared = scores[k][[t, n]] + radii[k] * radii[k];
        // `max` would turn a missing value into 0.
        if squared < 0.0 { 0.0 } else { squared.sqrt() }
    });
    told
}

fn deviations(
    levels: &RobustZ,
    networks: &Networks,
    window: &Window,
    scores: Scores,
) -> Result<Scores, ScoreError> {
    let z = levels.score(&as_window(window, &scores, networks))?;
    let of = |network| z.index_axis(Axis(2), network).to_owned();
    Ok(Scores {
        trained: of(0),
        untrained: of(1),
        mlp: of(2),
        classic: scores.classic,
    })
}

/// [`smooth`] for scores `[T, N]`.
pub(super) fn smoothed(scores: &Array2<f64>, weight: f64) -> Result<Array2<f64>, ParamError> {
    let scores = scores.clone().insert_axis(Axis(2));
    smooth(&scores, weight).map(|smoothed| smoothed.index_axis_move(Axis(2), 0))
}
