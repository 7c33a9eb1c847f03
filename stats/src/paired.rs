//! Comparison of two methods that were run on the same seeds, folds or cases.

use std::fmt;

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::interval::Interval;
use crate::param::{ParamError, in_range};

/// Most pairs that the exact permutation test takes; it sums `2^(n - 1)` sign patterns.
pub const MAX_PERMUTED: usize = 20;

/// Greatest magnitude of a value, so that no square overflows.
const MAX_MAGNITUDE: f64 = 1e100;

/// What is below this share of the greatest input counts as rounding: decimal fractions differ by
/// as much when they should be equal.
const ROUNDING: f64 = 1e-12;

/// statrs finds the quantile to within 2e-5 of itself up to here, and does not return at 100 million
/// degrees. Capped, a p-value is at most 4e-6 off.
const MAX_FREEDOM: f64 = 1e5;

/// Why two methods cannot be compared pair by pair.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PairedError {
    /// The methods were not run equally often.
    #[error("{first} values of the first method do not pair with {second} of the second")]
    LengthMismatch {
        /// Values of the first method.
        first: usize,
        /// Values of the second method.
        second: usize,
    },
    /// One pair says nothing about variation.
    #[error("{n} pairs; there must be {limit} or more")]
    TooFewPairs {
        /// Pairs given.
        n: usize,
        /// Least allowed number.
        limit: usize,
    },
    /// A value is `NaN`, infinite or too great to square.
    #[error("pair {position} is ({first}, {second}); values must be finite, {limit:e} at most")]
    BadValue {
        /// Position of the pair.
        position: usize,
        /// Value of the first method.
        first: f64,
        /// Value of the second method.
        second: f64,
        /// Greatest allowed magnitude.
        limit: f64,
    },
    /// The confidence is outside its range.
    #[error(transparent)]
    Param(#[from] ParamError),
}

/// Difference of two methods over pairs: how great it is and whether chance explains it.
///
/// Two tests stand side by side. The t-test (Student 1908) takes the differences for normal. The
/// permutation test (Fisher 1935) only takes their signs for exchangeable, as they are when neither
/// method is better; it cannot go below `2^(1 - n)`, so 5 seeds never reach 0.05.
///
/// Pairs must be independent: seeds of one split are, and then speak of that split alone; folds that
/// share training data are not, and both tests are too bold for them (Nadeau and Bengio 2003).
///
/// # Example
/// ```
/// use astern_stats::paired::PairedDifference;
/// // Hours of sleep gained with two drugs by ten patients (Student 1908).
/// let first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
/// let second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
/// let difference = PairedDifference::new(&first, &second, 0.95)?;
/// assert_eq!(
///     difference.to_string(),
///     "n = 10, mean -1.5800 in -2.4599..=-0.7001 (confidence 0.95), std 1.2300, \
///      p 0.0028 by t, 0.0039 by permutation"
/// );
/// # Ok::<(), astern_stats::paired::PairedError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PairedDifference {
    /// Number of pairs.
    pub n: usize,
    /// Mean of first less second, in the unit of the values.
    pub mean: f64,
    /// Standard deviation of the differences (divisor `n - 1`), in the unit of the values.
    pub std: f64,
    /// Confidence of `interval`.
    pub confidence: f64,
    /// Confidence interval of the mean by Student's t; `None` when the differences do not vary.
    pub interval: Option<Interval>,
    /// Two-sided p-value of the paired t-test; `None` when the differences do not vary.
    pub p_t: Option<f64>,
    /// Two-sided p-value of the exact sign-flip test; `None` above [`MAX_PERMUTED`] pairs.
    pub p_permutation: Option<f64>,
}

