//! Time as data: instants and half-open ranges. Nothing here reads a clock.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::visible;

/// An instant: nanoseconds since the Unix epoch, from the year 1677 to 2262.
///
/// Printed and stored in JSON as RFC 3339, in binary as an integer.
///
/// ```
/// use astern_graph_core::Timestamp;
/// let at = Timestamp::from_secs(1_700_000_000);
/// assert_eq!(at.to_string(), "2023-11-14T22:13:20Z");
/// assert_eq!("2023-11-14T22:13:20Z".parse::<Timestamp>()?, at);
/// # Ok::<(), astern_graph_core::TimeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest instant.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest instant.
    pub const MAX: Self = Self(i64::MAX);

    /// From nanoseconds since the Unix epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From milliseconds since the Unix epoch; beyond the range it stops at the end of it.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// From seconds since the Unix epoch; beyond the range it stops at the end of it.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// This much later; stops at the end of the range.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos_of(span)))
    }

    /// This much earlier; stops at the start of the range.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(nanos_of(span)))
    }

    /// Time passed since `earlier`; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        if self.0 <= earlier.0 {
            return Duration::ZERO;
        }
        Duration::from_nanos(self.0.abs_diff(earlier.0))
    }
}

/// A span in nanoseconds, at most `i64::MAX` (292 years).
pub(crate) fn nanos_of(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(at) => f.pad(&at.to_string()),
            Err(_) => write!(f, "{}ns", self.0),
        }
    }
}

impl std::str::FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let malformed = || TimeError::Malformed {
            text: text.to_owned(),
        };
        let at: jiff::Timestamp = text.parse().map_err(|_| malformed())?;
        i64::try_from(at.as_nanosecond())
            .map(Self)
            .map_err(|_| malformed())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

/// The instants from `start` up to, but without, `end`.
///
/// [`new`](Self::new) and deserialisation refuse a range without an instant. The fields are
/// public, so one can be made by hand: a graph then holds nothing in it, or answers with
/// [`GraphError::EmptyRange`](crate::GraphError::EmptyRange).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct TimeRange {
    /// First instant.
    pub start: Timestamp,
    /// First instant after it.
    pub end: Timestamp,
}

impl TimeRange {
    /// From `start` up to `end`.
    ///
    /// # Errors
    /// [`TimeError::EmptyRange`] unless `start < end`.
    pub fn new(start: Timestamp, end: Timestamp) -> Result<Self, TimeError> {
        if start < end {
            Ok(Self { start, end })
        } else {
            Err(TimeError::EmptyRange { start, end })
        }
    }

    /// Whether it holds no instant: it ends where it starts, or before.
    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// Whether `at` lies inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }

    /// Length of the range; zero when it is empty.
    pub fn span(&self) -> Duration {
        self.end.since(self.start)
    }
}

/// A range as it is stored.
#[derive(Deserialize)]
struct Unchecked {
    start: Timestamp,
    end: Timestamp,
}

impl TryFrom<Unchecked> for TimeRange {
    type Error = TimeError;

    fn try_from(stored: Unchecked) -> Result<Self, TimeError> {
        Self::new(stored.start, stored.end)
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.start, self.end)
    }
}

/// A text or a pair of instants is not a time or a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// Not an RFC 3339 instant between the years 1677 and 2262.
    #[error("`{}` is not an RFC 3339 time between 1677 and 2262", visible(.text))]
    Malformed {
        /// The text given.
        text: String,
    },
    /// The range holds no instant.
    #[error("the range from {start} to {end} is empty")]
    EmptyRange {
        /// Its start.
        start: Timestamp,
        /// Its end.
        end: Timestamp,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn arithmetic_stops_at_the_ends() {
        assert_eq!(Timestamp::MAX.plus(Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.minus(Duration::MAX), Timestamp::MIN);
        assert_eq!(Timestamp::MIN.since(Timestamp::MAX), Duration::ZERO);
        assert_eq!(
            Timestamp::MAX.since(Timestamp::MIN).as_nanos(),
            u128::from(u64::MAX)
        );
    }

    #[test]
    fn empty_and_backward_ranges_are_refused() {
        let (a, b) = (Timestamp::from_secs(1), Timestamp::from_secs(2));
        assert!(TimeRange::new(a, a).is_err() && TimeRange::new(b, a).is_err());
        assert!(TimeRange::new(a, b).unwrap().contains(a));
        assert!(!TimeRange::new(a, b).unwrap().contains(b));
    }

    #[test]
    fn a_stored_range_is_checked() {
        let range = TimeRange::new(Timestamp::from_secs(1), Timestamp::from_secs(2)).unwrap();
        let json = serde_json::to_string(&range).unwrap();
        assert_eq!(serde_json::from_str::<TimeRange>(&json).unwrap(), range);
        let backwards = TimeRange {
            start: range.end,
            end: range.start,
        };
        assert!(backwards.is_empty() && !range.is_empty());
        let json = serde_json::to_string(&backwards).unwrap();
        let refused = serde_json::from_str::<TimeRange>(&json).unwrap_err();
        assert!(refused.to_string().contains("is empty"));
        let bytes = postcard::to_stdvec(&backwards).unwrap();
        assert!(postcard::from_bytes::<TimeRange>(&bytes).is_err());
    }

    #[test]
    fn text_that_is_no_time_is_refused() {
        assert!("yesterday".parse::<Timestamp>().is_err());
        assert!("9999-01-01T00:00:00Z".parse::<Timestamp>().is_err());
    }

    proptest! {
        #[test]
        fn text_round_trips(nanos in any::<i64>()) {
            let at = Timestamp::from_nanos(nanos);
            prop_assert_eq!(at.to_string().parse::<Timestamp>().unwrap(), at);
        }
    }
}
