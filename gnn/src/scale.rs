//! Standardisation of features, fitted on training data only.

use ndarray::{Array1, Array3, ArrayRef3, Axis, Zip};

use crate::error::EncodeError;
use crate::graph::GraphSnapshots;

/// Standardised values beyond this are cut off, so that no later sum can overflow.
const CLIP: f64 = 1e6;
/// A spread below this share of the mean is rounding, not signal.
const NOISE: f64 = 1e-13;

/// Why features cannot be standardised.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScaleError {
    /// Mean or spread of a feature is beyond the range of `f64`.
    #[error("feature `{feature}` cannot be standardised: mean {mean}, standard deviation {std}")]
    Overflow {
        /// Name of the feature.
        feature: String,
        /// Its mean.
        mean: f64,
        /// Its standard deviation.
        std: f64,
    },
}

/// Centres each feature on its training mean and divides by its training standard deviation.
///
/// `z = (x - mean) / scale`, with mean and (population) standard deviation over all snapshots and
/// nodes, missing values left out. A constant feature has `scale` 1, a feature without any value
/// mean 0 and scale 1. Unscaled inputs are what ruins one-class networks most often: a single
/// feature in large units decides every distance.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaler {
    pub(crate) mean: Array1<f64>,
    pub(crate) scale: Array1<f64>,
}

impl Scaler {
    /// Learns mean and scale of each feature.
    ///
    /// # Errors
    ///
    /// [`ScaleError::Overflow`] when a feature's mean or spread is not finite.
    ///
    /// # Complexity
    ///
    /// Two passes, time O(T N F).
    pub fn fit(data: &GraphSnapshots) -> Result<Self, ScaleError> {
        let x = data.x();
        let mut mean = Array1::zeros(data.n_features());
        let mut scale = Array1::ones(data.n_features());
        for (f, column) in x.axis_iter(Axis(2)).enumerate() {
            let values = || column.iter().filter(|v| !v.is_nan());
            let n = values().count();
            if n == 0 {
                continue;
            }
            let m = values().sum::<f64>() / n as f64;
            let variance = values().map(|v| (v - m) * (v - m)).sum::<f64>() / n as f64;
            let std = variance.sqrt();
            if !m.is_finite() || !std.is_finite() {
                let feature = data.features()[f].clone();
                return Err(ScaleError::Overflow {
                    feature,
                    mean: m,
                    std,
                });
            }
            mean[f] = m;
            if std > NOISE * m.abs() {
                scale[f] = std;
            }
        }
        Ok(Self { mean, scale })
    }

    /// Standardises features of shape `[T, N, F]`.
    ///
    /// A missing value becomes 0, the training mean ([`GraphSnapshots::missing`] counts them);
    /// values more than 10⁶ standard deviations away are cut off there.
    ///
    /// # Errors
    ///
    /// [`EncodeError::FeatureCount`] when F is not the fitted one.
    pub fn transform(&self, x: &ArrayRef3<f64>) -> Result<Array3<f64>, EncodeError> {
        let (expected, got) = (self.mean.len(), x.len_of(Axis(2)));
        if expected != got {
            return Err(EncodeError::FeatureCount { expected, got });
        }
        Ok(self.apply(x))
    }

    /// [`transform`](Self::transform) for features whose number is known to be right.
    pub(crate) fn apply(&self, x: &ArrayRef3<f64>) -> Array3<f64> {
        let mut z = x.to_owned();
        for row in z.rows_mut() {
            Zip::from(row)
                .and(&self.mean)
                .and(&self.scale)
                .for_each(|v, mean, scale| {
                    let scaled = ((*v - mean) / scale).clamp(-CLIP, CLIP);
                    *v = if scaled.is_nan() { 0.0 } else { scaled };
                });
        }
        z
    }

    /// Training mean of each feature, in the units of the data.
    pub fn mean(&self) -> &Array1<f64> {
        &self.mean
    }

    /// What each feature is divided by, in the units of the data.
    pub fn scale(&self) -> &Array1<f64> {
        &self.scale
    }
}
