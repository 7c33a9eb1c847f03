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

impl SideHits {
    /// How many ways there are to split the hits between the sides, less one.
    fn splits(&self) -> u64 {
        let hits = self.new_hits.saturating_add(self.old_hits);
        let least = hits.saturating_sub(self.old_trials);
        self.new_trials.min(hits).saturating_sub(least)
    }

    /// Logarithm of the likelihood ratio of "the odds of a hit are this many times greater on the new side" over "they
    /// are equal", given how many hits there are on both; `None` where one side has no trials.
    pub(super) fn log_likelihood_ratio(&self, odds_ratio: f64) -> Option<f64> {
        let (new, old) = (self.new_trials as f64, self.old_trials as f64);
        (new > 0.0 && old > 0.0).then(|| {
            // (1-p)/(1-θ) is 1 over this, and p/θ is ψ times that.
            let total = ((old + new * odds_ratio) / (old + new)).ln();
            self.new_hits as f64 * (odds_ratio.ln() - total) - self.old_hits as f64 * total
        })
    }
}

/// [`SideHits::log_likelihood_ratio`] of each of the odds ratios that are bet on.
pub(super) fn log_likelihood_ratios(step: &SideHits) -> Option<[f64; ODDS_RATIOS.len()]> {
    let mut ratios = [0.0; ODDS_RATIOS.len()];
    for (ratio, psi) in ratios.iter_mut().zip(ODDS_RATIOS) {
        *ratio = step.log_likelihood_ratio(psi)?;
    }
    Some(ratios)
}

/// The same where the number of hits on both sides together is given as well: exact also where hits are frequent, as
/// those above a median are. A trial is used up by a hit, so that ten of ten on one side and none of twenty on the other
/// say more than ten of many.
///
/// Fisher's noncentral hypergeometric distribution: `ψ^x Σ w(k) / Σ w(k) ψ^k` over all splits k of the hits, with
/// `w(k) = C(n, k) C(m, H - k)`. Where there are many splits the binomial ratio takes its place; it has the greater
/// variance, so that it says less and keeps the level. `O(splits)`.
pub(super) fn exact_log_likelihood_ratios(step: &SideHits) -> Option<[f64; ODDS_RATIOS.len()]> {
    if step.splits() > SPLITS_MAX {
        return log_likelihood_ratios(step);
    }
    let splits = Splits::of(step)?;
    Some(splits.log_likelihood_ratios(step.new_hits, ODDS_RATIOS))
}

/// The exact ratio for one odds ratio, with fewer calls in the same proportions where there are many splits: that says
/// less, whichever of the two ratios is true.
pub(super) fn exact_log_likelihood_ratio(step: &SideHits, odds_ratio: f64) -> Option<f64> {
    let scale = (step.splits() / SPLITS_MAX + 1) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a count"
    )]
    let part = |count: u64| (count as f64 / scale).round() as u64;
    let (new_trials, old_trials) = (part(step.new_trials), part(step.old_trials));
    let fewer = SideHits {
        new_hits: part(step.new_hits).min(new_trials),
        new_trials,
        old_hits: part(step.old_hits).min(old_trials),
        old_trials,
    };
    let splits = Splits::of(&fewer)?;
    let [ratio] = splits.log_likelihood_ratios(fewer.new_hits, [odds_ratio]);
    Some(ratio)
}

/// Every number of hits on the new side that the hits of both allow, [`SPLITS_HELD`] at most, with the logarithm of its
/// weight.
struct Splits {
    least: u64,
    ln_weights: [f64; SPLITS_HELD],
    len: usize,
}

impl Splits {
    /// `None` where one side has no trials.
    fn of(step: &SideHits) -> Option<Self> {
        let (n, m) = (step.new_trials, step.old_trials);
        if n == 0 || m == 0 {
            return None;
        }
        let hits = step.new_hits + step.old_hits;
        let (least, most) = (hits.saturating_sub(m), n.min(hits));
        let mut splits = Self {
            least,
            ln_weights: [0.0; SPLITS_HELD],
            len: 0,
        };
        let mut ln_weight = 0.0;
        for (k, place) in (least..=most).zip(&mut splits.ln_weights) {
            *place = ln_weight;
            splits.len += 1;
            if k < most {
                let up = (n - k) as f64 * (hits - k) as f64;
                let down = (k + 1) as f64 * (m + k + 1 - hits) as f64;
                ln_weight += (up / down).ln();
            }
        }
        Some(splits)
    }

    fn ln_sum(&self, ln_odds: f64) -> f64 {
        let weights = (self.least..).zip(&self.ln_weights).take(self.len);
        let terms = weights.map(|(k, ln_weight)| ln_weight + k as f64 * ln_odds);
        let greatest = terms.clone().fold(f64::NEG_INFINITY, f64::max);
        greatest + terms.map(|term| (term - greatest).exp()).sum::<f64>().ln()
    }

    fn log_likelihood_ratios<const N: usize>(
        &self,
        new_hits: u64,
        odds_ratios: [f64; N],
    ) -> [f64; N] {
        let equal = self.ln_sum(0.0);
        odds_ratios.map(|odds_ratio| {
            let ln_odds = odds_ratio.ln();
            new_hits as f64 * ln_odds + equal - self.ln_sum(ln_odds)
        })
    }
}

/// Most splits of hits over which the exact sum is made.
const SPLITS_MAX: u64 = 60;

/// Room for all of them, both ends included, and for one that rounding adds where calls are scaled down.
const SPLITS_HELD: usize = 62;

/// Odds ratios that are bet on, each with the same stake.
pub(super) const ODDS_RATIOS: [f64; 6] = [1.5, 2.0, 4.0, 10.0, 30.0, 100.0];

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
        if let Some(ratios) = log_likelihood_ratios(step) {
            stakes
                .iter_mut()
                .zip(ratios)
                .for_each(|(stake, ratio)| *stake += ratio);
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

    proptest::proptest! {
        #[test]
        fn the_exact_ratio_is_an_e_value_and_says_more(n in 1..30_u64, m in 1..60_u64, percent in 0..=100_u64) {
            let hits = percent * (n + m) / 100;
            let splits = hits.saturating_sub(m)..=n.min(hits);
            let null = statrs::distribution::Hypergeometric::new(n + m, hits, n).unwrap();
            let mut mean = [0.0; ODDS_RATIOS.len()];
            for k in splits.clone() {
                let step = SideHits { new_hits: k, new_trials: n, old_hits: hits - k, old_trials: m };
                let ratios = exact_log_likelihood_ratios(&step).unwrap();
                let probability = statrs::distribution::Discrete::pmf(&null, k);
                mean.iter_mut().zip(ratios).for_each(|(mean, ratio)| *mean += probability * ratio.exp());
            }
            for mean in mean {
                proptest::prop_assert!((mean - 1.0).abs() < 1e-9, "{}", mean);
            }
            let most = *splits.end();
            let worst = SideHits { new_hits: most, new_trials: n, old_hits: hits - most, old_trials: m };
            let [exact, binomial] = [exact_log_likelihood_ratios, log_likelihood_ratios].map(|of| of(&worst).unwrap()[5]);
            proptest::prop_assert!(exact >= binomial - 1e-9, "{} {}", exact, binomial);
        }
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
