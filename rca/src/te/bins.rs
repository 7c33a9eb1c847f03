//! Numbers to symbols.

use astern_stats::order;
use astern_stats::robust::quantile_sorted;

/// Symbols 0 to `bins - 1` of equally wide bins between the least and the greatest finite value; a
/// missing value becomes a missing symbol. At most 65,535 bins are made, and at least one. `O(N)`.
///
/// ```
/// use astern_rca::te::equal_width_bins;
/// let symbols = equal_width_bins(&[0.0, 1.0, f64::NAN, 9.0, 10.0], 2);
/// assert_eq!(symbols, [0, 0, u16::MAX, 1, 1]);
/// ```
pub fn equal_width_bins(values: &[f64], bins: u16) -> Vec<u16> {
    let finite = || values.iter().copied().filter(|x| x.is_finite());
    let least = finite().fold(f64::INFINITY, f64::min);
    let greatest = finite().fold(f64::NEG_INFINITY, f64::max);
    let last = bins.max(1) - 1;
    // Halves, so that the whole range is finite.
    let width = (greatest / 2.0 - least / 2.0) / (f64::from(last) + 1.0);
    let symbol = |x: &f64| {
        let at = if width > 0.0 {
            (x / 2.0 - least / 2.0) / width
        } else {
            0.0
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0..=last"
        )]
        let at = at.min(f64::from(last)) as u16;
        if x.is_finite() { at } else { u16::MAX }
    };
    values.iter().map(symbol).collect()
}

/// Symbols 0 to `bins - 1` of bins that hold equally many finite values, as far as ties allow; a
/// missing value becomes a missing symbol. At most 65,535 bins are made, and at least one.
/// `O(N log N)`.
///
/// Edges are the quantiles i/bins (type 7 of Hyndman and Fan 1996); a value on an edge belongs to the bin
/// above.
///
/// ```
/// use astern_rca::te::quantile_bins;
/// let symbols = quantile_bins(&[0.0, 1.0, f64::NAN, 900.0, 10.0], 2);
/// assert_eq!(symbols, [0, 0, u16::MAX, 1, 1]);
/// ```
pub fn quantile_bins(values: &[f64], bins: u16) -> Vec<u16> {
    let sorted = order::sorted_finite(values);
    let bins = bins.max(1);
    let edges: Vec<f64> = (1..bins)
        .filter_map(|i| quantile_sorted(&sorted, f64::from(i) / f64::from(bins)))
        .collect();
    let symbol = |x: &f64| {
        let below = edges.partition_point(|edge| edge <= x);
        let symbol = u16::try_from(below).unwrap_or(u16::MAX);
        if x.is_finite() { symbol } else { u16::MAX }
    };
    values.iter().map(symbol).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn degenerate_series_have_one_symbol() {
        for bins in [0, 1, 5] {
            assert_eq!(equal_width_bins(&[2.0, 2.0], bins), [0, 0]);
            assert_eq!(equal_width_bins(&[f64::NAN], bins), [u16::MAX]);
            assert!(equal_width_bins(&[], bins).is_empty() && quantile_bins(&[], bins).is_empty());
        }
        assert_eq!(equal_width_bins(&[-f64::MAX, 0.0, f64::MAX], 4), [0, 2, 3]);
        // All on every edge.
        assert_eq!(quantile_bins(&[2.0, 2.0], 3), [2, 2]);
    }

    proptest! {
        #[test]
        fn symbols_rise_with_values(mut x in prop::collection::vec(-1e3..1e3f64, 1..60), bins in 1..9_u16) {
            x.sort_by(f64::total_cmp);
            for symbols in [equal_width_bins(&x, bins), quantile_bins(&x, bins)] {
                prop_assert!(symbols.is_sorted() && symbols.iter().all(|s| *s < bins));
            }
        }
    }
}
