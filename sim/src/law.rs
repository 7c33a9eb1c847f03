//! Laws of random times.

use astern_stats::ParamError;
use astern_stats::param::in_range;
use astern_stats::rng::ChaCha8Rng;
use rand::RngExt;
use rand_distr::{Exp1, StandardNormal};
use serde::{Deserialize, Serialize};

/// Distribution of a time.
///
/// Rules: means from 0 to 10⁶ ms, `sigma` from 0 to 3.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TimeLaw {
    /// Exponential: the law that queueing theory has formulas for.
    Exponential {
        /// Mean, milliseconds.
        mean_ms: f64,
    },
    /// Log-normal: what times of real services look like.
    LogNormal {
        /// Mean, milliseconds.
        mean_ms: f64,
        /// Standard deviation of the logarithm; at 0 the time is constant.
        sigma: f64,
    },
}

impl TimeLaw {
    /// Mean, milliseconds.
    pub fn mean_ms(self) -> f64 {
        match self {
            Self::Exponential { mean_ms } | Self::LogNormal { mean_ms, .. } => mean_ms,
        }
    }

    pub(crate) fn check(self) -> Result<(), ParamError> {
        in_range("mean_ms", self.mean_ms(), 0.0, 1e6)?;
        if let Self::LogNormal { sigma, .. } = self {
            in_range("sigma", sigma, 0.0, 3.0)?;
        }
        Ok(())
    }

    /// One time, milliseconds.
    pub(crate) fn draw_ms(self, rng: &mut ChaCha8Rng) -> f64 {
        match self {
            Self::Exponential { mean_ms } => mean_ms * rng.sample::<f64, _>(Exp1),
            Self::LogNormal { mean_ms, sigma } => {
                let z: f64 = rng.sample(StandardNormal);
                // exp(σz) alone has the mean exp(σ²/2).
                mean_ms * (sigma * z - sigma * sigma / 2.0).exp()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use astern_stats::rng::seeded;

    #[test]
    fn both_laws_have_the_mean_that_they_are_given() {
        let laws = [
            TimeLaw::Exponential { mean_ms: 20.0 },
            TimeLaw::LogNormal {
                mean_ms: 20.0,
                sigma: 0.8,
            },
        ];
        for law in laws {
            let mut rng = seeded(1, 0);
            let total: f64 = (0..50_000).map(|_| law.draw_ms(&mut rng)).sum();
            assert_relative_eq!(total / 50_000.0, 20.0, max_relative = 0.03);
        }
    }

    #[test]
    fn times_below_zero_and_wide_spreads_are_refused() {
        for mean_ms in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(TimeLaw::Exponential { mean_ms }.check().is_err());
        }
        for sigma in [-0.1, f64::NAN, 4.0] {
            assert!(
                TimeLaw::LogNormal {
                    mean_ms: 1.0,
                    sigma
                }
                .check()
                .is_err()
            );
        }
    }
}
