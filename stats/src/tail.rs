//! Tail probabilities: of the standard normal, and of scores beyond what was seen while healthy.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use crate::order::sorted_finite;

/// One-sided p-value of a standard normal score: `P(Z >= z)`. `NaN` stays `NaN`.
pub fn normal_upper(z: f64) -> f64 {
    if z.is_nan() {
        f64::NAN
    } else {
        Normal::standard().sf(z)
    }
}

/// Upper tail of a sample: empirical inside, exponential beyond its 90 % quantile.
///
/// Inside the sample `p(s) = (1 + #{x >= s}) / (1 + n)`, which is a valid conformal p-value (Vovk
/// et al. 2005) but can never fall below `1/(n+1)`. Beyond the quantile `u` the peaks over
/// threshold model with shape 0 continues it, `p(s) = P(X >= u) · exp(-(s-u)/β)` with β the mean
/// excess (Pickands 1975; shape 0 as the cautious choice between bounded and heavy tails for
/// scores that are already standardised). `p` falls monotonically with the score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpperTail {
    sorted: Vec<f64>,
    knee: f64,
    knee_p: f64,
    mean_excess: f64,
}

impl UpperTail {
    /// Fewest finite values that a tail can be fitted to.
    pub const VALUES_MIN: usize = 10;

    /// Fits the tail to the finite values of a healthy sample; `None` when there are fewer than 10.
    pub fn fit(values: &[f64]) -> Option<Self> {
        let sorted = sorted_finite(values);
        let n = sorted.len();
        if n < Self::VALUES_MIN {
            return None;
        }
        let start = n - n.div_ceil(10);
        let knee = sorted[start];
        // The knee itself is no excess over itself: counting it would shrink the tail.
        let excesses = &sorted[start + 1..];
        let total: f64 = excesses.iter().map(|x| x - knee).sum();
        let mean_excess = total / excesses.len().max(1) as f64;
        let knee_p = (n - start + 1) as f64 / (1 + n) as f64;
        // One value above the knee or a constant tail has no scale; scores have unit variance.
        let mean_excess = if mean_excess > 1e-9 { mean_excess } else { 1.0 };
        Some(Self {
            sorted,
            knee,
            knee_p,
            mean_excess,
        })
    }

    /// Number of healthy values behind this tail.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Never true: fitting needs values.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// P-value of `score`; `NaN` stays `NaN`. `O(log n)`.
    pub fn p_value(&self, score: f64) -> f64 {
        if score.is_nan() {
            return f64::NAN;
        }
        if score <= self.knee {
            let below = self.sorted.partition_point(|x| *x < score);
            return (1 + self.sorted.len() - below) as f64 / (1 + self.sorted.len()) as f64;
        }
        self.knee_p * (-(score - self.knee) / self.mean_excess).exp()
    }

    /// The score whose p-value is `p` in the modelled tail, or the sample's quantile inside it.
    pub fn threshold(&self, p: f64) -> f64 {
        if p < self.knee_p {
            self.knee + self.mean_excess * (self.knee_p / p.max(f64::MIN_POSITIVE)).ln()
        } else {
            crate::robust::quantile_sorted(&self.sorted, (1.0 - p).clamp(0.0, 1.0))
                .unwrap_or(self.knee)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_tail_matches_tables() {
        assert!((normal_upper(1.959_963_985) - 0.025).abs() < 1e-9);
        assert!(normal_upper(f64::NAN).is_nan());
    }

    #[test]
    fn p_values_fall_with_the_score_and_go_beyond_the_sample() {
        let sample: Vec<f64> = (0..200).map(|i| f64::from(i) / 100.0).collect();
        let tail = UpperTail::fit(&sample).unwrap();
        let ps: Vec<f64> = (0..60).map(|i| tail.p_value(f64::from(i) * 0.1)).collect();
        assert!(ps.windows(2).all(|w| w[0] >= w[1]));
        assert!(tail.p_value(10.0) < 1.0 / 201.0);
        assert!((tail.p_value(-1.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn threshold_inverts_p_value_in_the_tail() {
        let sample: Vec<f64> = (0..500).map(|i| (f64::from(i) * 0.7).sin() * 2.0).collect();
        let tail = UpperTail::fit(&sample).unwrap();
        assert!((tail.p_value(tail.threshold(1e-4)) - 1e-4).abs() < 1e-12);
    }

    #[test]
    fn constant_and_short_samples() {
        assert_eq!(UpperTail::fit(&[1.0; 9]), None);
        let flat = UpperTail::fit(&[0.0; 50]).unwrap();
        assert!(flat.p_value(9.0) < 1e-4 && (flat.p_value(0.0) - 1.0).abs() < 1e-12);
    }
}
