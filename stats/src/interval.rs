//! Confidence intervals for reported figures.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use crate::param::{ParamError, in_open_unit};

/// A closed interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Wilson score interval (Wilson 1927) for a share of `successes` in `trials`.
///
/// Unlike the normal interval it stays inside 0..=1 and is sensible for small counts. No trials
/// give the whole of 0..=1; more successes than trials count as all.
///
/// # Errors
/// [`ParamError::OutOfRange`] for a confidence outside (0, 1).
pub fn wilson(successes: usize, trials: usize, confidence: f64) -> Result<Interval, ParamError> {
    in_open_unit("confidence", confidence)?;
    if trials == 0 {
        return Ok(Interval {
            low: 0.0,
            high: 1.0,
        });
    }
    let n = trials as f64;
    let share = successes.min(trials) as f64 / n;
    let z = Normal::standard().inverse_cdf(0.5 + confidence / 2.0);
    let z2 = z * z;
    let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    Ok(Interval {
        low: (centre - half).max(0.0),
        high: (centre + half).min(1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_published_values() {
        // Newcombe (1998), table I: 81 of 263 gives .2553 to .3662; 0 of 20 gives 0 to .1611.
        let many = wilson(81, 263, 0.95).unwrap();
        assert!((many.low - 0.2553).abs() < 5e-5 && (many.high - 0.3662).abs() < 5e-5);
        let none = wilson(0, 20, 0.95).unwrap();
        assert!(none.low.abs() < 1e-12 && (none.high - 0.1611).abs() < 5e-5);
    }

    #[test]
    fn no_trials_mean_no_knowledge() {
        assert_eq!(
            wilson(0, 0, 0.9).unwrap(),
            Interval {
                low: 0.0,
                high: 1.0
            }
        );
    }

    #[test]
    fn confidence_must_be_inside_its_range() {
        for bad in [0.0, 1.0, f64::NAN] {
            assert!(wilson(1, 2, bad).is_err());
        }
    }
}
