//! Evidence that may be looked at after every observation (anytime-valid inference).
//!
//! An e-value is the wealth of a bet against "it is not worse" that gains nothing on average while that
//! is true. So, however often it is looked at, it ever reaches `1/α` with a probability of at most α
//! (Ville 1939), where the p-value of a test made for one look exceeds its level with each further
//! look. It is at the same time a Bayes factor: its logarithm may be added to log-odds.
//!
//! | function | observations | not worse means |
//! |---|---|---|
//! | [`ln_e_mean`] | normal, of known variance | the mean is at most 0 |
//! | [`ln_e_share`] | hits on a new and an old side | a hit is no likelier on the new side |
//! | [`onsets`] | the same | a hit was never likelier on the new side: a difference may begin at any step |
//!
//! Evidence for the other direction, that something is *not* as bad as would matter:
//!
//! | function | observations | harmful means |
//! |---|---|---|
//! | [`ln_e_rarer`] | hits among trials | a hit has at least a stated probability |
//! | [`ln_e_odds_below`] | hits on a new and an old side | the odds of a hit are a stated number of times greater on the new side |
//!
//! Where it is known beforehand at which looks a test is made, a group-sequential test has more power at those than an
//! e-value, and none between them: [`critical_values`] of its looks.
//!
//! [`ln_mean`] joins e-values of the same data; [`half_width`] is the interval that belongs to
//! [`ln_e_mean`]; [`p_value`] makes a p-value of the greatest e-value so far.

mod group;
mod harmless;
mod mean;
mod onset;
mod share;

pub use group::{INFORMATION_GROWTH_MIN, LooksError, PlannedLook, critical_values, spent};
pub use harmless::{ln_e_odds_below, ln_e_rarer, trials_to_rule_out};
pub use mean::{half_width, ln_e_mean};
pub use onset::{Onset, onsets};
pub use share::{SideHits, ln_e_share};

/// Logarithm of the mean of e-values that are given by their logarithms: an e-value again, however
/// they depend on each other (Vovk and Wang 2021). `None` without any; `NaN`s are left out. `O(n)`.
///
/// ```
/// use astern_stats::sequential::ln_mean;
/// let joint = ln_mean(&[0.0, 8.0]).unwrap();
/// assert!(joint > 7.0 && joint < 8.0);
/// ```
pub fn ln_mean(ln_es: &[f64]) -> Option<f64> {
    let known = || ln_es.iter().copied().filter(|ln_e| !ln_e.is_nan());
    let greatest = known().fold(f64::NEG_INFINITY, f64::max);
    if greatest.is_infinite() {
        return (known().count() > 0).then_some(greatest);
    }
    let sum: f64 = known().map(|ln_e| (ln_e - greatest).exp()).sum();
    Some(greatest + (sum / known().count() as f64).ln())
}

/// P-value that holds at every look, of the greatest e-value so far: `min(1, 1/e)`.
///
/// ```
/// use astern_stats::sequential::p_value;
/// assert!((p_value(100f64.ln()) - 0.01).abs() < 1e-12);
/// assert!((p_value(-3.0) - 1.0).abs() < 1e-12);
/// ```
pub fn p_value(greatest_ln_e: f64) -> f64 {
    (-greatest_ln_e).exp().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_survives_extremes() {
        assert_eq!(ln_mean(&[]), None);
        assert_eq!(ln_mean(&[f64::NAN]), None);
        assert_eq!(ln_mean(&[f64::NEG_INFINITY; 2]), Some(f64::NEG_INFINITY));
        let huge = ln_mean(&[1e5, 1e5, f64::NAN]).unwrap();
        assert!((huge - 1e5).abs() < 1e-9);
    }
}