impl PairedDifference {
    /// Compares `first` with `second`, both `[n]` in one unit, position by position.
    ///
    /// With `d = first - second`: `t = mean √n / std`, the interval is `mean ± t* std / √n`, and the
    /// permutation p-value is the share of the `2ⁿ` choices of signs for which `|Σ ± dᵢ|` is at
    /// least `|Σ dᵢ|`. Differences within 1e-12 of the greatest input count as equal, there and in
    /// deciding whether they vary. A failed run is refused, not left out: which runs fail is
    /// seldom chance. Degrees of freedom count as 100,000 at most, which moves p by 4e-6 at most.
    ///
    /// # Errors
    /// [`PairedError`] for two lengths, fewer than 2 pairs, a value that is not finite or beyond
    /// 1e100, or a confidence outside 0.001..=0.999999.
    ///
    /// # Complexity
    /// `O(n)`, and `O(2ⁿ)` up to [`MAX_PERMUTED`] pairs.
    pub fn new(first: &[f64], second: &[f64], confidence: f64) -> Result<Self, PairedError> {
        // Beyond these statrs' quantile of two pairs loses its digits.
        in_range("confidence", confidence, 0.001, 0.999_999)?;
        check(first, second)?;
        let magnitudes = first.iter().chain(second).map(|value| value.abs());
        let rounding = ROUNDING * magnitudes.fold(0.0, f64::max);
        let pairs = first.iter().zip(second);
        let differences: Vec<f64> = pairs.map(|(a, b)| a - b).collect();

        let n = differences.len() as f64;
        let mean = differences.iter().sum::<f64>() / n;
        let squares: f64 = differences.iter().map(|d| (d - mean).powi(2)).sum();
        let std = (squares / (n - 1.0)).sqrt();
        let varies = std > rounding;
        let by_t = varies.then(|| student(mean, std / n.sqrt(), n - 1.0, confidence));
        let (interval, p_t) = by_t.flatten().unzip();
        Ok(Self {
            n: differences.len(),
            mean,
            std,
            confidence,
            interval,
            p_t,
            p_permutation: sign_flip(&differences, rounding),
        })
    }
}

fn check(first: &[f64], second: &[f64]) -> Result<(), PairedError> {
    if first.len() != second.len() {
        return Err(PairedError::LengthMismatch {
            first: first.len(),
            second: second.len(),
        });
    }
    if first.len() < 2 {
        return Err(PairedError::TooFewPairs {
            n: first.len(),
            limit: 2,
        });
    }
    let good = |value: f64| value.abs() <= MAX_MAGNITUDE;
    let mut pairs = first.iter().zip(second);
    match pairs.position(|(a, b)| !good(*a) || !good(*b)) {
        None => Ok(()),
        Some(position) => Err(PairedError::BadValue {
            position,
            first: first[position],
            second: second[position],
            limit: MAX_MAGNITUDE,
        }),
    }
}

/// Interval and two-sided p-value of a mean with its standard error; `None` without freedom.
fn student(mean: f64, error: f64, freedom: f64, confidence: f64) -> Option<(Interval, f64)> {
    let t = StudentsT::new(0.0, 1.0, freedom.min(MAX_FREEDOM)).ok()?;
    let half = t.inverse_cdf(0.5 + confidence / 2.0) * error;
    let interval = Interval {
        low: mean - half,
        high: mean + half,
    };
    Some((interval, (2.0 * t.sf((mean / error).abs())).min(1.0)))
}

/// Share of sign patterns whose sum is as far from 0 as the one observed.
fn sign_flip(differences: &[f64], rounding: f64) -> Option<f64> {
    // A pattern and its opposite are equally far, so the first sign stays as it is.
    let (head, tail) = differences.split_first()?;
    if differences.len() > MAX_PERMUTED {
        return None;
    }
    let least = differences.iter().sum::<f64>().abs() - rounding * differences.len() as f64;
    let patterns = f64::from(1_u32 << tail.len());
    Some(f64::from(as_far(*head, tail, least)) / patterns)
}

/// Number of signs for `rest` that bring `sum` to `least` or farther from 0.
fn as_far(sum: f64, rest: &[f64], least: f64) -> u32 {
    match rest.split_first() {
        None => u32::from(sum.abs() >= least),
        Some((next, rest)) => as_far(sum + next, rest, least) + as_far(sum - next, rest, least),
    }
}

