//! Ticks that people can read.

use astern_graph_core::{TimeRange, Timestamp};

const SECOND: i128 = 1_000_000_000;

/// Distances of ticks in time, in seconds.
const STEPS: [i128; 16] = [
    1, 5, 10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
];

/// Round times inside a range, at most seven, and whether they need seconds to be distinguished.
pub(super) fn times(range: TimeRange) -> (Vec<Timestamp>, bool) {
    let (start, end) = (
        i128::from(range.start.nanos()),
        i128::from(range.end.nanos()),
    );
    let span = end - start;
    let fits = |step: &i128| span / (step * SECOND) < 7;
    let days = span / (6 * 86_400 * SECOND) + 1;
    let step = STEPS.into_iter().find(fits).unwrap_or(days * 86_400) * SECOND;
    let first = start.div_euclid(step) + i128::from(start.rem_euclid(step) > 0);
    let ticks = (first..)
        .map(|number| number * step)
        .take_while(|at| *at <= end);
    let ticks = ticks.filter_map(|at| i64::try_from(at).ok().map(Timestamp::from_nanos));
    (ticks.take(8).collect(), step < 60 * SECOND)
}

/// A scale of values with round bounds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Values {
    /// Lower bound.
    pub(super) low: f64,
    /// Upper bound.
    pub(super) high: f64,
    /// Round values from the lower to the upper bound.
    pub(super) ticks: Vec<f64>,
    decimals: usize,
}

impl Values {
    /// A scale that holds 0, all these values and at least this height.
    pub(super) fn of(values: impl Iterator<Item = f64>, least_height: f64) -> Self {
        let finite = values.filter(|value| value.is_finite());
        let (low, high) = finite.fold((0.0, 0.0), |(a, b), x| (f64::min(a, x), f64::max(b, x)));
        let rough = ((high - low) / 3.0).max(least_height / 3.0);
        let unit = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * unit);
        let step = step
            .into_iter()
            .find(|step| *step >= rough)
            .unwrap_or(rough);
        if !(step.is_finite() && step > 0.0) {
            return Self {
                low,
                high,
                ticks: Vec::new(),
                decimals: 0,
            };
        }
        let (first, last) = ((low / step).floor(), (high / step).ceil().max(1.0));
        let ticks = (0..8)
            .map(|n| first + f64::from(n))
            .take_while(|n| *n <= last);
        let is_whole = |decimals: &usize| {
            let scaled = step * 10_f64.powf(*decimals as f64);
            (scaled - scaled.round()).abs() < 1e-6
        };
        let decimals = (0..9).find(is_whole).unwrap_or(9);
        Self {
            low: first * step,
            high: last * step,
            ticks: ticks.map(|n| n * step).collect(),
            decimals,
        }
    }

    /// A tick as text.
    pub(super) fn label(&self, tick: f64) -> String {
        if tick.abs() >= 1e6 {
            return format!("{tick:.1e}");
        }
        // Adding zero turns -0 into 0.
        format!("{:.*}", self.decimals, tick + 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_get_round_ticks() {
        let labels = |high: f64| {
            let scale = Values::of([high].into_iter(), 0.0);
            scale
                .ticks
                .iter()
                .map(|tick| scale.label(*tick))
                .collect::<Vec<_>>()
        };
        assert_eq!(labels(412.0), ["0", "200", "400", "600"]);
        assert_eq!(labels(0.07), ["0.000", "0.025", "0.050", "0.075"]);
        assert_eq!(labels(6.0), ["0", "2", "4", "6"]);
        assert_eq!(labels(2.9), ["0", "1", "2", "3"]);
    }

    #[test]
    fn times_are_round() {
        let range = TimeRange::new(Timestamp::from_secs(70), Timestamp::from_secs(2_700)).unwrap();
        let (ticks, with_seconds) = times(range);
        assert_eq!(ticks, [600, 1_200, 1_800, 2_400].map(Timestamp::from_secs));
        assert!(!with_seconds);
    }

    proptest! {
        #[test]
        fn any_range_and_any_values_have_few_ticks(
            a in any::<i64>(), b in any::<i64>(), x in any::<f64>(), y in any::<f64>(),
        ) {
            let range = TimeRange { start: Timestamp::from_nanos(a), end: Timestamp::from_nanos(b) };
            prop_assert!(times(range).0.len() <= 8);
            let scale = Values::of([x, y].into_iter(), 1.0);
            prop_assert!(scale.ticks.len() <= 8);
            prop_assert!(scale.ticks.iter().all(|tick| !scale.label(*tick).is_empty()));
        }
    }
}
