//! By how much one sample is shifted against another.

use statrs::distribution::{ContinuousCDF, Normal};

use super::mann_whitney::rank_excess;
use crate::interval::Interval;
use crate::order::sorted_finite;
use crate::param::{ParamError, in_open_unit};

/// Halvings after which the ends of an interval are known to the last bits.
const HALVINGS: usize = 80;

/// A shift between two samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The Hodges-Lehmann estimate: the shift that makes both samples rank alike, which is the median of all differences.
    pub estimate: f64,
    /// Its confidence interval: the shifts that the two-sided Mann-Whitney test does not reject.
    pub interval: Interval,
}

/// By how much `new` is shifted against `old` (Hodges and Lehmann 1963), with the interval of the Mann-Whitney test.
///
/// Normal approximation with correction for ties, and for continuity at the ends of the interval, as `wilcox.test` of R
/// without exact values. Non-finite values are left out; `None` with fewer than 3 values on either side.
/// `O((m + n) log(m + n))`, some 300 times.
///
/// ```
/// use astern_stats::two_sample::mann_whitney_shift;
/// let old = [10.0, 11.0, 12.0, 10.5, 11.5, 12.5];
/// let new = old.map(|x| x + 9.0);
/// let shift = mann_whitney_shift(&new, &old, 0.95)?.unwrap();
/// assert!((shift.estimate - 9.0).abs() < 1e-9);
/// assert!(shift.interval.low > 7.0 && shift.interval.high < 11.0);
/// # Ok::<(), astern_stats::ParamError>(())
/// ```
///
/// # Errors
/// [`ParamError::OutOfRange`] for a confidence outside (0, 1).
pub fn mann_whitney_shift(
    new: &[f64],
    old: &[f64],
    confidence: f64,
) -> Result<Option<Shift>, ParamError> {
    in_open_unit("confidence", confidence)?;
    let (new, old) = (sorted_finite(new), sorted_finite(old));
    if new.len() < 3 || old.len() < 3 {
        return Ok(None);
    }
    let z = Normal::standard().inverse_cdf(0.5 + confidence / 2.0);
    let at = |z: f64, continuity: f64| crossing(&new, &old, z, continuity);
    // An even number of differences has two in its middle, and both samples rank alike from one to the other.
    let (first, last) = (at(0.0, 0.0), -crossing(&old, &new, 0.0, 0.0));
    Ok(Some(Shift {
        estimate: f64::midpoint(first, last),
        interval: Interval {
            low: at(z, 0.5),
            high: at(-z, 0.5),
        },
    }))
}

/// The shift at which the standardised statistic, which falls with it, passes `z`.
fn crossing(new: &[f64], old: &[f64], z: f64, continuity: f64) -> f64 {
    let statistic = |shift: f64| {
        let shifted: Vec<f64> = new.iter().map(|x| x - shift).collect();
        let (excess, sd) = rank_excess(&shifted, old);
        if sd > 0.0 && excess != 0.0 {
            (excess - continuity * excess.signum()) / sd
        } else {
            0.0
        }
    };
    let ends = |values: &[f64]| values.first().copied().zip(values.last().copied());
    let Some(((new_min, new_max), (old_min, old_max))) = ends(new).zip(ends(old)) else {
        return f64::NAN;
    };
    let (mut low, mut high) = (new_min - old_max, new_max - old_min);
    if statistic(low) <= z {
        return low;
    }
    if statistic(high) >= z {
        return high;
    }
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if statistic(middle) > z {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn constants_differ_by_their_difference() {
        let shift = mann_whitney_shift(&[3.0; 5], &[1.0; 4], 0.98).unwrap();
        let shift = shift.unwrap();
        assert_eq!(
            (shift.estimate, shift.interval.low, shift.interval.high),
            (2.0, 2.0, 2.0)
        );
    }

    /// Holds the shift to its estimate, and its interval at each confidence to both ends.
    fn is_shifted(new: &[f64], old: &[f64], estimate: f64, ends: [(f64, f64, f64); 3]) {
        for (confidence, low, high) in ends {
            let shift = mann_whitney_shift(new, old, confidence).unwrap().unwrap();
            assert!((shift.estimate - estimate).abs() < 1e-9, "{shift:?}");
            assert!((shift.interval.low - low).abs() < 1e-4, "{shift:?} {low}");
            assert!(
                (shift.interval.high - high).abs() < 1e-4,
                "{shift:?} {high}"
            );
        }
    }

    #[test]
    fn shifts_are_those_of_r() {
        // R 4.2.2: wilcox.test(new, old, conf.int = TRUE, conf.level = confidence, exact = FALSE)$conf.int, whose search ends
        // within 1e-4. The estimate is that with exact = TRUE; with ties, where R has none, median(outer(new, old, "-")).
        // The first samples are those of the example on its page (Hollander and Wolfe 1973, p. 69).
        let new = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
        let old = [1.15, 0.88, 0.90, 0.74, 1.21];
        let ends = [
            (0.9, -0.080_045_766, 0.720_004_883),
            (0.95, -0.150_014_837, 0.759_942_765),
            (0.98, -0.319_997_213, 0.989_946_182),
        ];
        is_shifted(&new, &old, 0.305, ends);
        let new = [
            12.0, 15.0, 15.0, 18.0, 21.0, 21.0, 24.0, 30.0, 33.0, 33.0, 36.0, 40.0,
        ];
        let old = [10.0, 12.0, 12.0, 14.0, 15.0, 18.0, 18.0, 20.0, 21.0, 22.0];
        let ends = [
            (0.9, 1.999_987_584, 15.000_053_389),
            (0.95, 0.000_023_129, 17.999_953_786),
            (0.98, -0.000_002_030, 18.000_049_479),
        ];
        is_shifted(&new, &old, 8.5, ends);
    }

    #[test]
    fn bad_input_is_refused() {
        assert!(mann_whitney_shift(&[1.0; 5], &[1.0; 5], 1.0).is_err());
        let few = mann_whitney_shift(&[1.0, 2.0, f64::NAN], &[1.0; 5], 0.9);
        assert_eq!(few, Ok(None));
    }

    proptest! {
        #[test]
        fn the_estimate_is_the_median_of_the_differences_and_lies_in_the_interval(
            new in prop::collection::vec(0.0..100.0f64, 4..20),
            old in prop::collection::vec(0.0..100.0f64, 4..20),
        ) {
            let shift = mann_whitney_shift(&new, &old, 0.9).unwrap().unwrap();
            let mut differences: Vec<f64> =
                new.iter().flat_map(|x| old.iter().map(move |y| x - y)).collect();
            differences.sort_by(f64::total_cmp);
            let middle = differences.len() / 2;
            let below = differences[(differences.len() - 1) / 2];
            let median = f64::midpoint(below, differences[middle]);
            prop_assert!((shift.estimate - median).abs() < 1e-6, "{shift:?} {median}");
            let back = mann_whitney_shift(&old, &new, 0.9).unwrap().unwrap();
            prop_assert!((back.estimate + median).abs() < 1e-6, "{back:?} {median}");
            let Interval { low, high } = shift.interval;
            prop_assert!(low <= shift.estimate + 1e-6 && shift.estimate <= high + 1e-6);
        }
    }
}
