//! Critical values where it is known at which looks a test is made.

use statrs::distribution::{Continuous, ContinuousCDF, Normal};

use crate::param::{ParamError, in_open_unit};
use crate::tail::normal_upper;

/// Least fraction of the information by which a look follows the one before it.
pub const FRACTION_STEP_MIN: f64 = 0.01;

/// Standard deviations above and below 0 over which is integrated.
const WIDTH: f64 = 12.0;

/// Points of the integration for each standard deviation of what a look adds.
const POINTS: f64 = 8.0;

/// Halvings of the range of a critical value: beyond them it is exact in floating point.
const HALVINGS: u32 = 60;

/// Looks at which no test can be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LooksError {
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Level(#[from] ParamError),
    /// A look comes too early after the one before it, or after all of the information.
    #[error(
        "a look at {fraction} of the information after one at {before}; each must come {least} later, at most at 1"
    )]
    Fraction {
        /// The fraction of the look.
        fraction: f64,
        /// That of the look before; 0 for the first one.
        before: f64,
        /// [`FRACTION_STEP_MIN`].
        least: f64,
    },
}

/// The share of a one-sided level that is spent until a fraction of the information, in (0, 1]: little at first and most of it at
/// the end, `2 - 2 Φ(z(1 - α/2) / √t)` (Lan and `DeMets` 1983, their approximation of O'Brien and Fleming's design).
/// `NaN` for a level or a fraction out of range.
///
/// ```
/// use astern_stats::sequential::spent;
/// assert!(spent(0.05, 0.5) < 0.006 && (spent(0.05, 1.0) - 0.05).abs() < 1e-9);
/// ```
pub fn spent(alpha: f64, fraction: f64) -> f64 {
    let is_known = (0.0..1.0).contains(&alpha) && fraction > 0.0 && fraction <= 1.0;
    if !is_known {
        return f64::NAN;
    }
    let z = -Normal::standard().inverse_cdf(0.5 * alpha);
    2.0 * normal_upper(z / fraction.sqrt())
}

/// The standard normal score that each of several looks must exceed, so that "it is not worse" is rejected at any of them with a
/// probability of at most `alpha` while it is true, which is [`spent`] look by look. Each look is given by the
/// fraction of the whole information that it has; a critical value depends on earlier fractions and not on later ones.
/// Infinite where nearly nothing is spent.
///
/// The density of a sum with independent increments that has not crossed yet is carried from look to look by numerical integration
/// (Armitage, `McPherson` and Rowe 1969), here by Simpson's rule.
///
/// # Errors
/// [`LooksError::Level`] for a level outside (0, 1); [`LooksError::Fraction`] for a fraction that is not
/// [`FRACTION_STEP_MIN`] above the one before it, or above 1.
///
/// # Complexity
/// `O(K · n · m)` for K looks, n points and the m of them that are within reach of one: some 10⁴ operations a look where
/// looks are a fifth of the information apart, some 10⁶ where they are a hundredth.
///
/// # Example
/// ```
/// use astern_stats::sequential::critical_values;
///
/// let critical = critical_values(0.025, &[0.5, 1.0])?;
/// assert!((critical[0] - 2.963).abs() < 1e-3 && (critical[1] - 1.969).abs() < 1e-3);
/// # Ok::<(), astern_stats::sequential::LooksError>(())
/// ```
pub fn critical_values(alpha: f64, fractions: &[f64]) -> Result<Vec<f64>, LooksError> {
    in_open_unit("alpha", alpha)?;
    let mut looks = Vec::with_capacity(fractions.len());
    let (mut before, mut below) = (0.0, None::<Below>);
    for &fraction in fractions {
        let least = FRACTION_STEP_MIN;
        // What is written as a step of a hundredth may be a little less.
        if !(fraction - before >= least - 1e-9 && fraction <= 1.0) {
            return Err(LooksError::Fraction {
                fraction,
                before,
                least,
            });
        }
        let earlier = if before > 0.0 {
            spent(alpha, before)
        } else {
            0.0
        };
        let look = Look {
            fraction,
            sd: (fraction - before).sqrt(),
        };
        let bound = look.bound(below.as_ref(), spent(alpha, fraction) - earlier);
        looks.push(bound / fraction.sqrt());
        below = Some(look.below(below.as_ref(), bound));
        before = fraction;
    }
    Ok(looks)
}

