//! The part of the abnormal range in which the symptom shows.

use std::ops::Range;

use astern_graph_core::{TemporalGraph, TimeRange};

use crate::candidates::Candidate;

/// Deviation of a step, in healthy standard deviations, from which it rather belongs to the incident.
const HALF_Z: f64 = 1.0;

/// No step counts for more than so many deviations: one must not outweigh the rest.
const Z_MAX: f64 = 3.0;

/// Least sum of a run: as much as two steps can give. Less is noise.
const SUM_MIN: f64 = 2.0 * (Z_MAX - HALF_Z);

/// The run of abnormal steps that is best separated from health: the one with the greatest sum of
/// `min(z, 3) − 1` over its steps (Kadane's scan; missing steps count 0), where z is the symptom's
/// deviation; the earliest of equal ones. All steps where none reaches a sum of 4. `O(T)`.
///
/// An incident's time is seldom known to the minute; steps before its onset dilute what the others say.
pub(crate) fn shown(symptom: &Candidate) -> Range<usize> {
    let all = 0..symptom.abnormal.len();
    let Some(scale) = symptom.scale() else {
        return all;
    };
    let weight = |x: &f64| {
        let z = symptom.feature.worse.badness(x - scale.median) / scale.spread;
        if z.is_finite() {
            z.clamp(-Z_MAX, Z_MAX) - HALF_Z
        } else {
            0.0
        }
    };
    let (mut best, mut best_sum) = (all.clone(), 0.0);
    let (mut start, mut sum) = (0, 0.0);
    for (i, weight) in symptom.abnormal.iter().map(weight).enumerate() {
        if sum <= 0.0 {
            (start, sum) = (i, 0.0);
        }
        sum += weight;
        if sum > best_sum {
            (best, best_sum) = (start..i + 1, sum);
        }
    }
    if best_sum < SUM_MIN { all } else { best }
}

/// The time of these steps of a range.
pub(crate) fn range_of(graph: &TemporalGraph, range: TimeRange, steps: &Range<usize>) -> TimeRange {
    // The series begins with the step that the range begins in.
    let first = graph.step_end(range.start);
    let at = |steps: usize| first.plus(graph.step() * u32::try_from(steps).unwrap_or(u32::MAX));
    let (start, end) = (
        at(steps.start).max(range.start),
        at(steps.end).min(range.end),
    );
    TimeRange::new(start, end).unwrap_or(range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidates::tests::series;
    use astern_graph_core::schema::Worse;

    fn shown_of(abnormal: &[f64]) -> Range<usize> {
        let healthy = [99.0, 100.0, 101.0, 100.0, 98.0, 102.0];
        shown(&series(Worse::Up, &healthy, abnormal))
    }

    #[test]
    fn steps_before_and_after_are_left_out() {
        let normal = 100.0;
        assert_eq!(shown_of(&[normal, normal, 150.0, 160.0, normal]), 2..4);
        // A normal or missing step between does not part a run.
        assert_eq!(shown_of(&[normal, 150.0, normal, 160.0, 150.0]), 1..5);
        assert_eq!(shown_of(&[normal, 150.0, f64::NAN, 160.0]), 1..4);
        assert_eq!(shown_of(&[normal, normal, 99.0]), 0..3);
        // A burst of one step is noise.
        assert_eq!(shown_of(&[normal, normal, 900.0, normal]), 0..4);
        assert_eq!(shown_of(&[f64::NAN; 3]), 0..3);
        assert_eq!(shown_of(&[]), 0..0);
    }
}
