//! Quantile sketch of durations: bounded memory, mergeable, independent of order.

mod batch;
mod bins;
mod counts;
mod ranges;

use serde::{Deserialize, Serialize};

pub(crate) use bins::{Bin, Bins};

use counts::Counts;
use ranges::{Bound, Ranges};

/// Durations by their bins; those of which only a range of bins is known beside them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sketch {
    counts: Counts,
    /// Most sketches have none.
    ranges: Option<Box<Ranges>>,
}

impl Sketch {
    pub(crate) fn add(&mut self, bin: Bin) {
        self.counts.add_many(bin.0, 1);
    }

    fn add_many(&mut self, bin: Bin, count: u64) {
        if count > 0 {
            self.counts.add_many(bin.0, saturated(count));
        }
    }

    /// Adds durations after one bin and up to another, or without an end.
    fn add_range(&mut self, after: Bin, until: Option<Bin>, count: u64) {
        match until {
            Some(until) if until.0 <= after.0.saturating_add(1) => self.add_many(until, count),
            _ if count == 0 => {}
            _ => {
                let ranges = self.ranges.get_or_insert_default();
                ranges.add(after.0, until.map(|bin| bin.0), saturated(count));
            }
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
        if let Some(ranges) = &other.ranges {
            self.ranges.get_or_insert_default().merge(ranges);
        }
    }

    /// Whether only ranges are known of some durations.
    pub(crate) fn is_approximate(&self) -> bool {
        self.ranges.is_some()
    }

    /// How many durations there are for each batch whose distribution is a guess; 1 where none is.
    pub(crate) fn durations_per_guess(&self) -> f64 {
        let guesses = self.ranges.as_ref().map_or(0, |ranges| ranges.guesses());
        if guesses == 0 {
            return 1.0;
        }
        f64::max(1.0, self.count() as f64 / f64::from(guesses))
    }

    fn count(&self) -> u64 {
        let ranges = self.ranges.as_ref().map_or(0, |ranges| ranges.count());
        self.counts.from(0).1 + ranges
    }

    /// How many durations are in bins whose middle is above `ms`, and how many there are.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a count"
    )]
    pub(crate) fn above_ms(&self, ms: f64) -> (u64, u64) {
        let last = Bins::last_up_to(ms);
        let (mut above, mut all) = self.counts.from(last.map_or(0, |last| last + 1));
        if let Some(ranges) = &self.ranges {
            let count = ranges.count();
            let up_to = last.map_or(0.0, |bin| ranges.up_to(bin));
            above += (count as f64 - up_to).round() as u64;
            all += count;
        }
        (above, all)
    }

    /// The least duration, not below `ms`, above which durations can be counted without a guess; `None` where it is only
    /// known of them that they are longer than something shorter. `ms` itself where they are known one by one, or by
    /// ranges that overlap.
    pub(crate) fn bound_ms(&self, ms: f64) -> Option<f64> {
        let bin = Bins::default().of_ms(ms).0;
        let bound = self.ranges.as_ref().map(|ranges| ranges.bound(bin));
        match bound {
            Some(Bound::At(bin)) => Some(Bins::middle_ms(bin).max(ms)),
            Some(Bound::Beyond) => None,
            Some(Bound::Anywhere) | None => Some(ms),
        }
    }

    /// Quantile in milliseconds, within 1 % of its value, or within its range where no more is known; `None` when empty or
    /// outside 0..=1.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank below the count"
    )]
    pub(crate) fn quantile_ms(&self, q: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        let rank = (q * (count - 1) as f64) as u64;
        let Some(ranges) = &self.ranges else {
            let mut below = 0;
            let (bin, _) = self.counts.bins().find(|(_, n)| {
                below += u64::from(*n);
                below > rank
            })?;
            return Some(Bins::middle_ms(bin));
        };
        // The first bin up to which there are more than the rank.
        let is_up_to = |bin: u16| {
            let counts = self.counts.bins().take_while(|(held, _)| *held <= bin);
            let exact = counts.map(|(_, n)| u64::from(n)).sum::<u64>();
            exact as f64 + ranges.up_to(bin) > rank as f64
        };
        let (mut low, mut high) = (0, bins::BIN_MAX);
        while low < high {
            let middle = u16::midpoint(low, high);
            if is_up_to(middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Some(Bins::middle_ms(low))
    }
}

/// Past 4 · 10⁹ in one step it stays there.
fn saturated(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::bins::{BIN_MAX, NANOS_MAX, NANOS_PER_MS};
    use super::*;
    use crate::record::Durations;
    use proptest::prelude::*;
    use sketches_ddsketch::{Config, DDSketch};
    use std::time::Duration;

    fn sketch(nanos: &[u64]) -> Sketch {
        let mut sketch = Sketch::default();
        for n in nanos {
            sketch.add(Bins::default().of(Duration::from_nanos(*n)));
        }
        sketch
    }

    #[test]
    fn an_empty_sketch_has_no_quantiles_and_no_sketch_one_outside_the_range() {
        assert_eq!(Sketch::default().quantile_ms(0.5), None);
        for q in [-0.1, 1.1, f64::NAN] {
            assert_eq!(sketch(&[1]).quantile_ms(q), None);
        }
    }

    #[test]
    fn the_shortest_and_the_longest_have_bins() {
        let ends = sketch(&[0, u64::MAX]);
        assert!(ends.quantile_ms(0.0).unwrap() < 2e-6);
        assert!(ends.quantile_ms(1.0).unwrap() > 0.98e9);
        assert_eq!(Bins::default().of(Duration::MAX).0, BIN_MAX);
    }

    #[test]
    fn a_stored_sketch_is_checked() {
        let stored = |pairs: &[(u16, u32)], ranges: &[(u16, u16, u32)]| {
            let bytes = postcard::to_stdvec(&(pairs, Some((ranges, 0)))).unwrap();
            postcard::from_bytes::<Sketch>(&bytes)
        };
        assert!(stored(&[(7, 1), (BIN_MAX, 2)], &[(3, BIN_MAX + 1, 5)]).is_ok());
        assert!(stored(&[(BIN_MAX + 1, 1)], &[]).is_err());
        assert!(stored(&[], &[(3, 3, 1)]).is_err());
        assert!(stored(&[], &[(3, BIN_MAX + 2, 1)]).is_err());
    }

    fn of(durations: &Durations, calls: u64) -> Sketch {
        Sketch::of_batch(durations, calls, &Bins::default())
    }

    fn near(found: Option<f64>, expected: f64) {
        let found = found.unwrap();
        assert!(
            (found - expected).abs() <= 0.04 * expected,
            "{found} {expected}"
        );
    }

    #[test]
    fn durations_in_a_bucket_lie_evenly_and_are_counted_at_its_bounds() {
        let sketch = of(
            &Durations::Buckets(vec![(100.0, 40), (200.0, 90), (500.0, 98)]),
            100,
        );
        near(sketch.quantile_ms(0.65), 150.0);
        near(sketch.quantile_ms(0.2), 50.0);
        // Beyond the last bound as Prometheus has it.
        near(sketch.quantile_ms(1.0), 500.0);
        let bound = |ms| sketch.bound_ms(ms);
        assert_eq!(sketch.above_ms(bound(130.0).unwrap()), (10, 100));
        assert_eq!(sketch.above_ms(bound(90.0).unwrap()), (60, 100));
        near(bound(130.0), 200.0);
        assert_eq!(bound(600.0), None);
        assert!(sketch.is_approximate());
        // The bounds are those of all instances.
        let mut both = sketch.clone();
        both.merge(&sketch);
        assert_eq!(both.above_ms(bound(130.0).unwrap()), (20, 200));
        assert_eq!(both.bound_ms(130.0), bound(130.0));
    }

    #[test]
    fn every_form_says_about_the_same_of_the_same_calls() {
        // 100 calls of 10, 20, … 1,000 ms.
        let ms = |k: u64| 10.0 * k as f64;
        let exact = of(
            &Durations::Values((1..=100).map(|k| (ms(k), 1)).collect()),
            100,
        );
        assert!(!exact.is_approximate());
        let tenths = (1..=10).map(|k| (ms(10 * k), 10 * k)).collect();
        let buckets = of(&Durations::Buckets(tenths), 100);
        let quantiles = (1..=10).map(|k| (0.1 * k as f64, ms(10 * k))).collect();
        let quantiles = of(&Durations::Quantiles(quantiles), 100);
        // Buckets of powers of the fourth root of 2, in seconds.
        let index = |k: u64| ((1e-3 * ms(k)).log2() * 4.0).ceil() - 1.0;
        let counts = (-30..=0).map(|i| {
            (1..=100)
                .filter(|k| (index(*k) - f64::from(i)).abs() < 0.5)
                .count() as u64
        });
        let exponential = Durations::Exponential {
            scale: 2,
            zero: 0,
            offset: -30,
            counts: counts.collect(),
            unit_ms: 1e3,
        };
        let exponential = of(&exponential, 100);
        for sketch in [exact, buckets, quantiles, exponential] {
            for q in [0.25, 0.5, 0.75, 0.9] {
                let found = sketch.quantile_ms(q).unwrap();
                assert!((found - 1e3 * q).abs() < 60.0, "{q}: {found}");
            }
        }
        let mean = of(&Durations::Mean(100.0), 1_000);
        near(mean.quantile_ms(0.5), 69.3);
        assert_eq!(mean.above_ms(0.0).1, 1_000);
    }

    fn any_durations() -> impl Strategy<Value = Durations> {
        let values = || prop::collection::vec((0.0..1e5f64, 0..50u64), 0..6);
        let ascending = |mut entries: Vec<(f64, u64)>| {
            entries.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut all = 0;
            for (_, n) in &mut entries {
                all += *n;
                *n = all;
            }
            Durations::Buckets(entries)
        };
        prop_oneof![
            values().prop_map(Durations::Values),
            values().prop_map(ascending),
            (0.0..1e5f64).prop_map(Durations::Mean),
        ]
    }

    proptest! {
        #[test]
        fn batches_add_up_in_any_order(
            batches in prop::collection::vec(any_durations(), 1..5), ms in 0.0..1e5f64, q in 0.0..=1.0f64,
        ) {
            let mut forward = Sketch::default();
            let mut backward = Sketch::default();
            for batch in &batches {
                forward.merge(&of(batch, 400));
            }
            for batch in batches.iter().rev() {
                backward.merge(&of(batch, 400));
            }
            prop_assert_eq!(&forward, &backward);
            let (above, all) = forward.above_ms(ms);
            prop_assert!(above <= all);
            let bytes = postcard::to_stdvec(&forward).unwrap();
            prop_assert_eq!(&postcard::from_bytes::<Sketch>(&bytes).unwrap(), &forward);
            if let Some(quantile) = forward.quantile_ms(q) {
                let rank = q * all as f64;
                let beyond = forward.above_ms(1.03 * quantile).0 as f64;
                prop_assert!(beyond <= all as f64 - rank + 2.0, "{beyond} of {all} beyond the quantile {q}");
            }
        }

        #[test]
        fn what_is_above_is_counted_but_for_the_bin_of_the_threshold(
            nanos in prop::collection::vec(1..NANOS_MAX, 0..100), ms in 0.0..1e9f64,
        ) {
            let (above, all) = sketch(&nanos).above_ms(ms);
            prop_assert_eq!(all, nanos.len() as u64);
            let beyond = |by: f64| nanos.iter().filter(|n| **n as f64 / NANOS_PER_MS > by * ms).count() as u64;
            prop_assert!(beyond(1.03) <= above && above <= beyond(0.97));
        }

        #[test]
        fn quantiles_are_those_of_the_reference(
            nanos in prop::collection::vec(1..NANOS_MAX, 1..200), q in 0.01..0.99f64,
        ) {
            let mut reference = DDSketch::new(Config::defaults());
            for n in &nanos {
                reference.add(*n as f64);
            }
            let expected = reference.quantile(q).unwrap().unwrap() / NANOS_PER_MS;
            let found = sketch(&nanos).quantile_ms(q).unwrap();
            prop_assert!((found - expected).abs() <= 1e-12 * expected);
        }

        #[test]
        fn two_halves_merge_into_the_whole_in_either_order(
            nanos in prop::collection::vec(0..NANOS_MAX, 0..60), cut in any::<prop::sample::Index>(),
        ) {
            let (a, b) = nanos.split_at(cut.index(nanos.len() + 1).min(nanos.len()));
            let (a, b) = (sketch(a), sketch(b));
            let (mut ab, mut ba) = (a.clone(), b.clone());
            ab.merge(&b);
            ba.merge(&a);
            prop_assert_eq!(&ab, &ba);
            prop_assert_eq!(&ab, &sketch(&nanos));
            let bytes = postcard::to_stdvec(&ab).unwrap();
            prop_assert_eq!(&bytes, &postcard::to_stdvec(&sketch(&nanos)).unwrap());
            prop_assert_eq!(postcard::from_bytes::<Sketch>(&bytes).unwrap(), ab);
        }
    }
}
