//! What a grid search found.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Point;

/// Scores of one point.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PointResult {
    /// The settings.
    pub point: Point,
    /// Score on each fold, `NaN` where there is none.
    pub scores: Vec<f64>,
    /// Their mean; `NaN` when one is absent.
    pub mean: f64,
    /// Their standard deviation with n - 1; `NaN` for fewer than two folds.
    pub std: f64,
}

/// As it is written: what follows from the scores is not, and what is absent is `null`.
#[derive(Serialize, Deserialize)]
struct Written {
    point: Point,
    scores: Vec<Option<f64>>,
}

impl Serialize for PointResult {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scores = self.scores.iter().map(|&s| s.is_finite().then_some(s));
        let written = Written {
            point: self.point.clone(),
            scores: scores.collect(),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PointResult {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { point, scores } = Written::deserialize(deserializer)?;
        let scores = scores.into_iter().map(|s| s.unwrap_or(f64::NAN));
        Ok(Self::new(point, scores.collect()))
    }
}

impl PointResult {
    /// A score that is not finite is none.
    pub(super) fn new(point: Point, mut scores: Vec<f64>) -> Self {
        for score in scores.iter_mut().filter(|s| !s.is_finite()) {
            *score = f64::NAN;
        }
        let n = scores.len() as f64;
        let mean = scores.iter().sum::<f64>() / n;
        let squares: f64 = scores.iter().map(|s| (s - mean) * (s - mean)).sum();
        let std = if scores.len() < 2 {
            f64::NAN
        } else {
            (squares / (n - 1.0)).sqrt()
        };
        Self {
            point,
            scores,
            mean,
            std,
        }
    }
}

/// Every point of a grid with its scores, in the order of the grid.
///
/// `Display` gives one line a point, the best one marked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GridReport {
    /// One entry a point.
    pub results: Vec<PointResult>,
}

impl GridReport {
    /// The point with the greatest mean, the first of equal ones; `None` when none has a mean.
    ///
    /// Its mean is the best of many: judge the chosen settings on data that took no part.
    pub fn best(&self) -> Option<&PointResult> {
        let mut best: Option<&PointResult> = None;
        for result in self.results.iter().filter(|r| !r.mean.is_nan()) {
            if best.is_none_or(|best| result.mean > best.mean) {
                best = Some(result);
            }
        }
        best
    }
}

impl fmt::Display for GridReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let best = self.best();
        for (i, result) in self.results.iter().enumerate() {
            let gap = if i > 0 { "\n" } else { "" };
            let mark = match best {
                Some(best) if std::ptr::eq(best, result) => '*',
                _ => ' ',
            };
            let PointResult {
                point, mean, std, ..
            } = result;
            write!(f, "{gap}{mark} {mean:.4} ± {std:.4}  {point}")?;
        }
        Ok(())
    }
}
