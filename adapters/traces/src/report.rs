//! What became of the spans: every one is counted once, and nothing is dropped in silence.

use std::fmt;
use std::ops::AddAssign;

use astern_adapters_base::{Count, sentence};
use serde::{Deserialize, Serialize};

/// What became of each span, and what was mended on the way.
///
/// Every span that was read is counted under exactly one of the fields from `calls` to
/// `over_limit`: they add up to `spans`. The fields from `orphans` on count what was noticed or
/// mended; such a span is counted above as well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SpanReport {
    /// Documents read.
    pub documents: u64,
    /// Spans read.
    pub spans: u64,
    /// Spans that became a call; also the number of calls.
    pub calls: u64,
    /// Client spans that became the caller's side of a server span's call, and receipts of messages that
    /// another span processes.
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
    /// Spans outside the years 1677 to 2262.
    pub out_of_range: u64,
    /// Spans that do not say which service they are of.
    pub unnamed_service: u64,
    /// Spans beyond the limit on spans.
    pub over_limit: u64,
    /// Spans that name a parent which is not there; they have no caller.
    pub orphans: u64,
    /// Spans that named their trace by the lower half of its id.
    pub half_trace_ids: u64,
    /// Spans that end before they start: how long they took is not known.
    pub negative: u64,
    /// Circles of parents that were cut, each at its earliest span; a span that is its own parent too.
    pub cycles: u64,
    /// Server spans that were shifted into their client span.
    pub shifted: u64,
    /// Unkinded spans taken for the client's side of a call.
    pub inferred_clients: u64,
}

impl SpanReport {
    /// The counts that each span is in exactly one of, calls first.
    fn fates(&self) -> [Count; 12] {
        [
            Count::new(self.calls, "call", "calls"),
            Count::alike(self.merged, "merged into a call"),
            Count::alike(self.internal, "inside a service"),
            Count::alike(self.unnamed_peer, "with an unnamed peer"),
            Count::alike(self.untimed, "untimed"),
            Count::new(self.duplicate, "duplicate", "duplicates"),
            Count::new(self.fragment, "fragment", "fragments"),
            Count::alike(self.conflicting, "conflicting"),
            Count::alike(self.zero_id, "with a zero id"),
            Count::alike(self.out_of_range, "out of range"),
            Count::alike(self.unnamed_service, "of an unnamed service"),
            Count::alike(self.over_limit, "over the limit"),
        ]
    }

    fn notes(&self) -> [Count; 6] {
        [
            Count::new(self.orphans, "orphan", "orphans"),
            Count::alike(self.half_trace_ids, "with half a trace id"),
            Count::alike(self.negative, "with a negative duration"),
            Count::new(self.cycles, "cycle cut", "cycles cut"),
            Count::alike(self.shifted, "shifted"),
            Count::new(self.inferred_clients, "client inferred", "clients inferred"),
        ]
    }

    /// Number of spans that are in no call and should have been: all but those in a call, those
    /// inside a service, and those that were there already.
    pub fn lost(&self) -> u64 {
        let fine = self.calls + self.merged + self.internal + self.duplicate + self.fragment;
        self.fates().iter().map(|fate| fate.number()).sum::<u64>() - fine
    }
}

impl AddAssign for SpanReport {
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
        self.out_of_range += other.out_of_range;
        self.unnamed_service += other.unnamed_service;
        self.over_limit += other.over_limit;
        self.orphans += other.orphans;
        self.half_trace_ids += other.half_trace_ids;
        self.negative += other.negative;
        self.cycles += other.cycles;
        self.shifted += other.shifted;
        self.inferred_clients += other.inferred_clients;
    }
}

impl fmt::Display for SpanReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [calls, others @ ..] = self.fates();
        let spans = Count::new(self.spans, "span", "spans");
        sentence(f, spans, calls, others.into_iter().chain(self.notes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_not_zero() {
        let mut report = SpanReport {
            spans: 5,
            calls: 2,
            internal: 1,
            zero_id: 2,
            orphans: 1,
            ..SpanReport::default()
        };
        let text = "5 spans to 2 calls, 1 inside a service, 2 with a zero id, 1 orphan";
        assert_eq!(report.to_string(), text);
        assert_eq!(report.lost(), 2);
        report += report;
        assert_eq!((report.spans, report.lost(), report.orphans), (10, 4, 2));
    }

    /// Every count as one number.
    fn each(count: u64) -> SpanReport {
        SpanReport {
            documents: count,
            spans: count,
            calls: count,
            merged: count,
            internal: count,
            unnamed_peer: count,
            untimed: count,
            duplicate: count,
            fragment: count,
            conflicting: count,
            zero_id: count,
            out_of_range: count,
            unnamed_service: count,
            over_limit: count,
            orphans: count,
            half_trace_ids: count,
            negative: count,
            cycles: count,
            shifted: count,
            inferred_clients: count,
        }
    }

    #[test]
    fn one_is_singular_and_others_are_plural() {
        assert_eq!(each(0).to_string(), "0 spans to 0 calls");
        assert_eq!(
            each(1).to_string(),
            "1 span to 1 call, 1 merged into a call, 1 inside a service, 1 with an unnamed peer, \
             1 untimed, 1 duplicate, 1 fragment, 1 conflicting, 1 with a zero id, \
             1 out of range, 1 of an unnamed service, 1 over the limit, \
             1 orphan, 1 with half a trace id, 1 with a negative duration, \
             1 cycle cut, 1 shifted, 1 client inferred"
        );
        assert_eq!(
            each(2).to_string(),
            "2 spans to 2 calls, 2 merged into a call, 2 inside a service, 2 with an unnamed peer, \
             2 untimed, 2 duplicates, 2 fragments, 2 conflicting, 2 with a zero id, \
             2 out of range, 2 of an unnamed service, 2 over the limit, \
             2 orphans, 2 with half a trace id, 2 with a negative duration, \
             2 cycles cut, 2 shifted, 2 clients inferred"
        );
    }
}
