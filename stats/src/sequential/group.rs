//! Critical values where it is known at which looks a test is made.

use statrs::distribution::{Continuous, ContinuousCDF, Normal};

use crate::param::{ParamError, in_open_unit};
use crate::tail::normal_upper;

/// Least factor by which the information of a look exceeds that of the look before it.
pub const INFORMATION_GROWTH_MIN: f64 = 1.01;

/// Standard deviations above and below 0 over which is integrated.
const WIDTH: f64 = 9.0;

/// Points of the integration for each standard deviation of what a look adds.
const POINTS: f64 = 4.0;

/// Halvings of the range of a critical value: beyond them it is exact in floating point.
const HALVINGS: u32 = 60;

/// A planned look at data that are still coming in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlannedLook {
    /// The part of the planned time that is over, in (0, 1]: it says how much of the level is [`spent`].
    pub time: f64,
    /// The information so far, in any unit: the variance of the sum that is tested.
    pub information: f64,
}

/// Looks at which no test can be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LooksError {
    /// The level is not between 0 and 1.
    #[error(transparent)]
    Level(#[from] ParamError),
    /// A look is not after the one before it, or after the end of the planned time.
    #[error(
        "a look at {time} of the planned time after one at {before}; each must be later, at most at 1"
    )]
    Time {
        /// Its time.
        time: f64,
        /// That of the look before; 0 for the first one.
        before: f64,
    },
    /// A look has hardly more information than the one before it.
    #[error(
        "a look with information {information} after one with {before}; each must have {INFORMATION_GROWTH_MIN} times as much"
    )]
    Information {
        /// Its information.
        information: f64,
        /// That of the look before; 0 for the first one.
        before: f64,
    },
}

/// The share of a one-sided level that is spent until a part of the planned time, in (0, 1]: little at first and most of it at
/// the end, `2 - 2 Φ(z(1 - α/2) / √t)` (Lan and `DeMets` 1983, their approximation of O'Brien and Fleming's design).
/// `NaN` for a level or a time out of range.
///
/// ```
/// use astern_stats::sequential::spent;
/// assert!(spent(0.05, 0.5) < 0.006 && (spent(0.05, 1.0) - 0.05).abs() < 1e-9);
/// ```
pub fn spent(alpha: f64, time: f64) -> f64 {
    let is_known = (0.0..1.0).contains(&alpha) && time > 0.0 && time <= 1.0;
    if !is_known {
        return f64::NAN;
    }
    let z = -Normal::standard().inverse_cdf(0.5 * alpha);
    2.0 * normal_upper(z / time.sqrt())
}

/// The standard normal score that each of several looks must exceed, so that "it is not worse" is rejected at any of them with a
/// probability of at most `alpha` while it is true, which is [`spent`] look by look. A critical value depends on earlier
/// looks and not on later ones. Infinite where nearly nothing is spent.
///
/// The density of a sum with independent increments that has not crossed yet is carried from look to look by numerical integration
/// (Armitage, `McPherson` and Rowe 1969), here by Simpson's rule.
///
/// # Errors
/// [`LooksError::Level`] for a level outside (0, 1), [`LooksError::Time`] and [`LooksError::Information`] for a look that does
/// not follow the one before it.
///
/// # Complexity
/// `O(K · n · m)` for K looks, n points and the m of them that are within reach of one: some 10⁴ operations a look where the
/// information doubles, some 10⁵ where it grows by a hundredth.
///
/// # Example
/// ```
/// use astern_stats::sequential::{PlannedLook, critical_values};
///
/// let look = |part| PlannedLook { time: part, information: part };
/// let critical = critical_values(0.025, &[look(0.5), look(1.0)])?;
/// assert!((critical[0] - 2.963).abs() < 1e-3 && (critical[1] - 1.969).abs() < 1e-3);
/// # Ok::<(), astern_stats::sequential::LooksError>(())
/// ```
pub fn critical_values(alpha: f64, looks: &[PlannedLook]) -> Result<Vec<f64>, LooksError> {
    in_open_unit("alpha", alpha)?;
    check(looks)?;
    let none = PlannedLook {
        time: 0.0,
        information: 0.0,
    };
    let befores = [none].into_iter().chain(looks.iter().copied());
    let increments = looks.iter().zip(befores).map(|(look, before)| Look {
        information: look.information,
        sd: (look.information - before.information).sqrt(),
    });
    let increments: Vec<Look> = increments.collect();
    let mut critical = Vec::with_capacity(looks.len());
    let (mut spent_before, mut below) = (0.0, None::<Below>);
    for (i, (look, increment)) in looks.iter().zip(&increments).enumerate() {
        let spent_now = spent(alpha, look.time);
        let bound = increment.bound(below.as_ref(), spent_now - spent_before);
        critical.push(bound / look.information.sqrt());
        let next = increments.get(i + 1);
        below = next.map(|next| increment.below(below.as_ref(), bound, next));
        spent_before = spent_now;
    }
    Ok(critical)
}

