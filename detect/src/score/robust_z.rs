//! Robust z-score of each metric of each node.

use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};

use astern_graph_core::{Feature, NodeKey, NodeKind, Window};
use astern_stats::robust;

use crate::error::{FitError, ScoreError};

/// Parameters of [`RobustZ`]. There are none to tune: the noise floor belongs to a feature's unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RobustZParams {}

/// Fewest healthy values of a series for which centre and spread are estimated.
const VALUES_MIN: usize = 8;

impl RobustZParams {
    /// Learns centre and spread of every series of a healthy window.
    ///
    /// # Errors
    /// [`FitError::NoSeries`] when no series has 8 values.
    ///
    /// # Complexity
    /// `O(N · F · T log T)`.
    pub fn fit(self, healthy: &Window) -> Result<RobustZ, FitError> {
        let (_, n, f) = healthy.values.dim();
        let mut centre = Array2::from_elem((n, f), f64::NAN);
        let mut spread = Array2::from_elem((n, f), f64::NAN);
        for row in 0..n {
            for column in 0..f {
                let series: Vec<f64> = healthy
                    .series(row, column)
                    .map(|s| s.to_vec())
                    .unwrap_or_default();
                if series.iter().filter(|x| x.is_finite()).count() < VALUES_MIN {
                    continue;
                }
                let estimates = robust::median(&series).zip(robust::spread(&series));
                if let Some((median, scale)) = estimates {
                    let floor = healthy.schema[column].noise_floor(median);
                    centre[[row, column]] = median;
                    spread[[row, column]] = scale.max(floor);
                }
            }
        }
        if centre.iter().all(|x| x.is_nan()) {
            return Err(FitError::NoSeries {
                series: n * f,
                need: VALUES_MIN,
            });
        }
        Ok(RobustZ {
            kind: healthy.kind,
            rows: healthy.rows.clone(),
            schema: healthy.schema.clone(),
            centre: centre.into_raw_vec_and_offset().0,
            spread: spread.into_raw_vec_and_offset().0,
        })
    }
}

/// Deviation from the healthy median in healthy standard deviations, signed so that positive is
/// worse.
///
/// `z = worse((x - median) / max(spread, floor))`, where `spread` is
/// [`robust::spread`](astern_stats::robust::spread), `floor` is
/// [`Feature::noise_floor`](astern_graph_core::Feature::noise_floor) and `worse` is
/// [`Worse::badness`](astern_graph_core::Worse::badness). The median and the median absolute
/// deviation as a pair are from Hampel (1974); the second scale estimate and the floor, which keep
/// a series of zero variance from scoring infinitely, are deviations from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RobustZ {
    kind: NodeKind,
    rows: Vec<NodeKey>,
    schema: Vec<Feature>,
    /// `[N, F]`, row-major; `NaN` where there were too few values.
    centre: Vec<f64>,
    spread: Vec<f64>,
}

impl RobustZ {
    /// Scores `[T, N, F]` of a window, in its own row and column order; `NaN` where a value is
    /// missing or the series was not seen while healthy. `O(T · N · F)`.
    ///
    /// # Errors
    /// [`ScoreError::OtherKind`] for a window of another kind of node.
    pub fn score(&self, window: &Window) -> Result<Array3<f64>, ScoreError> {
        if window.kind != self.kind {
            return Err(ScoreError::OtherKind {
                fitted: self.kind,
                given: window.kind,
            });
        }
        let mut scores = Array3::from_elem(window.values.dim(), f64::NAN);
        for (row, key) in window.rows.iter().enumerate() {
            for (column, feature) in window.schema.iter().enumerate() {
                let Some((centre, spread)) = self.healthy(key, feature) else {
                    continue;
                };
                for t in 0..window.len() {
                    let z = (window.values[[t, row, column]] - centre) / spread;
                    scores[[t, row, column]] = feature.worse.badness(z);
                }
            }
        }
        Ok(scores)
    }

    /// Healthy median and spread of one feature of one node.
    pub fn healthy(&self, key: &NodeKey, feature: &Feature) -> Option<(f64, f64)> {
        let row = self.rows.binary_search(key).ok()?;
        let column = self.schema.iter().position(|f| f.name == feature.name)?;
        let index = row * self.schema.len() + column;
        let (centre, spread) = (*self.centre.get(index)?, *self.spread.get(index)?);
        centre.is_finite().then_some((centre, spread))
    }
}
