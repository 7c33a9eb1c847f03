//! Quantile sketch of durations: bounded memory, mergeable, independent of order.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sketches_ddsketch::Config;

/// Longest duration that is distinguished from longer ones: 11 days, far beyond any timeout.
const NANOS_MAX: u64 = 1_000_000_000_000_000;

/// Bin of the longest duration.
const BIN_MAX: u16 = 1_726;

const NANOS_PER_MS: f64 = 1e6;

/// A duration as the number of its bin: 0 up to 1 ns, then 1 % to either side of the bin's middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bin(u16);

/// The bins of `DDSketch` (Masson, Rim and Lee 2019) at 1 % relative accuracy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bins(Config);

impl Default for Bins {
    fn default() -> Self {
        Self(Config::defaults())
    }
}

impl Bins {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "keys of 1 ns to 10¹⁵ ns are 0 to 1,726"
    )]
    pub(crate) fn of(&self, duration: Duration) -> Bin {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Bin(self.0.key(nanos.clamp(1, NANOS_MAX) as f64) as u16)
    }

    fn middle_ms(&self, bin: u16) -> f64 {
        self.0.value(i32::from(bin)) / NANOS_PER_MS
    }
}

/// Most bins that are held as pairs; with more, all bins from the first to the last are held.
const PAIRS_MAX: usize = 16;

/// How many durations fell into each bin.
///
/// The mapping of values to bins is that of the `sketches-ddsketch` crate, and so are the
/// quantiles. Its own store is not used: that takes 1 kB for a single call, and an edge has three
/// sketches a step; and it lays its bins out by the order of arrival, so that equal contents have
/// unequal bytes. Here a few calls take a few bytes, and many at most 7 kB.
#[derive(Debug, Clone)]
pub(crate) enum Sketch {
    /// Bins with their counts, in order; empty bins are left out.
    Few(Vec<(u16, u32)>),
    /// Counts of all bins from `first` on.
    Many { first: u16, counts: Vec<u32> },
}

impl Default for Sketch {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Sketch {
    pub(crate) fn add(&mut self, bin: Bin) {
        self.add_many(bin.0, 1);
    }

    /// Adds to a bin; past 4 · 10⁹ durations in one bin of one step it stays there.
    fn add_many(&mut self, bin: u16, count: u32) {
        match self {
            Self::Few(pairs) => {
                let at = pairs.partition_point(|(held, _)| *held < bin);
                let full = pairs.len() >= PAIRS_MAX;
                match pairs.get_mut(at) {
                    Some((held, n)) if *held == bin => *n = n.saturating_add(count),
                    _ if !full => pairs.insert(at, (bin, count)),
                    _ => {
                        *self = Self::many(pairs);
                        self.add_many(bin, count);
                    }
                }
            }
            Self::Many { first, counts } => {
                if bin < *first {
                    counts.splice(..0, std::iter::repeat_n(0, usize::from(*first - bin)));
                    *first = bin;
                }
                let place = usize::from(bin - *first);
                if place >= counts.len() {
                    counts.resize(place + 1, 0);
                }
                counts[place] = counts[place].saturating_add(count);
            }
        }
    }

    /// The same with all bins from the first to the last.
    fn many(pairs: &[(u16, u32)]) -> Self {
        let first = pairs.first().map_or(0, |(bin, _)| *bin);
        let mut many = Self::Many {
            first,
            counts: Vec::new(),
        };
        for (bin, count) in pairs {
            many.add_many(*bin, *count);
        }
        many
    }

    /// Bins that are not empty, in order, with their counts.
    fn bins(&self) -> impl Iterator<Item = (u16, u32)> {
        let (pairs, first, counts) = match self {
            Self::Few(pairs) => (&pairs[..], 0, &[][..]),
            Self::Many { first, counts } => (&[][..], *first, &counts[..]),
        };
        let dense = (first..).zip(counts).filter(|(_, count)| **count > 0);
        let dense = dense.map(|(bin, count)| (bin, *count));
        pairs.iter().copied().chain(dense)
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (bin, count) in other.bins() {
            self.add_many(bin, count);
        }
    }

    /// How many durations are in bins whose middle is above `ms`, and how many there are.
    pub(crate) fn above_ms(&self, ms: f64) -> (u64, u64) {
        let bins = Bins::default();
        self.bins().fold((0, 0), |(above, all), (bin, n)| {
            let n = u64::from(n);
            let is_above = bins.middle_ms(bin) > ms;
            (above + if is_above { n } else { 0 }, all + n)
        })
    }

    /// Quantile in milliseconds, within 1 % of its value; `None` when empty or outside 0..=1.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank below the count"
    )]
    pub(crate) fn quantile_ms(&self, q: f64) -> Option<f64> {
        let count: u64 = self.bins().map(|(_, n)| u64::from(n)).sum();
        if count == 0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        let rank = (q * (count - 1) as f64) as u64;
        let mut below = 0;
        let (bin, _) = self.bins().find(|(_, n)| {
            below += u64::from(*n);
            below > rank
        })?;
        Some(Bins::default().middle_ms(bin))
    }
}

/// Equal contents are equal, however they are held.
impl PartialEq for Sketch {
    fn eq(&self, other: &Self) -> bool {
        self.bins().eq(other.bins())
    }
}

impl Serialize for Sketch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.bins().collect::<Vec<_>>())
    }
}

impl<'de> Deserialize<'de> for Sketch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut sketch = Self::default();
        for (bin, count) in Vec::<(u16, u32)>::deserialize(deserializer)? {
            if bin > BIN_MAX {
                let most = format!("bin {bin} of a sketch; the last is {BIN_MAX}");
                return Err(serde::de::Error::custom(most));
            }
            sketch.add_many(bin, count);
        }
        Ok(sketch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sketches_ddsketch::DDSketch;

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
        let stored = |pairs: &[(u16, u32)]| {
            let bytes = postcard::to_stdvec(pairs).unwrap();
            postcard::from_bytes::<Sketch>(&bytes)
        };
        assert!(stored(&[(7, 1), (BIN_MAX, 2)]).is_ok());
        assert!(stored(&[(BIN_MAX + 1, 1)]).is_err());
    }

    proptest! {
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
