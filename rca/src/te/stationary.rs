//! What to do to series with level shifts before their transfer entropy is estimated.
//!
//! A bad release moves many services at once. Two independent series that both jump look coupled to any
//! estimator: for two autoregressive series that rise by three standard deviations at the same time, the
//! Gaussian test at 5 % finds influence in every run. After either of these it finds it in about 5 %.

use astern_stats::robust;

/// First differences, `x(t) - x(t-1)`, as long as the series; the first is missing, as are those of a
/// missing value. Removes level shifts wherever they are, leaving one outlier each.
///
/// ```
/// use astern_rca::te::differenced;
/// let steps = differenced(&[1.0, 4.0, 9.0]);
/// assert!(steps[0].is_nan());
/// assert_eq!(steps[1..], [3.0, 5.0]);
/// ```
pub fn differenced(values: &[f64]) -> Vec<f64> {
    let steps = values.windows(2).map(|pair| pair[1] - pair[0]);
    let first = values.first().map(|_| f64::NAN);
    first.into_iter().chain(steps).collect()
}

/// The series less the mean of its regime. `starts` are the steps at which a new one begins: the times of
/// changes, or of change points. Unlike differences it keeps slow influence; it takes knowing where the
/// shifts are.
///
/// A start beyond the series and one given twice begin nothing; order does not matter.
///
/// ```
/// use astern_rca::te::demeaned_by_regime;
/// let level = demeaned_by_regime(&[1.0, 3.0, 11.0, 13.0], &[2]);
/// assert_eq!(level, [-1.0, 1.0, -1.0, 1.0]);
/// ```
pub fn demeaned_by_regime(values: &[f64], starts: &[usize]) -> Vec<f64> {
    let mut cuts: Vec<usize> = starts
        .iter()
        .copied()
        .filter(|s| *s < values.len())
        .collect();
    cuts.extend([0, values.len()]);
    cuts.sort_unstable();
    let regimes = cuts.windows(2).map(|cut| &values[cut[0]..cut[1]]);
    let demeaned = regimes.flat_map(|regime| {
        let mean = robust::mean(regime).unwrap_or(f64::NAN);
        regime.iter().map(move |value| value - mean)
    });
    demeaned.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_kept_and_missing_values_stay_missing() {
        let gappy = [1.0, f64::NAN, 3.0, 5.0];
        let steps = differenced(&gappy);
        assert!(steps[..3].iter().all(|x| x.is_nan()) && (steps[3] - 2.0).abs() < 1e-12);
        let level = demeaned_by_regime(&gappy, &[2, 9, 2, 0]);
        assert!(level[0].abs() < 1e-12 && level[1].is_nan());
        assert!((level[2] + 1.0).abs() + (level[3] - 1.0).abs() < 1e-12);
        assert!(differenced(&[]).is_empty() && demeaned_by_regime(&[], &[0, 3]).is_empty());
    }
}
