//! Laws of random times.

use astern_stats::ParamError;
use astern_stats::param::in_range;
use astern_stats::rng::ChaCha8Rng;
use rand::RngExt;
use rand_distr::{Exp1, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::streams::chance;

/// Distribution of a time.
///
/// | law | what it is for | rules beside the mean, 0 to 10⁶ ms |
/// |---|---|---|
/// | `Exponential` | queueing theory has formulas for it | |
/// | `LogNormal` | times of real services; from `sigma` 1.5 on with a heavy tail | `sigma` 0 to 3 |
/// | `Pareto` | a tail so heavy that few calls make up most of the time | `alpha` 1.1 to 100 |
/// | `Bimodal` | two kinds of requests, such as hits and misses | `sigma` 0 to 3, `share` 0 to 1, `factor` 1 to 1,000 |
///
/// ```
/// use astern_graph_core::NodeKey;
/// use astern_sim::{Scenario, ServiceSpec, TimeLaw, Topology, run};
///
/// // The 99 % quantile is nearly twenty times that of 95 %.
/// let work = TimeLaw::Bimodal { mean_ms: 20.0, sigma: 0.3, share: 0.03, factor: 30.0 };
/// let web = ServiceSpec::new(NodeKey::service("web"), work).workers(20);
/// assert!(run(&Scenario::new(Topology::new("web").with(web), 1)).is_ok());
/// ```
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
    /// Pareto of the first kind: `P(T > t) = (t₀ / t)^alpha` from `t₀ = mean · (alpha − 1) / alpha`
    /// on. The variance is infinite for an `alpha` of at most 2.
    Pareto {
        /// Mean, milliseconds.
        mean_ms: f64,
        /// Exponent of the tail; the less, the heavier.
        alpha: f64,
    },
    /// Two log-normal laws, of which one takes a multiple of the other.
    Bimodal {
        /// Mean of both together, milliseconds.
        mean_ms: f64,
        /// Standard deviation of the logarithm, of either.
        sigma: f64,
        /// Share of the times that are of the slower one.
        share: f64,
        /// How many times as long these are in the mean.
        factor: f64,
    },
}

impl TimeLaw {
    /// Mean, milliseconds.
    pub fn mean_ms(self) -> f64 {
        match self {
            Self::Exponential { mean_ms }
            | Self::LogNormal { mean_ms, .. }
            | Self::Pareto { mean_ms, .. }
            | Self::Bimodal { mean_ms, .. } => mean_ms,
        }
    }

    pub(crate) fn check(self) -> Result<(), ParamError> {
        in_range("mean_ms", self.mean_ms(), 0.0, 1e6)?;
        match self {
            Self::Exponential { .. } => {}
            Self::LogNormal { sigma, .. } => drop(in_range("sigma", sigma, 0.0, 3.0)?),
            Self::Pareto { alpha, .. } => drop(in_range("alpha", alpha, 1.1, 100.0)?),
            Self::Bimodal {
                sigma,
                share,
                factor,
                ..
            } => {
                in_range("sigma", sigma, 0.0, 3.0)?;
                in_range("share", share, 0.0, 1.0)?;
                in_range("factor", factor, 1.0, 1e3)?;
            }
        }
        Ok(())
    }

    /// Variance over the square of the mean; infinite where the variance is.
    pub(crate) fn squared_variation(self) -> f64 {
        match self {
            Self::Exponential { .. } => 1.0,
            Self::LogNormal { sigma, .. } => (sigma * sigma).exp_m1(),
            Self::Pareto { alpha, .. } if alpha > 2.0 => 1.0 / (alpha * (alpha - 2.0)),
            Self::Pareto { .. } => f64::INFINITY,
            Self::Bimodal {
                sigma,
                share,
                factor,
                ..
            } => {
                let mean = 1.0 + share * (factor - 1.0);
                let square = 1.0 + share * (factor * factor - 1.0);
                (sigma * sigma).exp() * square / (mean * mean) - 1.0
            }
        }
    }

