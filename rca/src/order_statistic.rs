//! What a quantile of a few steps is when all is well, and the median of all but one.

use astern_stats::robust::quantile_sorted;

/// 95 % quantile of the standard normal distribution.
const Z_95: f64 = 1.645;

/// Level and spread of the quantile q of k healthy steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usual {
    /// The healthy quantile at the mean level.
    pub(crate) level: f64,
    /// From there to the one at the 95 % quantile of the level, over 1.645.
    pub(crate) spread: f64,
}

/// The quantile q (½ to 1) of k steps (at least 1) drawn from healthy ones, which are ascending; `None`
/// where there are none.
///
/// It is the order statistic `r = q (k − 1) + 1` of k, whose level among all healthy steps has the beta
/// distribution of `a = r` and `b = k + 1 − r` (David and Nagaraja 2003) where steps do not depend on
/// each other. Deviation: between whole r it is the same formula, and the 95 % quantile is that of a
/// normal distribution of the level's log-odds, with mean `ln (a − ½) / (b − ½)` and variance
/// `1 / (a − ½) + 1 / (b − ½)`: right to 0.015, in `O(1)`.
pub(crate) fn usual(healthy: &[f64], q: f64, steps: usize) -> Option<Usual> {
    let (mean, high) = levels(q, steps.max(1));
    let level = quantile_sorted(healthy, mean)?;
    let spread = (quantile_sorted(healthy, high)? - level) / Z_95;
    Some(Usual { level, spread })
}

/// Mean and 95 % quantile of the level.
fn levels(q: f64, steps: usize) -> (f64, f64) {
    let k = steps as f64;
    let r = q * (k - 1.0) + 1.0;
    let (a, b) = (r - 0.5, k + 0.5 - r);
    let log_odds = (a / b).ln() + Z_95 * (1.0 / a + 1.0 / b).sqrt();
    (r / (k + 1.0), 1.0 / (1.0 + (-log_odds).exp()))
}

/// Median of ascending values but one of this value; 0 without others. `O(log n)`.
pub(crate) fn median_of_others(all: &[f64], but: f64) -> f64 {
    let left_out = all.partition_point(|x| *x < but);
    let at = |i: usize| all.get(i + usize::from(i >= left_out)).copied();
    let others = all.len().saturating_sub(1);
    let middle = at(others.saturating_sub(1) / 2).zip(at(others / 2));
    middle.map_or(0.0, |(low, high)| f64::midpoint(low, high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use astern_stats::{order, robust};
    use proptest::prelude::*;
    use statrs::distribution::{Beta, ContinuousCDF};

    proptest! {
        #[test]
        fn the_median_of_the_others_is_that_without_one(
            values in prop::collection::vec(0..20_i32, 1..12), place in 0..12_usize,
        ) {
            let all: Vec<f64> = values.iter().map(|x| f64::from(*x)).collect();
            let mut others = all.clone();
            let but = others.swap_remove(place % all.len());
            let expected = robust::median(&others).unwrap_or(0.0);
            let found = median_of_others(&order::sorted_finite(&all), but);
            prop_assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn the_levels_are_those_of_the_beta_distribution() {
        for steps in [1, 2, 3, 5, 10, 30, 200] {
            for q in [0.5, 0.75, 0.9, 1.0] {
                let r = q * (steps as f64 - 1.0) + 1.0;
                let beta = Beta::new(r, steps as f64 + 1.0 - r).unwrap();
                let (mean, high) = levels(q, steps);
                assert!((mean - r / (steps as f64 + 1.0)).abs() < 1e-12);
                let exact = beta.inverse_cdf(0.95);
                assert!((high - exact).abs() < 0.015, "{steps} {q}: {high} {exact}");
            }
        }
    }

    #[test]
    fn rare_bursts_widen_the_worst_of_a_few_and_leave_the_median() {
        let mut healthy = vec![0.0; 95];
        healthy.extend([10.0; 5]);
        let worst = usual(&healthy, 1.0, 5).unwrap();
        assert!(worst.level.abs() < 1e-12 && worst.spread > 6.0, "{worst:?}");
        let median = usual(&healthy, 0.5, 5).unwrap();
        assert_eq!(
            median,
            Usual {
                level: 0.0,
                spread: 0.0
            }
        );
        assert_eq!(usual(&[], 0.5, 5), None);
    }
}
