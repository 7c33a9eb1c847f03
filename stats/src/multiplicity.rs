//! Control of false discoveries over many simultaneous tests.

use crate::order::ascending;

/// Adjusted p-values of Benjamini and Hochberg (1995): rejecting every `q <= alpha` keeps the
/// false discovery rate at `alpha` for independent or positively dependent tests.
///
/// The order of the input is kept. A `NaN` (a test that could not be made) stays `NaN` and does
/// not count among the tests; values outside 0..=1 are clamped. `O(m log m)`.
///
/// ```
/// use astern_stats::multiplicity::benjamini_hochberg;
/// let q = benjamini_hochberg(&[0.01, 0.04, f64::NAN, 0.03]);
/// assert!((q[0] - 0.03).abs() < 1e-12);
/// assert!((q[1] - 0.04).abs() < 1e-12);
/// assert!(q[2].is_nan());
/// ```
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = p_values
        .iter()
        .enumerate()
        .filter(|(_, p)| !p.is_nan())
        .map(|(i, _)| i)
        .collect();
    order.sort_by(|&a, &b| ascending(p_values[a], p_values[b]));
    let m = order.len() as f64;
    let mut adjusted = vec![f64::NAN; p_values.len()];
    let mut least_so_far = 1.0_f64;
    for (index, &i) in order.iter().enumerate().rev() {
        let p = p_values[i].clamp(0.0, 1.0);
        least_so_far = least_so_far.min(p * m / (index + 1) as f64);
        adjusted[i] = least_so_far;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_example() {
        let q = benjamini_hochberg(&[0.1, 0.2, 0.3, 0.4, 0.1]);
        let expected = [0.25, 1.0 / 3.0, 0.375, 0.4, 0.25];
        assert!(q.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    #[test]
    fn empty_stays_empty() {
        assert!(benjamini_hochberg(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn adjusted_values_keep_the_order_and_never_shrink(
            p in prop::collection::vec(0.0..=1.0f64, 1..40),
        ) {
            let q = benjamini_hochberg(&p);
            for i in 0..p.len() {
                prop_assert!(q[i] >= p[i] - 1e-12 && q[i] <= 1.0);
                for j in 0..p.len() {
                    prop_assert!(p[i] > p[j] || q[i] <= q[j] + 1e-12);
                }
            }
        }
    }
}
