//! How many durations fell into each bin.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::bins::BIN_MAX;

/// Most bins that are held as pairs; with more, all bins from the first to the last are held.
const PAIRS_MAX: usize = 16;

/// Most bins for each that is not empty for which all of a file's are held: 32 bytes in memory for 2 in the file.
const SPAN_MAX: usize = 8;

/// How many durations fell into each bin.
///
/// The mapping of values to bins is that of the `sketches-ddsketch` crate, and so are the
/// quantiles. Its own store is not used: that takes 1 kB for a single call, and an edge has three
/// sketches a step; and it lays its bins out by the order of arrival, so that equal contents have
/// unequal bytes. Here a few calls take a few bytes, and many at most 7 kB.
#[derive(Debug, Clone)]
pub(super) enum Counts {
    /// Bins with their counts, in order; empty bins are left out.
    Few(Vec<(u16, u32)>),
    /// Counts of all bins from `first` on.
    Many { first: u16, counts: Vec<u32> },
}

impl Default for Counts {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Counts {
    /// Adds to a bin; past 4 · 10⁹ durations in one bin of one step it stays there.
    pub(super) fn add_many(&mut self, bin: u16, count: u32) {
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
            Self::Many { first, counts } => add(first, counts, bin, &[count]),
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
    pub(super) fn bins(&self) -> impl Iterator<Item = (u16, u32)> {
        let (pairs, first, counts) = match self {
            Self::Few(pairs) => (&pairs[..], 0, &[][..]),
            Self::Many { first, counts } => (&[][..], *first, &counts[..]),
        };
        let dense = (first..).zip(counts).filter(|(_, count)| **count > 0);
        let dense = dense.map(|(bin, count)| (bin, *count));
        pairs.iter().copied().chain(dense)
    }

    /// How many durations are in bins from this one on, and how many there are.
    pub(super) fn from(&self, bin: u16) -> (u64, u64) {
        let sum = |counts: &[u32]| counts.iter().map(|count| u64::from(*count)).sum::<u64>();
        match self {
            Self::Few(pairs) => pairs.iter().fold((0, 0), |(since, all), (held, count)| {
                let count = u64::from(*count);
                (since + if *held >= bin { count } else { 0 }, all + count)
            }),
            Self::Many { first, counts } => {
                let place = usize::from(bin.saturating_sub(*first)).min(counts.len());
                let (before, since) = counts.split_at(place);
                let since = sum(since);
                (since, sum(before) + since)
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Few(pairs), _) if pairs.is_empty() => self.clone_from(other),
            (
                Self::Many { first, counts },
                Self::Many {
                    first: from,
                    counts: more,
                },
            ) => {
                add(first, counts, *from, more);
            }
            _ => {
                for (bin, count) in other.bins() {
                    self.add_many(bin, count);
                }
            }
        }
    }
}

/// Adds counts of bins from `from` on to those of bins from `first` on.
fn add(first: &mut u16, counts: &mut Vec<u32>, from: u16, more: &[u32]) {
    if from < *first {
        counts.splice(..0, std::iter::repeat_n(0, usize::from(*first - from)));
        *first = from;
    }
    let place = usize::from(from - *first);
    let end = place + more.len();
    if end > counts.len() {
        counts.resize(end, 0);
    }
    for (count, more) in counts[place..end].iter_mut().zip(more) {
        *count = count.saturating_add(*more);
    }
}

/// Equal contents are equal, however they are held.
impl PartialEq for Counts {
    fn eq(&self, other: &Self) -> bool {
        self.bins().eq(other.bins())
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.bins().collect::<Vec<_>>())
    }
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = Vec::<(u16, u32)>::deserialize(deserializer)?;
        if let Some((bin, _)) = pairs.iter().find(|(bin, _)| *bin > BIN_MAX) {
            let most = format!("bin {bin} of a sketch; the last is {BIN_MAX}");
            return Err(serde::de::Error::custom(most));
        }
        if let Some(pair) = pairs.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
            let order = format!("bin {} of a sketch after bin {}", pair[1].0, pair[0].0);
            return Err(serde::de::Error::custom(order));
        }
        // A few bins that lie far apart stay pairs, however many: 17 of them, 40 bytes in a file, would take 7 kB.
        let span = pairs.first().zip(pairs.last());
        let span = span.map_or(0, |(first, last)| usize::from(last.0 - first.0) + 1);
        Ok(
            if pairs.len() <= PAIRS_MAX || span > SPAN_MAX * pairs.len() {
                Self::Few(pairs)
            } else {
                Self::many(&pairs)
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(u16, u32)]) -> Result<Counts, postcard::Error> {
        postcard::from_bytes(&postcard::to_stdvec(pairs).unwrap())
    }

    #[test]
    fn a_file_takes_memory_in_proportion() {
        for (count, stride) in [
            (1, 1),
            (16, 100),
            (17, 100),
            (17, 8),
            (17, 1),
            (200, 8),
            (200, 1),
        ] {
            let pairs: Vec<(u16, u32)> = (0..count).map(|k| (k * stride, 1)).collect();
            let mut counts = read(&pairs).unwrap();
            let bytes = match &counts {
                Counts::Few(pairs) => 8 * pairs.capacity(),
                Counts::Many { counts, .. } => 4 * counts.capacity(),
            };
            let stored = postcard::to_stdvec(&counts).unwrap().len();
            assert!(bytes <= 40 * stored, "{bytes} for {stored}");
            // Whatever it is held as, it is the same, and goes on.
            let mut same = Counts::default();
            for (bin, n) in pairs.iter().rev() {
                same.add_many(*bin, *n);
            }
            assert_eq!(counts, same);
            for counts in [&mut counts, &mut same] {
                counts.add_many(3, 2);
            }
            assert_eq!(counts, same);
        }
    }

    #[test]
    fn bins_of_a_file_exist_and_ascend() {
        for bad in [
            &[(BIN_MAX + 1, 1)][..],
            &[(5, 1), (5, 1)],
            &[(5, 1), (4, 1)],
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
        assert!(read(&[(0, 1), (BIN_MAX, 1)]).is_ok());
    }
}