/// The density of the sum where no look has rejected yet, on evenly spaced points from the bound downwards.
struct Below {
    top: f64,
    spacing: f64,
    /// Times the weights of Simpson's rule.
    weighted: Vec<f64>,
}

impl Below {
    fn points(&self, first: usize) -> impl Iterator<Item = (f64, f64)> + '_ {
        let points = self.weighted.iter().enumerate().skip(first);
        points.map(|(i, weighted)| (self.top - i as f64 * self.spacing, *weighted))
    }

    /// The points within reach of a sum in either direction.
    fn near(&self, sum: f64, reach: f64) -> impl Iterator<Item = (f64, f64)> + '_ {
        let first = whole((self.top - sum - reach) / self.spacing);
        self.points(first)
            .take_while(move |(place, _)| *place >= sum - reach)
    }
}

/// A count of points, at most some thousands, rounded down; none for a negative one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and small"
)]
fn whole(count: f64) -> usize {
    count.max(0.0) as usize
}

/// A look, and what the sum changes by since the one before it.
struct Look {
    fraction: f64,
    sd: f64,
}

impl Look {
    /// Probability that the sum exceeds a bound here and none before.
    fn exceeds(&self, before: Option<&Below>, bound: f64) -> f64 {
        match before {
            None => normal_upper(bound / self.sd),
            Some(before) => {
                let upper =
                    |(sum, weighted): (f64, f64)| weighted * normal_upper((bound - sum) / self.sd);
                before.points(0).map(upper).sum()
            }
        }
    }

