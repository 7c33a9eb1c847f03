//! Names, times and calls that the tests share.

use std::time::Duration;

use astern_graph_core::{
    Call, EdgeKind, GraphParams, NodeKey, Party, Subject, TimeRange, Timestamp,
};

pub(crate) fn secs(s: i64) -> Timestamp {
    Timestamp::from_secs(s)
}

pub(crate) fn range(from: i64, to: i64) -> TimeRange {
    TimeRange::new(secs(from), secs(to)).unwrap()
}

pub(crate) fn ten_second_steps() -> GraphParams {
    GraphParams::default().step(Duration::from_secs(10))
}

pub(crate) fn service(name: &str) -> NodeKey {
    NodeKey::service(name)
}

/// A call that took `ms` at the callee, and 2 ms longer for the caller.
pub(crate) fn call(at: i64, from: &str, to: &str, ms: u64) -> Call {
    Call::new(secs(at), Party::new(service(to)))
        .from(Party::new(service(from)))
        .took(
            Some(Duration::from_millis(ms + 2)),
            Some(Duration::from_millis(ms)),
        )
}

/// The edge of these calls.
pub(crate) fn calls(from: &str, to: &str) -> Subject {
    Subject::Edge {
        from: service(from),
        to: service(to),
        kind: EdgeKind::Calls,
    }
}
