//! Random times known by their first two moments.

use std::f64::consts::PI;

use astern_stats::tail::normal_upper;

use crate::law::TimeLaw;
use crate::queueing::Wait;

/// Mean and variance of a time, in milliseconds and their square.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moments {
    pub(super) mean: f64,
    pub(super) variance: f64,
}

impl Moments {
    pub(super) const ZERO: Self = Self {
        mean: 0.0,
        variance: 0.0,
    };

    pub(super) fn constant(ms: f64) -> Self {
        Self {
            mean: ms,
            variance: 0.0,
        }
    }

    pub(super) fn of(law: TimeLaw) -> Self {
        let mean = law.mean_ms();
        Self {
            mean,
            variance: law.squared_variation() * mean * mean,
        }
    }

    /// This time and then that, which knows nothing of it.
    pub(super) fn then(self, other: Self) -> Self {
        Self {
            mean: self.mean + other.mean,
            variance: self.variance + other.variance,
        }
    }

    pub(super) fn times(self, factor: f64) -> Self {
        Self {
            mean: self.mean * factor,
            variance: self.variance * factor * factor,
        }
    }

    /// This time with a probability, and else none.
    pub(super) fn sometimes(self, probability: f64) -> Self {
        self.or(Self::ZERO, probability)
    }

    /// This time with a probability, and else that.
    pub(super) fn or(self, other: Self, probability: f64) -> Self {
        let rest = 1.0 - probability;
        let mean = probability * self.mean + rest * other.mean;
        let square = probability * self.square() + rest * other.square();
        Self {
            mean,
            variance: (square - mean * mean).max(0.0),
        }
    }

    /// The longer of two independent times, as if they were normal (Clark 1961, The Greatest of a
    /// Finite Set of Random Variables).
    pub(super) fn longest(self, other: Self) -> Self {
        let spread = (self.variance + other.variance).sqrt();
        if spread <= 0.0 {
            return if self.mean >= other.mean { self } else { other };
        }
        let z = (self.mean - other.mean) / spread;
        let (above, below) = (normal_upper(-z), normal_upper(z));
        let density = (-z * z / 2.0).exp() / (2.0 * PI).sqrt();
        let mean = self.mean * above + other.mean * below + spread * density;
        let square = self.square() * above
            + other.square() * below
            + (self.mean + other.mean) * spread * density;
        Self {
            mean,
            variance: (square - mean * mean).max(0.0),
        }
    }

    fn square(self) -> f64 {
        self.variance + self.mean * self.mean
    }

    /// Variance in units of the squared mean; 1 for an exponential time.
    pub(super) fn squared_variation(self) -> f64 {
        if self.mean > 0.0 {
            self.variance / (self.mean * self.mean)
        } else {
            0.0
        }
    }

    /// The quantile at this standard normal score of the log-normal law with these moments.
    pub(super) fn quantile(self, score: f64) -> f64 {
        let log_variance = self.squared_variation().ln_1p();
        self.mean * (score * log_variance.sqrt() - log_variance / 2.0).exp()
    }
}

/// A time that comes with a probability, and else not at all.
///
/// Zero is kept apart from the law: a normal law for both would make the longest of several
/// seldom times far too long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seldom {
    pub(super) probability: f64,
    /// The time where it comes.
    pub(super) time: Moments,
}

impl Seldom {
    /// The longer of two independent ones, as far as they come.
    pub(super) fn longest(self, other: Self) -> Self {
        let (p, q) = (self.probability, other.probability);
        let probability = 1.0 - (1.0 - p) * (1.0 - q);
        if probability <= 0.0 {
            return self;
        }
        let alone = self.time.or(
            other.time,
            p * (1.0 - q) / (p + q - 2.0 * p * q).max(f64::MIN_POSITIVE),
        );
        let both = self.time.longest(other.time);
        Self {
            probability,
            time: both.or(alone, p * q / probability),
        }
    }

    pub(super) fn moments(self) -> Moments {
        self.time.or(Moments::ZERO, self.probability)
    }
}

impl From<Wait> for Moments {
    fn from(wait: Wait) -> Self {
        Self {
            mean: wait.mean,
            variance: wait.variance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn time(mean: f64, variance: f64) -> Moments {
        Moments { mean, variance }
    }

    #[test]
    fn the_longest_of_two_equal_normal_times_is_that_of_theory() {
        // E = m + s/√π and Var = s² (1 - 1/π).
        let longest = time(10.0, 4.0).longest(time(10.0, 4.0));
        assert_relative_eq!(longest.mean, 10.0 + 2.0 / PI.sqrt(), max_relative = 1e-9);
        assert_relative_eq!(
            longest.variance,
            4.0 * (1.0 - 1.0 / PI),
            max_relative = 1e-9
        );
        assert_eq!(time(1.0, 0.0).longest(time(3.0, 0.0)), time(3.0, 0.0));
    }

    #[test]
    fn a_time_that_comes_sometimes_has_the_moments_of_a_mixture() {
        let half = time(10.0, 4.0).sometimes(0.5);
        assert_relative_eq!(half.mean, 5.0);
        assert_relative_eq!(half.variance, 0.5 * 104.0 - 25.0);
        assert_eq!(time(10.0, 4.0).or(time(3.0, 1.0), 1.0), time(10.0, 4.0));
    }

    #[test]
    fn the_longest_of_seldom_times_keeps_zero_apart() {
        let seldom = |probability, mean| Seldom {
            probability,
            time: Moments::constant(mean),
        };
        // The longer one in 20 % of the cases, the other alone in 8 %.
        let longest = seldom(0.1, 10.0).longest(seldom(0.2, 30.0));
        assert_relative_eq!(longest.probability, 0.28, max_relative = 1e-12);
        let mean = 0.08 * 10.0 + 0.2 * 30.0;
        assert_relative_eq!(longest.moments().mean, mean, max_relative = 1e-12);
        let square = 0.08 * 100.0 + 0.2 * 900.0;
        let variance = square - mean * mean;
        assert_relative_eq!(longest.moments().variance, variance, max_relative = 1e-12);
        let never = seldom(0.0, 5.0);
        assert_eq!(never.longest(never).moments(), Moments::ZERO);
        let always = seldom(1.0, 5.0);
        assert_eq!(always.longest(always), always);
        assert_eq!(never.longest(always), always);
    }

    #[test]
    fn quantiles_of_a_log_normal_law_are_met_exactly() {
        let law = TimeLaw::LogNormal {
            mean_ms: 20.0,
            sigma: 0.5,
        };
        let median = 20.0 * (-0.125_f64).exp();
        assert_relative_eq!(Moments::of(law).quantile(0.0), median, max_relative = 1e-12);
        let upper = median * (0.5 * 1.5_f64).exp();
        assert_relative_eq!(Moments::of(law).quantile(1.5), upper, max_relative = 1e-12);
        assert_relative_eq!(Moments::ZERO.quantile(1.5), 0.0);
    }
}
