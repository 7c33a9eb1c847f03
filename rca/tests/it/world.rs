//! Names and times that the tests share.

use astern_graph_core::{NodeKey, TimeRange, Timestamp};

pub(crate) fn service(name: &str) -> NodeKey {
    NodeKey::service(name)
}

pub(crate) fn minute<I: TryInto<i64>>(minute: I) -> Timestamp {
    Timestamp::from_secs(60 * minute.try_into().ok().unwrap())
}

/// From the start of one minute to that of another.
pub(crate) fn minutes<I: TryInto<i64>>(from: I, to: I) -> TimeRange {
    TimeRange::new(minute(from), minute(to)).unwrap()
}
