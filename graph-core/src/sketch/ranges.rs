//! Durations of which only a range of bins is known: buckets of histograms, what lies between quantiles.

use serde::{Deserialize, Serialize};

use super::bins::{BIN_MAX, Bins};

/// The end of a range without one: what took longer than the last bound of a histogram.
const OPEN: u16 = BIN_MAX + 1;

/// So many durations in the bins after one and up to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Range {
    after: u16,
    until: u16,
    count: u32,
}

impl Range {
    fn bounds(self) -> (u16, u16) {
        (self.after, self.until)
    }
}

/// Ranges in order, none twice. They add up, so that the order and the batching of histograms do not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub(super) struct Ranges {
    ranges: Vec<Range>,
    /// Batches of which quantiles or a mean were known, so that the distribution is a guess.
    guesses: u32,
}

/// What is known of durations near a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bound {
    /// No range holds it, or several do.
    Anywhere,
    /// One range holds it, which ends with this bin.
    At(u16),
    /// It lies beyond the last bound.
    Beyond,
}

impl Ranges {
    /// Adds durations after one bin and up to another, the last but one at the most; `None` for no end.
    pub(super) fn add(&mut self, after: u16, until: Option<u16>, count: u32) {
        let until = until.unwrap_or(OPEN);
        let place = self
            .ranges
            .partition_point(|held| held.bounds() < (after, until));
        match self.ranges.get_mut(place) {
            Some(held) if held.bounds() == (after, until) => {
                held.count = held.count.saturating_add(count);
            }
            _ => self.ranges.insert(
                place,
                Range {
                    after,
                    until,
                    count,
                },
            ),
        }
    }

    /// `O(n)` in the ranges of both: batches that each have bounds of their own make many of them.
    pub(super) fn merge(&mut self, other: &Self) {
        let mut held = std::mem::take(&mut self.ranges).into_iter().peekable();
        for range in &other.ranges {
            let is_before = |held: &Range| held.bounds() < range.bounds();
            self.ranges
                .extend(std::iter::from_fn(|| held.next_if(is_before)));
            let same = held.next_if(|held| held.bounds() == range.bounds());
            let count = same.map_or(0, |same| same.count);
            self.ranges.push(Range {
                count: count.saturating_add(range.count),
                ..*range
            });
        }
        self.ranges.extend(held);
        self.guesses = self.guesses.saturating_add(other.guesses);
    }

    /// Notes that what was added of one batch is a guess.
    pub(super) fn guess(&mut self) {
        self.guesses = 1;
    }

    pub(super) fn guesses(&self) -> u32 {
        self.guesses
    }

    pub(super) fn count(&self) -> u64 {
        self.ranges.iter().map(|range| u64::from(range.count)).sum()
    }

    /// How many are in bins up to this one, durations lying evenly in their range as `histogram_quantile` of Prometheus
    /// has them; those beyond the last bound lie at it.
    pub(super) fn up_to(&self, bin: u16) -> f64 {
        let share = |range: &Range| {
            if bin <= range.after {
                0.0
            } else if bin >= range.until || range.until == OPEN {
                1.0
            } else {
                let [after, until, at] = [range.after, range.until, bin].map(Bins::middle_ms);
                (at - after) / (until - after)
            }
        };
        let counts = self.ranges.iter();
        counts
            .map(|range| share(range) * f64::from(range.count))
            .sum()
    }

    pub(super) fn bound(&self, bin: u16) -> Bound {
        let mut holding = self
            .ranges
            .iter()
            .filter(|range| range.after < bin && bin <= range.until);
        match (holding.next(), holding.next()) {
            (Some(range), None) if range.until == OPEN => Bound::Beyond,
            (Some(range), None) => Bound::At(range.until),
            _ => Bound::Anywhere,
        }
    }
}

/// Ranges from a file, which may say what cannot be.
#[derive(Deserialize)]
pub(super) struct Stored {
    ranges: Vec<Range>,
    guesses: u32,
}

/// Bins that are no range.
#[derive(Debug, thiserror::Error)]
#[error("a range of bins {after} to {until}; the last is {BIN_MAX}")]
pub(super) struct NoRange {
    after: u16,
    until: u16,
}

impl TryFrom<Stored> for Ranges {
    type Error = NoRange;

    fn try_from(stored: Stored) -> Result<Self, NoRange> {
        let mut ranges = Self {
            guesses: stored.guesses,
            ..Self::default()
        };
        for Range {
            after,
            until,
            count,
        } in stored.ranges
        {
            if after >= until || until > OPEN {
                return Err(NoRange { after, until });
            }
            ranges.add(after, (until < OPEN).then_some(until), count);
        }
        Ok(ranges)
    }
}
