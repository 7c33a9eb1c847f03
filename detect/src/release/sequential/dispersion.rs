//! How much more the hits of alike instances, or of healthy steps, vary than those of independent calls.

use std::collections::BTreeMap;

use astern_stats::tail::normal_upper;

use super::counted::{Counted, Hits};
use super::metric::sum;

/// Variance of hits over that of independent calls that is assumed before anything was seen.
const PRIOR: f64 = 1.0;

/// How many degrees of freedom that assumption is worth.
const PRIOR_FREEDOM: f64 = 5.0;

/// Longest blocks of steps that are compared with each other are a quarter of all.
const BLOCKS_MIN: usize = 4;

/// A chi-squared statistic and its degrees of freedom.
#[derive(Debug, Clone, Copy, Default)]
struct Pearson {
    chi_squared: f64,
    freedom: f64,
}

impl Pearson {
    /// The statistic per degree of freedom, drawn to the assumed one; at least 1.
    fn dispersion(self) -> f64 {
        let sum = self.chi_squared + PRIOR * PRIOR_FREEDOM;
        f64::max(1.0, sum / (self.freedom + PRIOR_FREEDOM))
    }
}

/// Dispersion of the hits of old instances beside each other, within the first so many steps and over all of them: requests that are
/// alike come to one instance in a step, and an instance may be slower than its neighbours at any time. That of single
/// steps in time where there are no neighbours to compare with.
pub(super) fn of_instances(counted: &Counted<'_>, steps: usize) -> f64 {
    let (within, lasting) = within_and_lasting(counted, steps);
    if within.freedom < PRIOR_FREEDOM {
        let steps = blocks(counted.all_before(), 1);
        return within.dispersion().max(steps.dispersion());
    }
    within.dispersion().max(lasting.dispersion())
}

/// The probability that old instances which are alike differ as much over all steps as these do, for the dispersion of their
/// calls within steps, at least `per_guess`; `None` where there are fewer than two. By the cube root of the statistic, which is near normal (Wilson
/// and Hilferty 1931).
pub(super) fn p_value_of_alike(counted: &Counted<'_>, per_guess: f64) -> Option<f64> {
    let (within, lasting) = within_and_lasting(counted, counted.steps.len());
    let freedom = lasting.freedom - 1.0;
    if freedom < 1.0 {
        return None;
    }
    // Each hit of one instance is none of the others, so that the statistic is expected to be the number of instances.
    let statistic = lasting.chi_squared / (lasting.freedom * within.dispersion().max(per_guess));
    let variance = 2.0 / (9.0 * freedom);
    Some(normal_upper(
        (statistic.cbrt() - (1.0 - variance)) / variance.sqrt(),
    ))
}

/// Of old instances beside each other, within the first so many steps and over all of them; and before the change.
fn within_and_lasting(counted: &Counted<'_>, steps: usize) -> (Pearson, Pearson) {
    let mut within = Pearson::default();
    let mut totals: BTreeMap<usize, Total> = BTreeMap::new();
    for instances in counted.old_instances(steps) {
        add(&mut within, &instances.iter().map(|(_, hits)| hits));
        add_totals(&mut totals, instances);
    }
    let lasting = Pearson {
        chi_squared: totals.values().map(Total::chi_squared).sum(),
        freedom: totals.len() as f64,
    };
    (within, lasting)
}

/// How far the hits of an instance are from their expectation, summed over steps, and the variance of that.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    beyond: f64,
    variance: f64,
}

impl Total {
    fn chi_squared(&self) -> f64 {
        if self.variance > 0.0 {
            self.beyond.powi(2) / self.variance
        } else {
            0.0
        }
    }
}

fn add_totals(totals: &mut BTreeMap<usize, Total>, instances: &[(usize, Hits)]) {
    let (hits, trials) = sum(instances.iter().map(|(_, hits)| hits));
    if hits == 0 || hits == trials || instances.len() < 2 {
        return;
    }
    let (n, share) = (trials as f64, hits as f64 / trials as f64);
    for (place, (hits, trials)) in instances {
        let trials = *trials as f64;
        let total = totals.entry(*place).or_default();
        total.beyond += *hits as f64 - trials * share;
        // Of so many hits among all, given their number.
        total.variance += trials * share * (1.0 - share) * (n - trials) / (n - 1.0);
    }
}

/// Dispersion of the hits of steps in a row: of single ones and of blocks of them, whichever is greatest, so that slow
/// changes which no release made count.
pub(super) fn over_time(steps: &[Hits]) -> f64 {
    let mut greatest: f64 = 1.0;
    let mut length = 1;
    while steps.len() / length >= BLOCKS_MIN {
        greatest = greatest.max(blocks(steps, length).dispersion());
        length *= 2;
    }
    greatest
}

/// Blocks of so many steps beside each other.
fn blocks(steps: &[Hits], length: usize) -> Pearson {
    let blocks = steps.chunks_exact(length).map(|block| sum(block.iter()));
    let mut between = Pearson::default();
    add(&mut between, &blocks.collect::<Vec<_>>().iter());
    between
}

/// Adds how far the hits of groups are from their common share.
fn add<'a>(to: &mut Pearson, groups: &(impl Iterator<Item = &'a Hits> + Clone)) {
    let (hits, trials) = sum(groups.clone());
    if hits == 0 || hits == trials {
        return;
    }
    let (n, share) = (trials as f64, hits as f64 / trials as f64);
    let seen = || groups.clone().filter(|(_, trials)| *trials > 0);
    let squared = |(hits, trials): &Hits| {
        let expected = *trials as f64 * share;
        (*hits as f64 - expected).powi(2) / (expected * (1.0 - share))
    };
    // Of so many hits among all, given their number, the statistic has one degree of freedom less than groups.
    to.chi_squared += seen().map(squared).sum::<f64>() * (n - 1.0) / n;
    to.freedom += seen().count() as f64 - 1.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(groups: &[Hits], times: usize) -> f64 {
        let mut sum = Pearson::default();
        (0..times).for_each(|_| add(&mut sum, &groups.iter()));
        sum.dispersion()
    }

    #[test]
    fn alike_groups_have_a_dispersion_of_one_and_unlike_ones_more() {
        assert!((of(&[], 1) - PRIOR).abs() < 1e-12);
        assert!((of(&[(0, 9), (0, 9)], 50) - PRIOR).abs() < 1e-12);
        assert!((of(&[(5, 50), (5, 50)], 50) - 1.0).abs() < 1e-12);
        assert!(of(&[(10, 50), (0, 50)], 50) > 5.0);
        assert!(of(&[(10, 50), (0, 50), (0, 0)], 50) > 5.0);
    }
}