    /// The bound that is exceeded here, and none before, with a probability.
    fn bound(&self, before: Option<&Below>, probability: f64) -> f64 {
        let [mut low, mut high] = [-WIDTH, WIDTH].map(|z| z * self.fraction.sqrt());
        if self.exceeds(before, high) >= probability {
            return f64::INFINITY;
        }
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if self.exceeds(before, middle) > probability {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    /// The density of what does not exceed the bound.
    fn below(&self, before: Option<&Below>, bound: f64) -> Below {
        let [bottom, most] = [-WIDTH, WIDTH].map(|z| z * self.fraction.sqrt());
        let top = bound.min(most);
        // Looks may come as close as that.
        let finest = self.sd.min(FRACTION_STEP_MIN.sqrt());
        let intervals = 2 * whole((top - bottom) * POINTS / finest / 2.0).max(1);
        let spacing = (top - bottom) / intervals as f64;
        let density = |sum: f64| {
            let change = |from: f64| Normal::standard().pdf((sum - from) / self.sd) / self.sd;
            match before {
                None => change(0.0),
                Some(before) => {
                    let near = before.near(sum, WIDTH * self.sd);
                    near.map(|(from, weighted)| weighted * change(from)).sum()
                }
            }
        };
        let weight = |i: usize| match i {
            0 => 1.0,
            i if i == intervals => 1.0,
            i if i % 2 == 1 => 4.0,
            _ => 2.0,
        };
        let weighted =
            (0..=intervals).map(|i| weight(i) * spacing / 3.0 * density(top - i as f64 * spacing));
        Below {
            top,
            spacing,
            weighted: weighted.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::rand_core::Rng;

    use super::*;
    use crate::rng::seeded;

    #[test]
    fn critical_values_are_those_that_are_published() {
        // One-sided 0.025, five looks: `gsDesign(k = 5, test.type = 1, sfu = sfLDOF)` of gsDesign for R, which stops at 3.3569
        // before the 3.35701 that the integral of the next test gives.
        let fractions = [0.2, 0.4, 0.6, 0.8, 1.0];
        let critical = critical_values(0.025, &fractions).unwrap();
        let published = [4.8769, 3.3569, 2.6803, 2.2898, 2.0310];
        for (ours, theirs) in critical.iter().zip(published) {
            assert!((ours - theirs).abs() < 1.5e-4, "{critical:?}");
        }
        // One-sided 0.05: the front page of SeqBounds.jl, whose grid is coarser.
        let critical = critical_values(0.05, &[0.25, 0.5, 0.75, 1.0]).unwrap();
        let published = [3.749_55, 2.539_93, 2.016_04, 1.720_14];
        for (ours, theirs) in critical.iter().zip(published) {
            assert!((ours - theirs).abs() < 1e-3, "{critical:?}");
        }
    }

    #[test]
    fn two_looks_spend_what_a_single_integral_says() {
        for (alpha, fractions) in [(0.025, [0.2, 0.4]), (0.05, [0.5, 1.0]), (0.01, [0.9, 0.95])] {
            let critical = critical_values(alpha, &fractions).unwrap();
            let share = fractions[0] / fractions[1];
            // Of those that cross at the first look, by the midpoint rule, some would cross at the second too.
            let width = 8.0 / 20_000.0;
            let both = (0..20_000).map(|i| {
                let z = critical[0] + (f64::from(i) + 0.5) * width;
                let rest = (critical[1] - z * share.sqrt()) / (1.0 - share).sqrt();
                width * Normal::standard().pdf(z) * normal_upper(rest)
            });
            let second = normal_upper(critical[1]) - both.sum::<f64>();
            let wanted = spent(alpha, fractions[1]) - spent(alpha, fractions[0]);
            assert!((second / wanted - 1.0).abs() < 1e-5, "{second} {wanted}");
        }
    }

    #[test]
    fn one_look_is_the_test_for_one_look() {
        let critical = critical_values(0.025, &[1.0]).unwrap();
        assert!((critical[0] - 1.959_964).abs() < 1e-5);
        assert_eq!(critical_values(0.025, &[]), Ok(vec![]));
        // With a hundredth of the information nothing is spent.
        assert!(critical_values(0.025, &[0.01]).unwrap()[0].is_infinite());
    }

    #[test]
    fn looks_out_of_order_and_levels_out_of_range_are_refused() {
        let refused = |fractions: &[f64]| {
            let found = critical_values(0.05, fractions);
            matches!(found, Err(LooksError::Fraction { .. }))
        };
        for fractions in [&[0.5, 0.5][..], &[0.5, 0.505], &[1.1], &[0.0], &[f64::NAN]] {
            assert!(refused(fractions), "{fractions:?}");
        }
        let hundredths: Vec<f64> = (1..=100).map(|i| f64::from(i) / 100.0).collect();
        assert!(!refused(&hundredths));
        for alpha in [0.0, 1.0, f64::NAN] {
            let found = critical_values(alpha, &[1.0]);
            assert!(matches!(found, Err(LooksError::Level(_))));
        }
        assert!(spent(0.05, 0.0).is_nan() && spent(f64::NAN, 0.5).is_nan());
    }

    #[test]
    fn the_level_is_kept_over_all_looks_and_not_by_the_test_for_one() {
        let fractions = [0.1, 0.3, 0.35, 0.7, 1.0];
        let critical = critical_values(0.05, &fractions).unwrap();
        let mut rng = seeded(3, 0);
        let mut uniform = || f64::from(rng.next_u32()) / 4_294_967_296.0;
        let (mut crossed, mut naive) = (0, 0);
        for _ in 0..20_000 {
            let (mut sum, mut before) = (0.0, 0.0_f64);
            let (mut is_crossed, mut is_naive) = (false, false);
            for (fraction, critical) in fractions.iter().zip(&critical) {
                let normal = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
                sum += normal * (fraction - before).sqrt();
                before = *fraction;
                is_crossed |= sum / fraction.sqrt() > *critical;
                is_naive |= sum / fraction.sqrt() > 1.645;
            }
            crossed += u32::from(is_crossed);
            naive += u32::from(is_naive);
        }
        // 5 % of 20,000 with four standard deviations.
        assert!((876..1_124).contains(&crossed), "{crossed}");
        assert!(naive > 2_000, "{naive}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn a_critical_value_depends_on_earlier_looks_alone(
            steps in prop::collection::vec(1_u32..30, 2..8), alpha in 0.001..0.2_f64,
        ) {
            let total = f64::from(steps.iter().sum::<u32>()).max(100.0);
            let mut sum = 0.0;
            let fractions = steps.iter().map(|step| {
                sum += f64::from(*step);
                sum / total
            });
            let fractions: Vec<f64> = fractions.collect();
            prop_assume!(fractions[0] >= 0.01 && steps.iter().all(|s| f64::from(*s) / total >= 0.01));
            let all = critical_values(alpha, &fractions).unwrap();
            let first = critical_values(alpha, &fractions[..2]).unwrap();
            prop_assert_eq!(&all[..2], &first[..]);
            // None is laxer than the test for one look.
            let one = critical_values(alpha, &[1.0]).unwrap()[0];
            prop_assert!(all.iter().all(|critical| *critical >= one - 1e-6));
        }
    }
}
