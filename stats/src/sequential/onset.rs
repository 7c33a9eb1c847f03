//! Since when hits fall on one of two sides more often than chance gives.

use super::share::{ODDS_RATIOS, SideHits, exact_log_likelihood_ratios};

/// Evidence after a step that hits are likelier on the new side since an earlier step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Onset {
    /// Logarithm of the e-value.
    pub ln_e: f64,
    /// The step since which the evidence is greatest.
    pub since: usize,
}

/// Evidence after each step against "a hit was never likelier on the new side".
///
/// [`ln_e_share`](super::ln_e_share) bets from the first step on: after an hour without a difference its stake is lost,
/// and a difference that begins then shows late or never. Here a part `w = 1 / ((s + 1)(s + 2))` of the stake is put
/// aside for each step s with trials on both sides, and is bet from it on (the e-detector of Shin, Ramdas and Rinaldo
/// 2022, with weights that sum to 1, so that the whole is an e-value at every look). Evidence falls again where hits
/// come to both sides alike; steps without any hit leave it as it is.
///
/// Beside each step stands its dispersion, the variance of hits over that of independent trials, 1 or more: the logarithms
/// are divided by it, as in a quasi-likelihood (`McCullagh` 1983). Several calls of one request are not independent.
///
/// `O(n)` times the splits of the hits of a step, at most 61; a step with a dispersion below 1 or not finite says nothing.
///
/// ```
/// use astern_stats::sequential::{SideHits, onsets};
/// let step = |new_hits| SideHits { new_hits, new_trials: 20, old_hits: 1, old_trials: 80 };
/// let mut steps = vec![(step(0), 1.0); 60];
/// steps.extend([(step(9), 1.0); 3]);
/// let last = onsets(&steps)[62];
/// assert!(last.ln_e > 1_000f64.ln() && last.since == 60);
/// ```
pub fn onsets(steps: &[(SideHits, f64)]) -> Vec<Onset> {
    // Of every odds ratio: the stake with all starts so far, and the greatest one with the step that it began with.
    let mut stakes = [f64::NEG_INFINITY; ODDS_RATIOS.len()];
    let mut greatest = [(f64::NEG_INFINITY, 0); ODDS_RATIOS.len()];
    let mut both = 0.0;
    let mut after = Vec::with_capacity(steps.len());
    for (i, (step, dispersion)) in steps.iter().enumerate() {
        let is_known = (1.0..f64::INFINITY).contains(dispersion);
        if let (true, Some(ratios)) = (is_known, exact_log_likelihood_ratios(step)) {
            let put_aside = -f64::ln((both + 1.0) * (both + 2.0));
            both += 1.0;
            let of_ratios = stakes.iter_mut().zip(&mut greatest).zip(ratios);
            for ((stake, (best, since)), ratio) in of_ratios {
                *stake = ln_sum(*stake, put_aside) + ratio / dispersion;
                if put_aside > *best {
                    (*best, *since) = (put_aside, i);
                }
                *best += ratio / dispersion;
            }
        }
        let since = greatest.iter().max_by(|a, b| a.0.total_cmp(&b.0));
        after.push(Onset {
            // Nothing is bet before there is a step with both sides.
            ln_e: if both > 0.0 {
                super::ln_mean(&stakes).unwrap_or(0.0)
            } else {
                0.0
            },
            since: since.map_or(0, |(_, since)| *since),
        });
    }
    after
}

/// `ln(eᵃ + eᵇ)`.
fn ln_sum(a: f64, b: f64) -> f64 {
    let (low, high) = (a.min(b), a.max(b));
    high + (low - high).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::seeded;
    use rand_chacha::rand_core::Rng;

    /// How many of 1,000 runs of 60 looks reach an e-value of 20, where each hit counts `copies` times.
    fn crossed(copies: u64, dispersion: f64) -> u32 {
        let mut rng = seeded(3, 0);
        let mut crossed = 0;
        for _ in 0..1_000 {
            let steps: Vec<(SideHits, f64)> = (0..60)
                .map(|_| {
                    let mut hits = |trials: u64| {
                        let hit = |_: &u64| rng.next_u32().is_multiple_of(20);
                        (0..trials / copies).filter(hit).count() as u64 * copies
                    };
                    let step = SideHits {
                        new_hits: hits(40),
                        new_trials: 40,
                        old_hits: hits(120),
                        old_trials: 120,
                    };
                    (step, dispersion)
                })
                .collect();
            let most = onsets(&steps).into_iter().map(|onset| onset.ln_e);
            crossed += u32::from(most.fold(f64::MIN, f64::max) >= 20f64.ln());
        }
        crossed
    }

    #[test]
    fn equal_sides_keep_the_level_at_every_look_also_in_clusters_of_known_dispersion() {
        let (alone, clusters, ignored) = (crossed(1, 1.0), crossed(4, 4.0), crossed(4, 1.0));
        assert!(alone <= 50, "{alone} of 1000 runs at 5 %");
        assert!(clusters <= 50, "{clusters} of 1000 runs at 5 %");
        assert!(
            ignored > 100,
            "clusters that are ignored have only {ignored} of 1000 alarms"
        );
    }

    #[test]
    fn evidence_falls_when_the_difference_ends_and_steps_of_one_side_say_nothing() {
        let step = |new_hits, old_trials| {
            let hits = SideHits {
                new_hits,
                new_trials: 20,
                old_hits: old_trials / 20,
                old_trials,
            };
            (hits, 1.0)
        };
        let bad = vec![step(10, 80); 3];
        let good = vec![step(1, 80); 30];
        let after = onsets(&[bad, good].concat());
        assert!(after[2].ln_e > 10.0 && after[32].ln_e < after[2].ln_e / 2.0);
        let alone = onsets(&[step(20, 0); 5]);
        assert!(
            alone.iter().all(|onset| onset.ln_e.abs() < 1e-12),
            "{alone:?}"
        );
    }

    #[test]
    fn a_step_with_a_dispersion_that_cannot_be_says_nothing() {
        let bad = SideHits {
            new_hits: 20,
            new_trials: 20,
            old_hits: 0,
            old_trials: 80,
        };
        for dispersion in [0.99, f64::NAN, f64::INFINITY] {
            assert!(onsets(&[(bad, dispersion)])[0].ln_e.abs() < 1e-12);
        }
        assert!(onsets(&[(bad, 1.0)])[0].ln_e > 10.0);
    }
}
