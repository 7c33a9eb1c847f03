//! Evidence that hits are rarer than a rate that would matter.

use super::share::{SideHits, exact_log_likelihood_ratio};

/// Logarithm of the e-value against "hits on the new side have a probability of at least `harmful`", where `usual` is
/// the probability that they are expected to have.
///
/// The likelihood ratio of `usual` over `harmful`, `(p₀/p₁)^hits ((1-p₀)/(1-p₁))^(trials - hits)` (Wald 1945). A run
/// without any hit counts: that is what tells "no failure in 300 calls" from "no failure in three". Divided by the
/// `dispersion` as in [`onsets`](super::onsets).
///
/// `NaN` unless `0 <= usual < harmful < 1`, hits are at most trials and the dispersion is at least 1. `O(1)`.
///
/// ```
/// use astern_stats::sequential::ln_e_rarer;
/// assert!(ln_e_rarer(0, 300, 0.0, 0.01, 1.0) > 20f64.ln());
/// assert!(ln_e_rarer(0, 3, 0.0, 0.01, 1.0) < 0.1);
/// assert!(ln_e_rarer(5, 300, 1e-3, 0.01, 1.0) < 0.0);
/// ```
pub fn ln_e_rarer(hits: u64, trials: u64, usual: f64, harmful: f64, dispersion: f64) -> f64 {
    let are_shares = 0.0 <= usual && usual < harmful && harmful < 1.0;
    if !(are_shares && hits <= trials && dispersion >= 1.0) {
        return f64::NAN;
    }
    let missed = (trials - hits) as f64 * ((-usual).ln_1p() - (-harmful).ln_1p());
    // A hit that cannot happen at the usual rate is any evidence there can be against it.
    let hit = if hits == 0 {
        0.0
    } else {
        hits as f64 * (usual / harmful).ln()
    };
    (missed + hit) / dispersion
}

/// Trials after which [`ln_e_rarer`] is expected to reach `ln(1/alpha)` at the usual rate: `φ ln(1/α)` over the relative
/// entropy of the usual rate to the harmful one. `None` for rates that are none or equal.
///
/// ```
/// use astern_stats::sequential::trials_to_rule_out;
/// assert_eq!(trials_to_rule_out(0.0, 0.01, 1.0, 0.05).map(f64::ceil), Some(299.0));
/// ```
pub fn trials_to_rule_out(usual: f64, harmful: f64, dispersion: f64, alpha: f64) -> Option<f64> {
    let hit = if usual > 0.0 {
        usual * (usual / harmful).ln()
    } else {
        0.0
    };
    let gain = hit + (1.0 - usual) * ((-usual).ln_1p() - (-harmful).ln_1p());
    let trials = -alpha.ln() * dispersion / gain;
    (usual < harmful && trials.is_finite() && trials >= 0.0).then_some(trials)
}

/// Logarithm of the e-value against "the odds of a hit on the new side are at least `odds_ratio` times those on the old
/// one", of whatever common rate: the likelihood ratio of equal odds, given the hits of both sides together. With many
/// hits it counts as many fewer calls as keep the sum short, and so says less than it could.
///
/// `NaN` for a ratio of at most 1 or a dispersion below 1. `O(n)`.
///
/// ```
/// use astern_stats::sequential::{SideHits, ln_e_odds_below};
/// let alike = SideHits { new_hits: 50, new_trials: 100, old_hits: 150, old_trials: 300 };
/// assert!(ln_e_odds_below(&[alike, alike], 2.0, 1.0) > 20f64.ln());
/// ```
pub fn ln_e_odds_below(steps: &[SideHits], odds_ratio: f64, dispersion: f64) -> f64 {
    if !(odds_ratio > 1.0 && odds_ratio.is_finite() && dispersion >= 1.0) {
        return f64::NAN;
    }
    let ratios = steps
        .iter()
        .filter_map(|step| exact_log_likelihood_ratio(step, odds_ratio));
    -ratios.sum::<f64>() / dispersion
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::seeded;
    use rand_chacha::rand_core::Rng;

    #[test]
    fn a_harmful_rate_is_seldom_called_harmless_at_any_look() {
        // Against 5 % hits, of which 2 % would be usual; 1,000 runs of 300 looks at 5 %.
        let mut rng = seeded(4, 0);
        let mut crossed = 0;
        for _ in 0..1_000 {
            let (mut hits, mut called) = (0, false);
            for trials in 1..=300 {
                hits += u64::from(rng.next_u32().is_multiple_of(20));
                called |= ln_e_rarer(hits, trials, 0.02, 0.05, 1.0) >= 20f64.ln();
            }
            crossed += u32::from(called);
        }
        assert!(crossed <= 50, "{crossed} of 1000");
    }

    #[test]
    fn odds_at_the_bound_are_seldom_ruled_out_however_frequent_hits_are() {
        // 45 against 55 %, few and many calls a step; 300 runs of 30 looks at 5 %.
        for trials in [20, 400_u64] {
            let mut rng = seeded(5, 0);
            let (odds, mut crossed) = ((0.55 / 0.45) / (0.45 / 0.55), 0);
            for _ in 0..300 {
                let (mut ln_e, mut called) = (0.0, false);
                for _ in 0..30 {
                    let mut hits = |percent: u32| {
                        (0..trials)
                            .filter(|_| rng.next_u32() % 100 < percent)
                            .count() as u64
                    };
                    let step = SideHits {
                        new_hits: hits(55),
                        new_trials: trials,
                        old_hits: hits(45),
                        old_trials: trials,
                    };
                    ln_e += ln_e_odds_below(&[step], odds, 1.0);
                    called |= ln_e >= 20f64.ln();
                }
                crossed += u32::from(called);
            }
            assert!(crossed <= 20, "{crossed} of 300 with {trials} calls");
        }
    }

    #[test]
    fn what_cannot_be_has_no_evidence() {
        for (hits, trials, usual, harmful, dispersion) in [
            (2, 1, 0.1, 0.2, 1.0),
            (0, 1, 0.2, 0.2, 1.0),
            (0, 1, 0.1, 1.0, 1.0),
            (0, 1, -0.1, 0.2, 1.0),
            (0, 1, 0.1, 0.2, 0.5),
        ] {
            assert!(ln_e_rarer(hits, trials, usual, harmful, dispersion).is_nan());
        }
        let impossible = ln_e_rarer(1, 9, 0.0, 0.2, 1.0);
        assert!(impossible.is_infinite() && impossible < 0.0);
        assert_eq!(trials_to_rule_out(0.2, 0.2, 1.0, 0.05), None);
        assert!(ln_e_odds_below(&[], 1.0, 1.0).is_nan());
    }

    #[test]
    fn the_expected_number_of_trials_is_enough() {
        let (usual, harmful) = (0.1, 0.15);
        let trials = trials_to_rule_out(usual, harmful, 1.0, 0.05).unwrap();
        let nearest = (1..10_000_u64).find(|n| *n as f64 >= trials).unwrap();
        let ln_e = ln_e_rarer(nearest / 10, nearest, usual, harmful, 1.0);
        assert!((ln_e - 20f64.ln()).abs() < 0.3, "{ln_e} after {trials}");
    }
}
