//! What became of the spans: every one is counted once, and nothing is dropped in silence.

use std::fmt;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// What became of each span, and what was mended on the way.
///
/// Every span that was read is counted under exactly one of the fields from `calls` to
/// `over_limit`: they add up to `spans`. The fields from `orphans` on count what was noticed or
/// mended; such a span is counted above as well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Report {
    /// Documents read.
    pub documents: u64,
    /// Spans read.
    pub spans: u64,
    /// Spans that became a call; also the number of calls.
    pub calls: u64,
    /// Client spans that became the caller's side of a server span's call.
    pub merged: u64,
    /// Spans inside one service that were walked through.
    pub internal: u64,
    /// Client, producer and consumer spans that do not say what they talked to.
    pub unnamed_peer: u64,
    /// Spans of calls of which neither side says when it began.
    pub untimed: u64,
    /// Spans that were there already, equal in every field.
    pub duplicate: u64,
    /// Pieces of a span that was reported in several, put together.
    pub fragment: u64,
    /// Spans with the id of another span and other content; the first by kind, then by time is kept.
    pub conflicting: u64,
    /// Spans without an id, or with one that is zero.
    pub zero_id: u64,
    /// Spans that end before they start.
    pub negative: u64,
    /// Spans outside the years 1677 to 2262.
    pub out_of_range: u64,
    /// Spans that do not say which service they are of.
    pub unnamed_service: u64,
    /// Spans beyond the limit on spans.
    pub over_limit: u64,
    /// Spans that name a parent which is not there; they have no caller.
    pub orphans: u64,
    /// Circles of parents that were cut, each at its earliest span; a span that is its own parent too.
    pub cycles: u64,
    /// Server spans that were shifted into their client span.
    pub shifted: u64,
    /// Unkinded spans taken for the client's side of a call.
    pub inferred_clients: u64,
}

impl Report {
    /// The counts that each span is in exactly one of, by name.
    fn fates(&self) -> [(&'static str, u64); 13] {
        [
            ("calls", self.calls),
            ("merged into a call", self.merged),
            ("inside a service", self.internal),
            ("unnamed peer", self.unnamed_peer),
            ("untimed", self.untimed),
            ("duplicate", self.duplicate),
            ("fragment", self.fragment),
            ("conflicting", self.conflicting),
            ("zero id", self.zero_id),
            ("negative duration", self.negative),
            ("out of range", self.out_of_range),
            ("unnamed service", self.unnamed_service),
            ("over limit", self.over_limit),
        ]
    }

    fn notes(&self) -> [(&'static str, u64); 4] {
        [
            ("orphans", self.orphans),
            ("cycles cut", self.cycles),
            ("shifted", self.shifted),
            ("clients inferred", self.inferred_clients),
        ]
    }

    /// Number of spans that are in no call and should have been: all but those in a call, those
    /// inside a service, and those that were there already.
    pub fn lost(&self) -> u64 {
        let fine = self.calls + self.merged + self.internal + self.duplicate + self.fragment;
        self.fates().iter().map(|(_, count)| count).sum::<u64>() - fine
    }
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.documents += other.documents;
        self.spans += other.spans;
        self.calls += other.calls;
        self.merged += other.merged;
        self.internal += other.internal;
        self.unnamed_peer += other.unnamed_peer;
        self.untimed += other.untimed;
        self.duplicate += other.duplicate;
        self.fragment += other.fragment;
        self.conflicting += other.conflicting;
        self.zero_id += other.zero_id;
        self.negative += other.negative;
        self.out_of_range += other.out_of_range;
        self.unnamed_service += other.unnamed_service;
        self.over_limit += other.over_limit;
        self.orphans += other.orphans;
        self.cycles += other.cycles;
        self.shifted += other.shifted;
        self.inferred_clients += other.inferred_clients;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} spans to {} calls", self.spans, self.calls)?;
        let rest = self.fates().into_iter().skip(1).chain(self.notes());
        for (name, count) in rest.filter(|(_, count)| *count > 0) {
            write!(f, ", {count} {name}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_not_zero() {
        let mut report = Report {
            spans: 5,
            calls: 2,
            internal: 1,
            zero_id: 2,
            orphans: 1,
            ..Report::default()
        };
        let text = "5 spans to 2 calls, 1 inside a service, 2 zero id, 1 orphans";
        assert_eq!(report.to_string(), text);
        assert_eq!(report.lost(), 2);
        report += report;
        assert_eq!((report.spans, report.lost(), report.orphans), (10, 4, 2));
    }
}
