//! A load that rises and falls by the hour.

use std::time::Duration;

use astern_stats::ParamError;
use astern_stats::param::{duration, in_range, positive};
use serde::{Deserialize, Serialize};

/// Requests of a shop by the hour of the day over their mean, from midnight on.
const DAY: [f64; 24] = [
    0.55, 0.40, 0.32, 0.28, 0.28, 0.35, 0.52, 0.75, 0.98, 1.13, 1.22, 1.27, //
    1.30, 1.26, 1.22, 1.21, 1.23, 1.28, 1.38, 1.52, 1.63, 1.57, 1.33, 1.02,
];

/// A curve that repeats: factors at equal distances over the period, with straight lines between
/// them and from the last to the first.
///
/// | field | default of `daily` | rule |
/// |---|---|---|
/// | `factors` | 24 of the mean 1, by the hour from midnight on | 1 to 10,000, each 0 to 100, not all 0 |
/// | `period` | 24 h | 1 s to 10⁹ s |
/// | `phase` | 0 | at most the period |
///
/// # Example
/// A day from 8 o'clock on:
/// ```
/// use std::time::Duration;
/// use astern_sim::{Curve, Load};
///
/// let mut load = Load::new(20.0);
/// load.curve = Some(Curve::daily().phase(Duration::from_secs(8 * 3_600)));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default = "Curve::daily", deny_unknown_fields)]
#[non_exhaustive]
pub struct Curve {
    /// Rate over the mean rate.
    pub factors: Vec<f64>,
    /// After which time it repeats.
    #[serde(with = "duration")]
    pub period: Duration,
    /// Where in the period a run starts.
    #[serde(with = "duration")]
    pub phase: Duration,
}

astern_stats::setters!(Curve {
    /// Sets after which time it repeats.
    period: Duration,
    /// Sets where in the period a run starts.
    phase: Duration,
});

impl Curve {
    /// The curve through these factors, from the first at the start of a run.
    pub fn new(factors: impl Into<Vec<f64>>, period: Duration) -> Self {
        Self {
            factors: factors.into(),
            period,
            phase: Duration::ZERO,
        }
    }

    /// A day: a quarter at night, a rise in the morning, the most in the evening.
    pub fn daily() -> Self {
        Self::new(DAY, Duration::from_secs(24 * 3_600))
    }

    pub(crate) fn check(&self) -> Result<(), ParamError> {
        let count = self.factors.len() as f64;
        in_range("number of factors of a curve", count, 1.0, 1e4)?;
        for factor in &self.factors {
            in_range("factor of a curve", *factor, 0.0, 100.0)?;
        }
        positive("greatest factor of a curve", self.highest())?;
        let period = self.period.as_secs_f64();
        in_range("period of a curve in seconds", period, 1.0, 1e9)?;
        let phase = self.phase.as_secs_f64();
        in_range("phase of a curve in seconds", phase, 0.0, period).map(drop)
    }

    /// The greatest of its factors.
    pub(crate) fn highest(&self) -> f64 {
        self.factors.iter().copied().fold(0.0, f64::max)
    }

    /// The factor `secs` after the start of a run.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place on the curve is a small number that is not negative"
    )]
    pub(crate) fn at(&self, secs: f64) -> f64 {
        let period = self.period.as_secs_f64();
        let part = ((secs + self.phase.as_secs_f64()) / period).fract();
        let count = self.factors.len();
        let place = part * count as f64;
        let factor = |index: usize| self.factors.get(index % count.max(1)).copied();
        let (before, between) = (place.floor() as usize, place.fract());
        let ends = factor(before).zip(factor(before + 1));
        ends.map_or(1.0, |(from, to)| from + (to - from) * between)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn a_curve_is_straight_between_its_factors_and_repeats() {
        let curve = Curve::new([1.0, 3.0, 2.0], Duration::from_secs(30));
        let expected = [
            (0.0, 1.0),
            (5.0, 2.0),
            (10.0, 3.0),
            (25.0, 1.5),
            (65.0, 2.0),
        ];
        for (secs, factor) in expected {
            assert_relative_eq!(curve.at(secs), factor, epsilon = 1e-9);
        }
        let late = curve.phase(Duration::from_secs(10));
        assert_relative_eq!(late.at(15.0), 1.5, epsilon = 1e-9);
    }

    #[test]
    fn a_day_has_the_mean_of_one() {
        let mean = DAY.iter().sum::<f64>() / 24.0;
        assert_relative_eq!(mean, 1.0, epsilon = 1e-9);
    }
}