fn check(looks: &[PlannedLook]) -> Result<(), LooksError> {
    let (mut last_time, mut last_information) = (0.0, 0.0);
    for &PlannedLook { time, information } in looks {
        let before = last_time;
        let is_later = time > before && time <= 1.0;
        if !is_later {
            return Err(LooksError::Time { time, before });
        }
        let before = last_information;
        let has_more = information > before && information >= INFORMATION_GROWTH_MIN * before;
        if !(has_more && information.is_finite()) {
            return Err(LooksError::Information {
                information,
                before,
            });
        }
        (last_time, last_information) = (time, information);
    }
    Ok(())
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
    information: f64,
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
        let [mut low, mut high] = [-WIDTH, WIDTH].map(|z| z * self.information.sqrt());
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

    /// The density of what does not exceed the bound, fine enough for the next look.
    fn below(&self, before: Option<&Below>, bound: f64, next: &Self) -> Below {
        let [bottom, most] = [-WIDTH, WIDTH].map(|z| z * self.information.sqrt());
        let top = bound.min(most);
        let finest = self.sd.min(next.sd);
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

    /// Critical values where information comes evenly.
    fn evenly(alpha: f64, parts: &[f64]) -> Result<Vec<f64>, LooksError> {
        let look = |part: &f64| PlannedLook {
            time: *part,
            information: *part,
        };
        critical_values(alpha, &parts.iter().map(look).collect::<Vec<_>>())
    }

    #[test]
    fn critical_values_are_those_that_are_published() {
        // One-sided 0.025, five looks: `gsDesign(k = 5, test.type = 1, sfu = sfLDOF)` of gsDesign for R, which stops at 3.3569
        // before the 3.35701 that the integral of the next test gives.
        let critical = evenly(0.025, &[0.2, 0.4, 0.6, 0.8, 1.0]).unwrap();
        let published = [4.8769, 3.3569, 2.6803, 2.2898, 2.0310];
        for (ours, theirs) in critical.iter().zip(published) {
            assert!((ours - theirs).abs() < 1.5e-4, "{critical:?}");
        }
        // One-sided 0.05: the front page of SeqBounds.jl, whose grid is coarser.
        let critical = evenly(0.05, &[0.25, 0.5, 0.75, 1.0]).unwrap();
        let published = [3.749_55, 2.539_93, 2.016_04, 1.720_14];
        for (ours, theirs) in critical.iter().zip(published) {
            assert!((ours - theirs).abs() < 1e-3, "{critical:?}");
        }
    }

    #[test]
    fn two_looks_spend_what_a_single_integral_says() {
        let looks = |times: [f64; 2], informations: [f64; 2]| {
            let look = |i: usize| PlannedLook {
                time: times[i],
                information: informations[i],
            };
            [look(0), look(1)]
        };
        for (alpha, looks) in [
            (0.025, looks([0.2, 0.4], [0.2, 0.4])),
            (0.05, looks([0.5, 1.0], [3.0, 40.0])),
            (0.01, looks([0.9, 0.95], [100.0, 102.0])),
        ] {
            let critical = critical_values(alpha, &looks).unwrap();
            let share = looks[0].information / looks[1].information;
            // Of those that cross at the first look, by the midpoint rule, some would cross at the second too.
            let width = 8.0 / 20_000.0;
            let both = (0..20_000).map(|i| {
                let z = critical[0] + (f64::from(i) + 0.5) * width;
                let rest = (critical[1] - z * share.sqrt()) / (1.0 - share).sqrt();
                width * Normal::standard().pdf(z) * normal_upper(rest)
            });
            let second = normal_upper(critical[1]) - both.sum::<f64>();
            let wanted = spent(alpha, looks[1].time) - spent(alpha, looks[0].time);
            assert!((second / wanted - 1.0).abs() < 1e-4, "{second} {wanted}");
        }
    }

    #[test]
    fn one_look_is_the_test_for_one_look() {
        let critical = evenly(0.025, &[1.0]).unwrap();
        assert!((critical[0] - 1.959_964).abs() < 1e-5);
        assert_eq!(evenly(0.025, &[]), Ok(vec![]));
        // After a hundredth of the time nothing is spent.
        assert!(evenly(0.025, &[0.01]).unwrap()[0].is_infinite());
    }

    #[test]
    fn looks_out_of_order_and_levels_out_of_range_are_refused() {
        for parts in [&[0.5, 0.5][..], &[0.5, 0.4], &[1.1], &[0.0], &[f64::NAN]] {
            let refused = evenly(0.05, parts);
            assert!(matches!(refused, Err(LooksError::Time { .. })), "{parts:?}");
        }
        for information in [0.0, 1.0, 1.009, f64::INFINITY, f64::NAN] {
            let first = PlannedLook {
                time: 0.5,
                information: 1.0,
            };
            let second = PlannedLook {
                time: 1.0,
                information,
            };
            let refused = critical_values(0.05, &[first, second]);
            assert!(matches!(refused, Err(LooksError::Information { .. })));
        }
        for alpha in [0.0, 1.0, f64::NAN] {
            assert!(matches!(evenly(alpha, &[1.0]), Err(LooksError::Level(_))));
        }
        assert!(spent(0.05, 0.0).is_nan() && spent(f64::NAN, 0.5).is_nan());
    }

    #[test]
    fn the_level_is_kept_over_all_looks_and_not_by_the_test_for_one() {
        let parts = [0.1, 0.3, 0.35, 0.7, 1.0];
        let critical = evenly(0.05, &parts).unwrap();
        let mut rng = seeded(3, 0);
        let mut uniform = || f64::from(rng.next_u32()) / 4_294_967_296.0;
        let (mut crossed, mut naive) = (0, 0);
        for _ in 0..20_000 {
            let (mut sum, mut before) = (0.0, 0.0_f64);
            let (mut is_crossed, mut is_naive) = (false, false);
            for (part, critical) in parts.iter().zip(&critical) {
                let normal = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
                sum += normal * (part - before).sqrt();
                before = *part;
                is_crossed |= sum / part.sqrt() > *critical;
                is_naive |= sum / part.sqrt() > 1.645;
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
        fn a_critical_value_depends_on_earlier_looks_and_not_on_the_unit_of_information(
            steps in prop::collection::vec((1_u32..30, 1.0..30.0_f64), 2..8), alpha in 0.001..0.2_f64,
        ) {
            let total = f64::from(steps.iter().map(|(time, _)| time).sum::<u32>());
            let (mut time, mut information) = (0.0, 0.0);
            let looks: Vec<PlannedLook> = steps.iter().map(|(wait, more)| {
                time += f64::from(*wait);
                information += more;
                // Sums round.
                PlannedLook { time: (time / total).min(1.0), information }
            }).collect();
            let all = critical_values(alpha, &looks).unwrap();
            let first = critical_values(alpha, &looks[..2]).unwrap();
            prop_assert_eq!(&all[..2], &first[..]);
            let scaled: Vec<PlannedLook> = looks.iter().map(|look| PlannedLook {
                information: 1e6 * look.information,
                ..*look
            }).collect();
            let scaled = critical_values(alpha, &scaled).unwrap();
            for (one, other) in all.iter().zip(&scaled) {
                let are_infinite = one.is_infinite() && other.is_infinite();
                prop_assert!(are_infinite || (one - other).abs() < 1e-6);
            }
            // None is laxer than the test for one look.
            let one = critical_values(alpha, &[PlannedLook { time: 1.0, information: 1.0 }]).unwrap()[0];
            prop_assert!(all.iter().all(|critical| *critical >= one - 1e-6));
        }
    }
}
