//! The order statistics of one series over a window that slides.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use astern_graph_core::Timestamp;
use astern_stats::order::ascending;
use astern_stats::robust;

/// The finite values of a series since a time, by time and in ascending order.
///
/// Exact: its order statistics are those of [`robust`] on the same values, to the bit.
///
/// # Complexity
/// `O(log n)` comparisons and one move of at most n values to add or drop one; a quantile is `O(1)`,
/// the spread `O(n log n)`.
///
/// # Example
/// ```
/// use astern_graph_core::Timestamp;
/// use astern_rca::stream::SlidingSample;
/// use astern_stats::robust;
///
/// let mut sample = SlidingSample::default();
/// for (secs, value) in [(0, 9.0), (1, 1.0), (2, f64::NAN), (3, 5.0), (4, 2.0)] {
///     sample.push(Timestamp::from_secs(secs), value);
/// }
/// sample.drop_before(Timestamp::from_secs(1));
/// assert_eq!(sample.quantile(0.5), robust::median(&[1.0, 5.0, 2.0]));
/// assert_eq!(sample.spread(), robust::spread(&[1.0, 5.0, 2.0]));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SlidingSample {
    by_time: VecDeque<(Timestamp, f64)>,
    ascending: Vec<f64>,
}

impl SlidingSample {
    /// Adds the value of a step that is later than all before; a value that is not finite is
    /// missing.
    pub fn push(&mut self, at: Timestamp, value: f64) {
        if value.is_finite() {
            self.by_time.push_back((at, value));
            self.ascending.insert(self.place(value), value);
        }
    }

    /// Drops the values of steps before a time.
    pub fn drop_before(&mut self, start: Timestamp) {
        while let Some((at, value)) = self.by_time.front().copied() {
            if at >= start {
                return;
            }
            self.by_time.pop_front();
            let place = self.place(value);
            if place < self.ascending.len() {
                self.ascending.remove(place);
            }
        }
    }

    /// Quantile `q` in 0..=1; `None` without values.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        robust::quantile_sorted(&self.ascending, q)
    }

    /// Robust spread ([`robust::spread`]); `None` without values.
    pub fn spread(&self) -> Option<f64> {
        robust::spread(&self.ascending)
    }

    /// The values, ascending.
    pub fn ascending(&self) -> &[f64] {
        &self.ascending
    }

    /// Place of the first value that is not less.
    fn place(&self, value: f64) -> usize {
        self.ascending
            .partition_point(|x| ascending(*x, value).is_lt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_sample_of_the_window(
            values in prop::collection::vec(
                prop_oneof![4 => -5.0..5.0f64, 2 => Just(1.0), 1 => Just(f64::NAN)],
                0..80,
            ),
            width in 1..20_i64,
        ) {
            let mut sample = SlidingSample::default();
            for (at, value) in values.iter().enumerate() {
                let at = i64::try_from(at).unwrap();
                sample.push(Timestamp::from_secs(at), *value);
                sample.drop_before(Timestamp::from_secs(at + 1 - width));
            }
            let width = usize::try_from(width).unwrap();
            let window = &values[values.len().saturating_sub(width)..];
            for q in [0.0, 0.25, 0.5, 0.9, 1.0] {
                prop_assert_eq!(sample.quantile(q), robust::quantile(window, q));
            }
            prop_assert_eq!(sample.spread(), robust::spread(window));
        }
    }
}