    /// One time, milliseconds.
    pub(crate) fn draw_ms(self, rng: &mut ChaCha8Rng) -> f64 {
        match self {
            Self::Exponential { mean_ms } => mean_ms * rng.sample::<f64, _>(Exp1),
            Self::LogNormal { mean_ms, sigma } => mean_ms * log_normal(sigma, rng),
            Self::Pareto { mean_ms, alpha } => {
                let least = mean_ms * (alpha - 1.0) / alpha;
                // Of (0, 1], so that the time is finite.
                least * (1.0 - rng.random::<f64>()).powf(-1.0 / alpha)
            }
            Self::Bimodal {
                mean_ms,
                sigma,
                share,
                factor,
            } => {
                let fast = mean_ms / (1.0 + share * (factor - 1.0));
                let mean = if chance(rng, share) {
                    fast * factor
                } else {
                    fast
                };
                mean * log_normal(sigma, rng)
            }
        }
    }
}

/// A log-normal number of the mean 1.
fn log_normal(sigma: f64, rng: &mut ChaCha8Rng) -> f64 {
    let z: f64 = rng.sample(StandardNormal);
    // exp(σz) alone has the mean exp(σ²/2).
    (sigma * z - sigma * sigma / 2.0).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use astern_stats::rng::seeded;

    #[test]
    fn all_laws_have_the_moments_that_they_are_given() {
        let laws = [
            TimeLaw::Exponential { mean_ms: 20.0 },
            TimeLaw::LogNormal {
                mean_ms: 20.0,
                sigma: 0.8,
            },
            TimeLaw::Pareto {
                mean_ms: 20.0,
                alpha: 5.0,
            },
            TimeLaw::Bimodal {
                mean_ms: 20.0,
                sigma: 0.3,
                share: 0.1,
                factor: 12.0,
            },
        ];
        for law in laws {
            let mut rng = seeded(1, 0);
            let times: Vec<f64> = (0..50_000).map(|_| law.draw_ms(&mut rng)).collect();
            let mean = |of: &dyn Fn(f64) -> f64| {
                times.iter().map(|time| of(*time)).sum::<f64>() / times.len() as f64
            };
            assert_relative_eq!(mean(&|time| time), 20.0, max_relative = 0.03);
            let variation = mean(&|time| (time / 20.0 - 1.0).powi(2));
            assert_relative_eq!(variation, law.squared_variation(), max_relative = 0.1);
        }
    }

    #[test]
    fn a_pareto_tail_falls_by_its_exponent() {
        let law = TimeLaw::Pareto {
            mean_ms: 30.0,
            alpha: 1.5,
        };
        let mut rng = seeded(2, 0);
        let times: Vec<f64> = (0..50_000).map(|_| law.draw_ms(&mut rng)).collect();
        assert!(times.iter().all(|time| *time >= 10.0 && time.is_finite()));
        let above = |ms: f64| times.iter().filter(|time| **time > ms).count() as f64 / 50_000.0;
        for ms in [20.0, 100.0, 400.0_f64] {
            assert_relative_eq!(above(ms), (10.0 / ms).powf(1.5), max_relative = 0.1);
        }
        assert!(law.squared_variation().is_infinite());
    }

    #[test]
    fn two_modes_have_nothing_between_them() {
        let law = TimeLaw::Bimodal {
            mean_ms: 20.0,
            sigma: 0.1,
            share: 0.1,
            factor: 11.0,
        };
        let mut rng = seeded(3, 0);
        let times: Vec<f64> = (0..20_000).map(|_| law.draw_ms(&mut rng)).collect();
        let near = |ms: f64| times.iter().filter(|t| (**t / ms).ln().abs() < 0.5).count();
        let (fast, slow) = (near(10.0), near(110.0));
        assert_eq!(fast + slow, times.len());
        assert_relative_eq!(slow as f64, 2_000.0, max_relative = 0.1);
    }

    #[test]
    fn times_below_zero_and_wide_spreads_are_refused() {
        let mean_ms = 1.0;
        for alpha in [1.0, f64::NAN, 101.0] {
            assert!(TimeLaw::Pareto { mean_ms, alpha }.check().is_err());
        }
        for (sigma, share, factor) in [(4.0, 0.1, 2.0), (0.1, 1.1, 2.0), (0.1, 0.1, 0.5)] {
            let law = TimeLaw::Bimodal {
                mean_ms,
                sigma,
                share,
                factor,
            };
            assert!(law.check().is_err(), "{law:?}");
        }
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
