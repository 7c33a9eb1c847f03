//! By how much instances that run the same differ at all times.

use std::collections::BTreeMap;

use astern_graph_core::CallSummary;
use astern_stats::robust::mean;

use super::counted::Counted;
use super::metric::{BEYOND_MIN, Bases, Metric};
use super::{SequentialParams, dispersion};
use crate::release::sides::Observed;

/// Probability with which instances that are alike are found to differ.
const DIFFER_LEVEL: f64 = 0.05;

/// Standard normal quantile of the part of new instances that is not slower than is expected of them, 95 %.
const EXPECTED_Z: f64 = 1.645;

/// The latencies with a threshold that is higher by what new instances may be slower without the change; each with its place among
/// all that is counted. None where old instances do not differ beyond chance: then it costs nothing.
///
/// Whether they differ is tested at the median, or the lowest quantile that is known: an instance that is slower is so at each
/// quantile, and there the fewest calls show it.
pub(super) fn beyond_old_ones(
    params: &SequentialParams,
    observed: &Observed,
    counted: &[Counted<'_>],
) -> Vec<(usize, Metric)> {
    let mut slow = counted
        .iter()
        .filter_map(|counted| counted.metric.at_usual());
    let Some((q, at_usual)) = slow.next() else {
        return Vec::new();
    };
    let counted_at = Counted::of(&at_usual, observed);
    let differ = |per_guess| {
        let p_value = dispersion::p_value_of_alike(&counted_at, per_guess);
        p_value.is_some_and(|p| p < DIFFER_LEVEL)
    };
    if !differ(1.0) {
        return Vec::new();
    }
    let bases = Bases::of(observed);
    let slower_by = Some(bases.calls_per_guess()).filter(|per_guess| differ(*per_guess));
    let Some(part) = slower_by.and_then(|_| may_be_slower_by(observed, q)) else {
        return Vec::new();
    };
    let wider = |(place, counted): (usize, &Counted<'_>)| {
        Some((
            place,
            counted.metric.slower_by(params, observed, &bases, part)?,
        ))
    };
    counted.iter().enumerate().filter_map(wider).collect()
}

/// The part of its latency by which the new side may be slower than the old one, as instances differ: Student's quantile with one
/// degree of freedom less than old instances, times the standard deviation of the logarithms of their quantiles `q`, for
/// a difference of means over few instances on either side. `None` where fewer than two have enough calls.
fn may_be_slower_by(observed: &Observed, q: f64) -> Option<f64> {
    let ln_ms = ln_ms(observed, q);
    let freedom = ln_ms.len() as f64 - 1.0;
    let mean = mean(&ln_ms).filter(|_| freedom >= 1.0)?;
    let squares = ln_ms.iter().map(|ln_ms| (ln_ms - mean).powi(2));
    let variance = squares.sum::<f64>() / freedom;
    let steps = || observed.steps.iter();
    let of_old = steps().flat_map(|step| &step.old_instances);
    let of_old = concentration(of_old.map(|(place, calls)| (*place, calls.calls)));
    let of_new = concentration(steps().flat_map(|step| step.new_instances.iter().copied()));
    // Where it is not known what each new instance received, one may have received all.
    let instances = of_new.unwrap_or(1.0) + of_old.unwrap_or(1.0 / (freedom + 1.0));
    Some((student(freedom) * (variance * instances).sqrt()).exp_m1())
}

/// The logarithm of the quantile `q` of each old instance with enough calls, beside the new side and before it.
fn ln_ms(observed: &Observed, q: f64) -> Vec<f64> {
    let since = observed.steps.iter().map(|step| &step.old_instances);
    let before = observed.before.iter().map(|before| &before.instances);
    let mut by_place: BTreeMap<usize, Vec<&CallSummary>> = BTreeMap::new();
    for (place, calls) in since.chain(before).flatten() {
        by_place.entry(*place).or_default().push(calls);
    }
    let of_one = |calls: Vec<&CallSummary>| {
        let calls = CallSummary::joined(calls);
        let (_, timed) = calls.latency_above(0.0);
        let has_enough = (1.0 - q) * timed as f64 >= BEYOND_MIN;
        let ms = calls.latency_ms(q).filter(|ms| has_enough && *ms > 0.0)?;
        Some(ms.ln())
    };
    by_place.into_values().filter_map(of_one).collect()
}

/// Student's quantile of the same probability as [`EXPECTED_Z`] (Abramowitz and Stegun 1964, 26.7.5); with one degree of freedom
/// a tenth too low.
fn student(freedom: f64) -> f64 {
    let z = EXPECTED_Z;
    let [z3, z5, z7] = [3, 5, 7].map(|power| z.powi(power));
    let first = (z3 + z) / 4.0;
    let second = (5.0 * z5 + 16.0 * z3 + 3.0 * z) / 96.0;
    let third = (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / 384.0;
    z + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

/// The sum of squares of the shares of trials: one over the number of instances where each has as many.
fn concentration(trials: impl Iterator<Item = (usize, u64)>) -> Option<f64> {
    let mut by_place: BTreeMap<usize, f64> = BTreeMap::new();
    trials.for_each(|(place, trials)| *by_place.entry(place).or_default() += trials as f64);
    let all: f64 = by_place.values().sum();
    let squares = by_place.values().map(|trials| (trials / all).powi(2));
    (all > 0.0).then(|| squares.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_student_are_those_of_tables() {
        for (freedom, table, error) in [(1.0, 6.314, 0.12), (2.0, 2.92, 0.02), (5.0, 2.015, 1e-3)] {
            let quantile = student(freedom);
            assert!(
                (quantile / table - 1.0).abs() < error,
                "{freedom}: {quantile}"
            );
        }
    }

    #[test]
    fn few_instances_with_most_of_the_calls_count_as_fewer() {
        let of = |calls: &[u64]| concentration(calls.iter().copied().enumerate());
        assert_eq!(of(&[5, 5, 5, 5]), Some(0.25));
        assert_eq!(of(&[10, 0]), Some(1.0));
        assert_eq!(of(&[0]), None);
    }
}
