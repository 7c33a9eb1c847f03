//! On which of two sides hits fall.

/// Hits of one step on the new and on the old side, and the trials that they came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SideHits {
    /// Hits on the new side.
    pub new_hits: u64,
    /// Trials on the new side.
    pub new_trials: u64,
    /// Hits on the old side.
    pub old_hits: u64,
    /// Trials on the old side.
    pub old_trials: u64,
}

/// Odds ratios that are bet on, each with the same stake.
const ODDS_RATIOS: [f64; 6] = [1.5, 2.0, 4.0, 10.0, 30.0, 100.0];

/// Logarithm of the e-value after each step against "a hit is no likelier on the new side".
///
/// Were both sides alike, each hit would fall on the new one with the share θ of the trials there,
/// whatever their common rate: nothing need be known of it, and a side without any hit is no
/// special case. The bet is on odds ratios ψ of 1.5 to 100 at once, `p = θψ / (1 - θ + θψ)`:
/// `E = mean over ψ of Π (p/θ)^new ((1-p)/(1-θ))^old`. It is the sequential test of shares of
/// Lindon and Malek (2022) with a few points in place of their Dirichlet mixture, so that θ may
/// differ from step to step and only "worse" counts.
///
/// Steps in which one side has no trials say nothing. `O(n)`.
///
/// ```
/// use astern_stats::sequential::{SideHits, ln_e_share};
/// let step = SideHits { new_hits: 5, new_trials: 10, old_hits: 0, old_trials: 30 };
/// let ln_e = ln_e_share(&[step, step]);
/// assert!(ln_e[1] > 100f64.ln() && ln_e[0] < ln_e[1]);
/// ```
pub fn ln_e_share(steps: &[SideHits]) -> Vec<f64> {
    let mut stakes = [0.0_f64; ODDS_RATIOS.len()];
    let mut after = Vec::with_capacity(steps.len());
    for step in steps {
        let (new, old) = (step.new_trials as f64, step.old_trials as f64);
        if new > 0.0 && old > 0.0 {
            for (stake, psi) in stakes.iter_mut().zip(ODDS_RATIOS) {
                // (1-p)/(1-θ) is 1 over this, and p/θ is ψ times that.
                let total = ((old + new * psi) / (old + new)).ln();
                *stake += step.new_hits as f64 * (psi.ln() - total) - step.old_hits as f64 * total;
            }
        }
        after.push(super::ln_mean(&stakes).unwrap_or(0.0));
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::seeded;
    use rand_chacha::rand_core::Rng;

    #[test]
    fn equal_sides_keep_the_level_at_every_look() {
        // 1 % hits on both sides, the share of the new one grows; 1,000 runs of 40 looks at 5 %.
        let mut rng = seeded(2, 0);
        let mut crossed = 0;
        for _ in 0..1_000 {
            let steps: Vec<SideHits> = (0..40)
                .map(|t| {
                    let new_trials = 20 + 4 * t;
                    let old_trials = 200 - 4 * t;
                    let mut hits = |trials| {
                        (0..trials)
                            .filter(|_| rng.next_u32().is_multiple_of(100))
                            .count() as u64
                    };
                    SideHits {
                        new_hits: hits(new_trials),
                        new_trials,
                        old_hits: hits(old_trials),
                        old_trials,
                    }
                })
                .collect();
            let most = ln_e_share(&steps).into_iter().fold(f64::MIN, f64::max);
            crossed += u32::from(most >= 20f64.ln());
        }
        assert!(crossed <= 65, "{crossed} of 1000");
    }

    #[test]
    fn one_side_alone_and_fewer_hits_are_no_evidence() {
        let alone = SideHits {
            new_hits: 9,
            new_trials: 9,
            ..SideHits::default()
        };
        assert!(ln_e_share(&[alone])[0].abs() < 1e-12);
        let better = SideHits {
            new_hits: 0,
            new_trials: 90,
            old_hits: 5,
            old_trials: 10,
        };
        assert!(ln_e_share(&[better])[0] < -2.0);
    }
}
