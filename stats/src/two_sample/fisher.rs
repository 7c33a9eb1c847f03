//! Fisher's exact test that one share is greater than another.

use statrs::distribution::{DiscreteCDF, Hypergeometric};

use crate::tail::normal_upper;

/// One-sided p-value of Fisher's exact test (1922): the probability of at least `new_hits` hits
/// among `new_trials`, were new and old drawn from the same population.
///
/// Above 100,000 trials the normal approximation takes over. `NaN` when either side has no trials or more hits than trials.
///
/// ```
/// use astern_stats::two_sample::fisher_greater;
/// assert!(fisher_greater(9, 100, 1, 100) < 0.02);
/// assert!(fisher_greater(1, 100, 1, 100) > 0.5);
/// assert!(fisher_greater(0, 0, 1, 100).is_nan());
/// ```
pub fn fisher_greater(new_hits: u64, new_trials: u64, old_hits: u64, old_trials: u64) -> f64 {
    let impossible = new_hits > new_trials || old_hits > old_trials;
    if impossible || new_trials == 0 || old_trials == 0 {
        return f64::NAN;
    }
    if new_hits == 0 {
        return 1.0;
    }
    let (Some(hits), Some(trials)) = (
        new_hits.checked_add(old_hits),
        new_trials.checked_add(old_trials),
    ) else {
        return f64::NAN;
    };
    if trials > EXACT_TRIALS_MAX {
        return pooled_z(new_hits, new_trials, old_hits, old_trials);
    }
    match Hypergeometric::new(trials, hits, new_trials) {
        Ok(null) => null.sf(new_hits - 1).clamp(0.0, 1.0),
        Err(_) => f64::NAN,
    }
}

/// Most trials for which the exact sum is made; it has as many terms as there are hits.
const EXACT_TRIALS_MAX: u64 = 100_000;

/// The normal approximation by the pooled share, with correction for continuity.
fn pooled_z(new_hits: u64, new_trials: u64, old_hits: u64, old_trials: u64) -> f64 {
    let (m, n) = (new_trials as f64, old_trials as f64);
    let share = (new_hits as f64 + old_hits as f64) / (m + n);
    let sigma = (share * (1.0 - share) * (1.0 / m + 1.0 / n)).sqrt();
    if sigma <= 0.0 {
        return 1.0;
    }
    let rise = new_hits as f64 / m - old_hits as f64 / n;
    normal_upper((rise - 0.5 * (1.0 / m + 1.0 / n)) / sigma)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lady_tasting_tea() {
        // All four of four right: 1 in 70 (Fisher 1935).
        assert!((fisher_greater(4, 4, 0, 4) - 1.0 / 70.0).abs() < 1e-12);
        // Three of four: 17 in 70.
        assert!((fisher_greater(3, 4, 1, 4) - 17.0 / 70.0).abs() < 1e-12);
    }

    #[test]
    fn huge_counts_are_quick_and_agree_with_the_exact_test() {
        let exact = fisher_greater(260, 50_000, 200, 50_000);
        assert!((pooled_z(260, 50_000, 200, 50_000) - exact).abs() < 1e-4);
        let half = u64::MAX / 2;
        assert!(fisher_greater(half, half, 5, half) < 1e-12);
        assert!(fisher_greater(1, 1 << 40, 1 << 40, 1 << 40) > 0.99);
    }

    #[test]
    fn known_values_of_unequal_sides() {
        // Sums of binomial coefficients, over all of the same margins.
        let known = [
            ((7, 12, 2, 9), 0.112_907_835_198_876_87),
            ((9, 100, 1, 100), 0.009_243_839_938_738_183),
            ((5, 5, 0, 20), 1.882_175_795_219_273_4e-5),
        ];
        for ((new, of_new, old, of_old), p) in known {
            let found = fisher_greater(new, of_new, old, of_old);
            assert!((found - p).abs() < 1e-12, "{found}");
        }
    }

    #[test]
    fn the_exact_sum_is_made_up_to_its_limit() {
        let exact = fisher_greater(60, 50_000, 40, 50_000);
        let pooled = pooled_z(60, 50_000, 40, 50_000);
        assert!((exact - pooled).abs() > 1e-6);
        let beyond = fisher_greater(60, 50_001, 40, 50_000);
        assert!((beyond - pooled_z(60, 50_001, 40, 50_000)).abs() < 1e-15);
    }

    #[test]
    fn the_ends_of_the_counts() {
        assert!((fisher_greater(0, 4, 4, 4) - 1.0).abs() < 1e-12);
        assert!((fisher_greater(4, 4, 4, 4) - 1.0).abs() < 1e-12);
        // All hit or none, of more than can be summed: no scale, so no difference.
        let many = 1 << 20;
        assert!((fisher_greater(many, many, many, many) - 1.0).abs() < 1e-12);
        assert!(fisher_greater(3, 4, 0, 0).is_nan() && fisher_greater(0, 4, 5, 4).is_nan());
    }

    #[test]
    fn impossible_counts_have_no_p_value() {
        assert!(fisher_greater(5, 4, 0, 4).is_nan());
        assert!(fisher_greater(1, u64::MAX, 1, u64::MAX).is_nan());
    }
}
