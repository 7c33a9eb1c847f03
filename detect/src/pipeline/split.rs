//! The two parts of a healthy range.

use astern_graph_core::{TemporalGraph, TimeRange, Timestamp};

use crate::FitError;

/// Of `steps` healthy steps, how many a detector learns from: the first two thirds. The rest calibrates (split
/// conformal calibration, Papadopoulos et al. 2002), so that no score is calibrated on the values that it
/// was learnt from.
pub(crate) fn learning_steps(steps: usize) -> usize {
    steps - steps / 3
}

/// The fewest healthy steps of which a detector learns from `learning`.
pub(super) const fn least_steps(learning: u32) -> u32 {
    learning + learning.saturating_sub(1) / 2
}

/// A healthy range, cut in two between steps.
pub(super) struct Split {
    pub(super) learn: TimeRange,
    pub(super) calibrate: TimeRange,
}

impl Split {
    /// Needs at least `need` steps, of which there are at least three.
    pub(super) fn of(
        graph: &TemporalGraph,
        healthy: TimeRange,
        need: usize,
    ) -> Result<Self, FitError> {
        let (have, first) = steps(graph, healthy);
        let too_short = FitError::TooShort { have, need };
        if have < need {
            return Err(too_short);
        }
        let learning = u32::try_from(learning_steps(have)).unwrap_or(u32::MAX);
        let cut = first.plus(graph.step().saturating_mul(learning));
        match (
            TimeRange::new(healthy.start, cut),
            TimeRange::new(cut, healthy.end),
        ) {
            (Ok(learn), Ok(calibrate)) => Ok(Self { learn, calibrate }),
            _ => Err(too_short),
        }
    }
}

/// Number of steps that a range touches, and start of the first.
fn steps(graph: &TemporalGraph, range: TimeRange) -> (usize, Timestamp) {
    let first = graph.step_end(range.start);
    if range.is_empty() {
        return (0, first);
    }
    let last_instant = Timestamp::from_nanos(range.end.nanos().saturating_sub(1));
    let span = graph.step_end(last_instant).since(first);
    let count = span.as_nanos() / graph.step().as_nanos().max(1) + 1;
    (usize::try_from(count).unwrap_or(usize::MAX), first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_steps_are_just_enough_to_learn_from() {
        for learning in 1..100 {
            let least = least_steps(learning) as usize;
            assert!(learning_steps(least) >= learning as usize, "{learning}");
            assert!(learning_steps(least - 1) < learning as usize, "{learning}");
        }
    }
}