impl fmt::Display for PairedDifference {
    /// One line; the precision of the format (4 by default) is that of mean, interval and std.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(4);
        write!(f, "n = {}, mean {:.digits$}", self.n, self.mean)?;
        if let Some(Interval { low, high }) = self.interval {
            write!(f, " in {low:.digits$}..={high:.digits$}")?;
            write!(f, " (confidence {})", self.confidence)?;
        }
        let p = |p: Option<f64>| match p {
            None => "unknown".to_owned(),
            Some(p) if p < 1e-4 => "< 0.0001".to_owned(),
            Some(p) => format!("{p:.4}"),
        };
        let (by_t, by_permutation) = (p(self.p_t), p(self.p_permutation));
        write!(f, ", std {:.digits$}", self.std)?;
        write!(f, ", p {by_t} by t, {by_permutation} by permutation")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compare(first: &[f64], second: &[f64]) -> PairedDifference {
        PairedDifference::new(first, second, 0.95).unwrap()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    // Expected values are those of SciPy 1.17.1: ttest_rel with its confidence_interval, and
    // permutation_test(permutation_type="samples", n_resamples=inf).

    #[test]
    fn accuracies_of_eight_seeds_agree_with_scipy() {
        let first = [0.81, 0.79, 0.84, 0.77, 0.80, 0.83, 0.78, 0.82];
        let second = [0.78, 0.80, 0.79, 0.75, 0.80, 0.79, 0.77, 0.78];
        let difference = compare(&first, &second);
        assert!(close(difference.mean, 0.0225) && close(difference.std, 0.021_213_203_435_596_4));
        assert!(close(difference.p_t.unwrap(), 0.019_942_126_131_992_505));
        assert!(close(difference.p_permutation.unwrap(), 0.046_875));
        let Interval { low, high } = difference.interval.unwrap();
        assert!(close(low, 0.004_765_318_113_054_123) && close(high, 0.040_234_681_886_945_83));

        let narrow = PairedDifference::new(&first, &second, 0.9).unwrap();
        let Interval { low, high } = narrow.interval.unwrap();
        assert!(close(low, 0.008_290_660_461_824_945) && close(high, 0.036_709_339_538_175_005));
    }

    #[test]
    fn two_pairs_agree_with_scipy() {
        let difference = compare(&[1.0, 2.0], &[0.0, 0.5]);
        assert!(close(difference.p_t.unwrap(), 0.125_665_916_378_002_4));
        assert!(close(difference.p_permutation.unwrap(), 0.5));
        let Interval { low, high } = difference.interval.unwrap();
        assert!(close(low, -1.926_551_184_043_673_5) && close(high, 4.426_551_184_043_674));
    }

    #[test]
    fn differences_that_do_not_vary_have_no_t() {
        // 0.3 - 0.2 and 0.2 - 0.1 differ in their last bit.
        let constant = compare(&[0.3, 0.2, 0.9], &[0.2, 0.1, 0.8]);
        assert_eq!((constant.interval, constant.p_t), (None, None));
        assert!(close(constant.p_permutation.unwrap(), 0.25));
        assert_eq!(
            format!("{constant:.2}"),
            "n = 3, mean 0.10, std 0.00, p unknown by t, 0.2500 by permutation"
        );
        let same = compare(&[1.0, 2.0], &[1.0, 2.0]);
        assert_eq!((same.p_t, same.p_permutation), (None, Some(1.0)));
        assert_eq!(compare(&[0.0; 3], &[0.0; 3]).p_permutation, Some(1.0));
    }

    #[test]
    fn many_pairs_have_a_t_alone() {
        let first: Vec<f64> = (0..=MAX_PERMUTED).map(|i| (i % 3) as f64).collect();
        let difference = compare(&first, &vec![0.0; first.len()]);
        assert!(difference.p_t.unwrap() < 1e-4 && difference.p_permutation.is_none());
        assert!(
            difference
                .to_string()
                .ends_with("p < 0.0001 by t, unknown by permutation")
        );
        let at_limit = compare(&first[1..], &[0.0; MAX_PERMUTED]);
        // The six zeros may take either sign; all others take the same one: 2 · 2^6 patterns.
        assert!(close(at_limit.p_permutation.unwrap(), 2.0_f64.powi(7 - 20)));
    }

    #[test]
    fn degrees_of_freedom_beyond_the_cap_still_have_a_quantile() {
        // The standard normal: 97.5 % quantile 1.959964, two-sided tail beyond 1 .317311.
        let (interval, p) = student(1.0, 1.0, 1e9, 0.95).unwrap();
        assert!((interval.high - 2.959_964).abs() < 1e-4);
        assert!((p - 0.317_311).abs() < 1e-5);
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let refused = |first: &[f64], second: &[f64], confidence| {
            PairedDifference::new(first, second, confidence)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused(&[1.0], &[1.0, 2.0], 0.9),
            "1 values of the first method do not pair with 2 of the second"
        );
        assert_eq!(
            refused(&[1.0], &[2.0], 0.9),
            "1 pairs; there must be 2 or more"
        );
        assert_eq!(refused(&[], &[], 0.9), "0 pairs; there must be 2 or more");
        for bad in [f64::NAN, f64::INFINITY, -1e101] {
            let text = refused(&[1.0, bad], &[1.0, 2.0], 0.9);
            assert!(text.starts_with("pair 1 is ("), "{text}");
            let text = refused(&[1.0, 2.0], &[bad, 2.0], 0.9);
            assert!(
                text.ends_with("values must be finite, 1e100 at most"),
                "{text}"
            );
        }
        for bad in [0.0, 1.0, f64::NAN] {
            assert!(refused(&[1.0, 2.0], &[1.0, 2.0], bad).starts_with("parameter `confidence`"));
        }
    }

    #[test]
    fn the_greatest_values_stay_finite() {
        let difference = compare(&[1e100, -1e100], &[-1e100, 1e100]);
        assert!(difference.std.is_finite() && close(difference.p_t.unwrap(), 1.0));
        assert_eq!(difference.p_permutation, Some(1.0));
    }

    fn by_counting(differences: &[i32]) -> f64 {
        let n = differences.len();
        let observed = differences.iter().sum::<i32>().abs();
        let signed = |pattern: u32| -> i32 {
            let sign = |i: usize| if pattern >> i & 1 == 1 { -1 } else { 1 };
            differences
                .iter()
                .enumerate()
                .map(|(i, d)| sign(i) * d)
                .sum()
        };
        let as_far = (0..1_u32 << n).filter(|p| signed(*p).abs() >= observed);
        as_far.count() as f64 / f64::from(1_u32 << n)
    }

    proptest! {
        #[test]
        fn the_permutation_test_counts_every_pattern(
            differences in prop::collection::vec(-5..=5i32, 2..9),
        ) {
            // Tenths are not exact in binary, so ties hold only up to rounding.
            let first: Vec<f64> = differences.iter().map(|d| 0.7 + f64::from(*d) / 10.0).collect();
            let difference = compare(&first, &vec![0.7; first.len()]).p_permutation.unwrap();
            prop_assert!(close(difference, by_counting(&differences)));
        }

        #[test]
        fn swapping_the_methods_turns_only_the_sign(
            pairs in prop::collection::vec((-1e3..1e3f64, -1e3..1e3f64), 2..10),
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let (ab, ba) = (compare(&a, &b), compare(&b, &a));
            prop_assert_eq!((ab.p_t, ab.p_permutation), (ba.p_t, ba.p_permutation));
            prop_assert!(close(ab.mean, -ba.mean) && close(ab.std, ba.std));
            prop_assert!(close(ab.interval.unwrap().low, -ba.interval.unwrap().high));
        }

        #[test]
        fn the_order_of_pairs_does_not_count(
            (pairs, shuffled) in prop::collection::vec((-9..9i8, -9..9i8), 2..10)
                .prop_flat_map(|pairs| (Just(pairs.clone()), Just(pairs).prop_shuffle())),
        ) {
            let of = |pairs: &[(i8, i8)]| {
                let (a, b): (Vec<f64>, Vec<f64>) =
                    pairs.iter().map(|(a, b)| (f64::from(*a), f64::from(*b))).unzip();
                compare(&a, &b)
            };
            let (one, two) = (of(&pairs), of(&shuffled));
            prop_assert_eq!(one.p_permutation, two.p_permutation);
            prop_assert!(close(one.mean, two.mean) && close(one.std, two.std));
            prop_assert!(close(one.p_t.unwrap_or(2.0), two.p_t.unwrap_or(2.0)));
        }

        #[test]
        fn the_interval_leaves_out_zero_exactly_when_t_rejects(
            pairs in prop::collection::vec((0.0..1.0f64, 0.2..1.2f64), 2..30),
            confidence in 0.5..0.99f64,
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let difference = PairedDifference::new(&a, &b, confidence).unwrap();
            let (p, Interval { low, high }) = (difference.p_t.unwrap(), difference.interval.unwrap());
            prop_assert!((0.0..=1.0).contains(&p) && low <= difference.mean && difference.mean <= high);
            let rejects = p < 1.0 - confidence;
            let at_the_edge = close(low, 0.0) || close(high, 0.0);
            prop_assert!(at_the_edge || rejects == (low > 0.0 || high < 0.0));
        }
    }
}
