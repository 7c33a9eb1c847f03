//! Rank test that one sample tends to be greater than another.

use crate::order::{ascending, sorted_finite};
use crate::tail::normal_upper;

/// One-sided p-value of the Mann-Whitney U test (1947) that `new` tends to exceed `old`.
///
/// Normal approximation with correction for ties and continuity. Non-finite values are left out.
/// `NaN` with fewer than 3 values on either side; 1 when all values are equal.
/// `O((m + n) log(m + n))`.
///
/// ```
/// use astern_stats::two_sample::mann_whitney_greater;
/// let old = [10.0, 11.0, 12.0, 10.5, 11.5, 12.5];
/// let new = [20.0, 21.0, 19.0, 22.0, 20.5, 21.5];
/// assert!(mann_whitney_greater(&new, &old) < 0.01);
/// assert!(mann_whitney_greater(&old, &new) > 0.99);
/// ```
pub fn mann_whitney_greater(new: &[f64], old: &[f64]) -> f64 {
    let (new, old) = (sorted_finite(new), sorted_finite(old));
    if new.len() < 3 || old.len() < 3 {
        return f64::NAN;
    }
    upper(rank_excess(&new, &old))
}

/// [`mann_whitney_greater`] of counted values: for each distinct value in ascending order, how many new and how many old
/// ones there are. `NaN` with fewer than 3 on either side. `O(values)`.
///
/// ```
/// use astern_stats::two_sample::{mann_whitney_greater, mann_whitney_greater_counted};
/// let single = mann_whitney_greater(&[2.0, 3.0, 3.0], &[1.0, 1.0, 2.0]);
/// let counted = mann_whitney_greater_counted(&[(0, 2), (1, 1), (2, 0)]);
/// assert_eq!(single.to_bits(), counted.to_bits());
/// ```
pub fn mann_whitney_greater_counted(ascending: &[(u64, u64)]) -> f64 {
    let side = |of: fn(&(u64, u64)) -> u64| ascending.iter().map(of).fold(0, u64::saturating_add);
    if side(|(new, _)| *new) < 3 || side(|(_, old)| *old) < 3 {
        return f64::NAN;
    }
    upper(excess_of(ascending))
}

/// The p-value of U by its excess and its standard deviation.
fn upper((excess, sd): (f64, f64)) -> f64 {
    if sd > 0.0 {
        normal_upper((excess - 0.5) / sd)
    } else {
        1.0
    }
}

/// By how much U of the new values exceeds its expectation without a difference, and its standard deviation, with ties. Both
/// sides are ascending.
pub(super) fn rank_excess(new: &[f64], old: &[f64]) -> (f64, f64) {
    excess_of(&counted(new, old))
}

/// How often each value comes on each side, in ascending order as both sides are.
fn counted(mut new: &[f64], mut old: &[f64]) -> Vec<(u64, u64)> {
    let mut counted = Vec::with_capacity(new.len() + old.len());
    let equal = |side: &[f64], value: f64| {
        let equal = side.iter().take_while(|x| ascending(**x, value).is_eq());
        equal.count()
    };
    let least = |new: &[f64], old: &[f64]| {
        let firsts = new.first().into_iter().chain(old.first());
        firsts.copied().min_by(|a, b| ascending(*a, *b))
    };
    while let Some(value) = least(new, old) {
        let (of_new, of_old) = (equal(new, value), equal(old, value));
        counted.push((of_new as u64, of_old as u64));
        (new, old) = (&new[of_new..], &old[of_old..]);
    }
    counted
}

/// [`rank_excess`] of counted values.
fn excess_of(ascending: &[(u64, u64)]) -> (f64, f64) {
    let (mut rank_sum, mut tie_term, mut m, mut n) = (0.0, 0.0, 0.0, 0.0);
    for (new, old) in ascending {
        let (new, old) = (*new as f64, *old as f64);
        let ties = new + old;
        let mid_rank = m + n + f64::midpoint(ties, 1.0);
        rank_sum += mid_rank * new;
        tie_term += ties.powi(3) - ties;
        m += new;
        n += old;
    }
    let u = rank_sum - m * (m + 1.0) / 2.0;
    let total = m + n;
    let variance = m * n / 12.0 * (total + 1.0 - tie_term / (total * (total - 1.0)));
    (u - m * n / 2.0, variance.max(0.0).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_value_with_ties() {
        // scipy 1.17.1: mannwhitneyu([1,2,2,3,4], [2,3,4,5,5], alternative="greater",
        // method="asymptotic"), U = 5.
        let p = mann_whitney_greater(&[1.0, 2.0, 2.0, 3.0, 4.0], &[2.0, 3.0, 4.0, 5.0, 5.0]);
        assert!((p - 0.956_159_869_949_471_8).abs() < 1e-10, "{p}");
    }

    #[test]
    fn known_values_without_ties() {
        // By the formula: U = 9 and 15, from the sums of ranks 15 and 25.
        let p = mann_whitney_greater(&[4.0, 5.0, 6.0], &[1.0, 2.0, 3.0]);
        assert!((p - 0.040_427_799_185_026_15).abs() < 1e-10, "{p}");
        let p = mann_whitney_greater(&[3.0, 5.0, 9.0, 11.0], &[1.0, 2.0, 4.0, 6.0, 7.0]);
        assert!((p - 0.135_172_070_327_389_98).abs() < 1e-10, "{p}");
    }

    #[test]
    fn what_is_missing_is_left_out_and_three_are_enough() {
        let old = [1.0, 2.0, 3.0];
        let gaps = [4.0, f64::NAN, 5.0, f64::INFINITY, 6.0];
        let whole = mann_whitney_greater(&[4.0, 5.0, 6.0], &old);
        assert!((mann_whitney_greater(&gaps, &old) - whole).abs() < 1e-15);
        assert!(mann_whitney_greater(&gaps[..3], &old).is_nan());
        assert!(mann_whitney_greater(&old, &gaps[..3]).is_nan());
    }

    #[test]
    fn equal_and_short_samples() {
        assert!((mann_whitney_greater(&[1.0; 5], &[1.0; 5]) - 1.0).abs() < 1e-12);
        assert!(mann_whitney_greater(&[1.0, 2.0], &[1.0; 5]).is_nan());
    }

    proptest! {
        #[test]
        fn a_p_value_is_a_probability(
            a in prop::collection::vec(-10.0..10.0f64, 3..20),
            b in prop::collection::vec(-10.0..10.0f64, 3..20),
        ) {
            prop_assert!((0.0..=1.0).contains(&mann_whitney_greater(&a, &b)));
        }

        #[test]
        fn order_and_unit_do_not_matter_and_more_is_more(
            a in prop::collection::vec(-10.0..10.0f64, 3..20),
            b in prop::collection::vec(-10.0..10.0f64, 3..20),
        ) {
            let p = mann_whitney_greater(&a, &b);
            let scaled = |values: &[f64], by: f64| values.iter().rev().map(|x| by * x).collect::<Vec<_>>();
            let other = mann_whitney_greater(&scaled(&a, 4.0), &scaled(&b, 4.0));
            prop_assert!((p - other).abs() < 1e-15);
            let raised: Vec<f64> = a.iter().map(|x| x + 3.0).collect();
            prop_assert!(mann_whitney_greater(&raised, &b) <= p + 1e-15);
        }
    }
}
