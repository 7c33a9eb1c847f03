//! Fisher's exact test that one share is greater than another.

use statrs::distribution::{DiscreteCDF, Hypergeometric};

/// One-sided p-value of Fisher's exact test (1922): the probability of at least `new_hits` hits
/// among `new_trials`, were new and old drawn from the same population.
///
/// `NaN` when either side has no trials or more hits than trials.
///
/// ```
/// use astern_detect::compare::fisher_greater;
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
    match Hypergeometric::new(trials, hits, new_trials) {
        Ok(null) => null.sf(new_hits - 1).clamp(0.0, 1.0),
        Err(_) => f64::NAN,
    }
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
    fn impossible_counts_have_no_p_value() {
        assert!(fisher_greater(5, 4, 0, 4).is_nan());
        assert!(fisher_greater(1, u64::MAX, 1, u64::MAX).is_nan());
    }
}
