//! Order statistics that ignore missing values: median, median absolute deviation, quantiles.
//!
//! Non-finite values count as missing. All are `O(n log n)` in time and `O(n)` in memory.

use crate::order::{ascending, sorted_finite};

/// Factor that makes the MAD a consistent estimate of a normal distribution's standard deviation.
pub const MAD_TO_SIGMA: f64 = 1.482_602_218_505_602;

/// Median of the finite values, or `None` when there is none.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// Quantile `q` in 0..=1 by linear interpolation (type 7 of Hyndman and Fan 1996).
///
/// `None` when no value is finite or `q` is outside its range.
///
/// ```
/// use astern_stats::robust::quantile;
/// assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.25), Some(1.75));
/// assert_eq!(quantile(&[], 0.5), None);
/// ```
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    quantile_sorted(&sorted_finite(values), q)
}

/// [`quantile`] of values that are already finite and ascending; `O(1)`.
pub fn quantile_sorted(sorted: &[f64], q: f64) -> Option<f64> {
    if sorted.is_empty() || !(0.0..=1.0).contains(&q) {
        return None;
    }
    let position = q * (sorted.len() - 1) as f64;
    let below = position.floor();
    let weight = position - below;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0..=len-1"
    )]
    let index = below as usize;
    let low = *sorted.get(index)?;
    let high = sorted.get(index + 1).copied().unwrap_or(low);
    Some(low + weight * (high - low))
}

/// Median absolute deviation from the median, times [`MAD_TO_SIGMA`].
///
/// Zero for constant input; the caller applies a noise floor that fits the unit.
pub fn mad_sigma(values: &[f64]) -> Option<f64> {
    let centre = median(values)?;
    let deviations: Vec<f64> = values
        .iter()
        .filter(|x| x.is_finite())
        .map(|x| (x - centre).abs())
        .collect();
    median(&deviations).map(|mad| MAD_TO_SIGMA * mad)
}

/// Robust scale that survives a median absolute deviation of zero.
///
/// The greater of [`mad_sigma`] and the distance of the 5 % and 95 % quantiles over 3.29, which is
/// the same for a normal distribution. A metric that is nearly always at its best value (an error
/// rate of 0) has no MAD, yet its rare healthy excursions must not look infinitely anomalous.
pub fn spread(values: &[f64]) -> Option<f64> {
    spread_sorted(&sorted_finite(values))
}

/// [`spread`] of values that are already finite and ascending; `O(n)`.
pub fn spread_sorted(sorted: &[f64]) -> Option<f64> {
    let tails = quantile_sorted(sorted, 0.95)? - quantile_sorted(sorted, 0.05)?;
    let deviations = deviations_sorted(sorted, quantile_sorted(sorted, 0.5)?);
    let mad = MAD_TO_SIGMA * quantile_sorted(&deviations, 0.5)?;
    Some(mad.max(tails / 3.29))
}

/// Distances of ascending values from a centre, ascending; `O(n)`: the two sides are merged.
pub fn deviations_sorted(sorted: &[f64], centre: f64) -> Vec<f64> {
    let at = sorted.partition_point(|x| *x < centre);
    let (below, above) = sorted.split_at(at);
    let mut below = below.iter().rev().map(|x| (x - centre).abs()).peekable();
    let mut above = above.iter().map(|x| (x - centre).abs()).peekable();
    let mut merged = Vec::with_capacity(sorted.len());
    loop {
        let next = match (below.peek(), above.peek()) {
            (Some(a), Some(b)) if a <= b => below.next(),
            (Some(_), None) => below.next(),
            _ => above.next(),
        };
        match next {
            Some(distance) => merged.push(distance),
            None => return merged,
        }
    }
}

/// Mean of the finite values, or `None` when there is none.
///
/// Values are summed in ascending order, so the result does not depend on their arrival order.
pub fn mean(values: &[f64]) -> Option<f64> {
    let sorted = sorted_finite(values);
    (!sorted.is_empty()).then(|| sorted.iter().sum::<f64>() / sorted.len() as f64)
}

/// Greatest finite value, or `None` when there is none.
pub fn max(values: &[f64]) -> Option<f64> {
    values
        .iter()
        .copied()
        .filter(|x| x.is_finite())
        .max_by(|a, b| ascending(*a, *b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn mad_of_known_values() {
        // Deviations from 3: 2 1 0 1 97; their median is 1.
        let sigma = mad_sigma(&[1.0, 2.0, 3.0, 4.0, 100.0]).unwrap();
        assert!((sigma - MAD_TO_SIGMA).abs() < 1e-12);
    }

    #[test]
    fn spread_sees_rare_excursions_that_the_mad_does_not() {
        let mut values = vec![0.0; 90];
        values.extend([1.0; 10]);
        assert!(mad_sigma(&values).unwrap().abs() < 1e-12);
        assert!((spread(&values).unwrap() - 1.0 / 3.29).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn deviations_are_those_of_each_value(
            values in prop::collection::vec(-1e6..1e6f64, 0..50), centre in -1e6..1e6f64,
        ) {
            let each: Vec<f64> = values.iter().map(|x| (x - centre).abs()).collect();
            let merged = deviations_sorted(&sorted_finite(&values), centre);
            prop_assert_eq!(merged, sorted_finite(&each));
        }

        #[test]
        fn the_spread_is_the_greater_of_two(values in prop::collection::vec(-1e6..1e6f64, 1..50)) {
            let tails = quantile(&values, 0.95).unwrap() - quantile(&values, 0.05).unwrap();
            let expected = mad_sigma(&values).unwrap().max(tails / 3.29);
            prop_assert_eq!(spread(&values), Some(expected));
        }
    }

    #[test]
    fn empty_and_all_missing_have_no_statistics() {
        for values in [&[][..], &[f64::NAN, f64::INFINITY][..]] {
            assert_eq!(median(values), None);
            assert_eq!(mad_sigma(values), None);
            assert_eq!(mean(values), None);
            assert_eq!(max(values), None);
        }
    }

    #[test]
    fn one_value_is_every_quantile_of_itself() {
        for q in [0.0, 0.3, 1.0] {
            assert_eq!(quantile(&[7.0], q), Some(7.0));
        }
        assert_eq!(quantile(&[7.0], 1.1), None);
        assert_eq!(quantile(&[7.0], f64::NAN), None);
    }

    proptest! {
        #[test]
        fn quantiles_are_monotone_and_inside_the_data(
            values in prop::collection::vec(-1e6..1e6f64, 1..50), a in 0.0..=1.0f64, b in 0.0..=1.0f64,
        ) {
            let (low, high) = (a.min(b), a.max(b));
            let (x, y) = (quantile(&values, low).unwrap(), quantile(&values, high).unwrap());
            prop_assert!(x <= y + 1e-9);
            let sorted = sorted_finite(&values);
            prop_assert!(x >= sorted[0] - 1e-9 && y <= sorted[sorted.len() - 1] + 1e-9);
        }

        #[test]
        fn mean_does_not_depend_on_order(mut values in prop::collection::vec(-1e6..1e6f64, 1..50)) {
            let forward = mean(&values).unwrap();
            values.reverse();
            prop_assert_eq!(forward.to_bits(), mean(&values).unwrap().to_bits());
        }
    }
}
