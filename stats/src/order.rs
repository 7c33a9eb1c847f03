//! The one total order on floats: numbers ascending, `NaN` least.

use std::cmp::Ordering;

/// Compares two floats totally; `NaN` equals `NaN` and is less than every number.
///
/// `-0.0` and `0.0` compare equal, so that ties are broken by key and not by sign.
///
/// ```
/// use astern_stats::order;
/// let mut scores = vec![2.0, f64::NAN, -1.0];
/// scores.sort_by(|a, b| order::ascending(*a, *b));
/// assert!(scores[0].is_nan());
/// assert_eq!(scores[1..], [-1.0, 2.0]);
/// ```
pub fn ascending(a: f64, b: f64) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
    }
}

/// The reverse of [`ascending`]: greatest first, `NaN` last. For rankings.
pub fn descending(a: f64, b: f64) -> Ordering {
    ascending(b, a)
}

/// The finite values in ascending order.
pub fn sorted_finite(values: &[f64]) -> Vec<f64> {
    let mut finite: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    finite.sort_by(|a, b| ascending(*a, *b));
    finite
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_zeros_are_equal() {
        assert_eq!(ascending(-0.0, 0.0), Ordering::Equal);
    }

    #[test]
    fn descending_puts_nan_last() {
        let mut v = [1.0, f64::NAN, 3.0];
        v.sort_by(|a, b| descending(*a, *b));
        assert!((v[0] - 3.0).abs() < 1e-15 && v[2].is_nan());
    }
}
