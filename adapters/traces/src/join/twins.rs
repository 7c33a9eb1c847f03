//! Spans with one id: duplicates, pieces of a span, the two sides of a call, and contradictions.
//!
//! Within one trace and id, in this order:
//!
//! 1. A span equal to another in every field is a *duplicate* (half a trace id or a whole one).
//! 2. A span of the same service and of the same kind (or of none), where either lacks its start or
//!    its duration, is a *fragment* (Zipkin reports spans in pieces): the earliest start, the longest
//!    duration, the first kind and peer, and the worse status make one span.
//! 3. A server under a client's id, or a consumer under a producer's, is the other side of the call
//!    (Zipkin shares ids): the caller's side is its parent. A child of that id belongs to the side of
//!    its own service, else to the callee's.
//! 4. Anything else is *conflicting*; the first is kept, by kind in the order of [`SpanKind`], then
//!    complete before incomplete, then the earlier.

use std::cmp::Ordering;

use astern_graph_core::CallStatus;

use super::{Claim, Key, NONE, Node, Trace};
use crate::report::SpanReport;
use crate::span::{Span, SpanKind};

impl Trace<'_> {
    /// Makes the nodes of a trace, by id.
    pub(super) fn gather(&mut self, group: &[Key], report: &mut SpanReport) {
        self.nodes.clear();
        for run in group.chunk_by(|a, b| a.id == b.id) {
            if let [only] = run {
                if let Some(span) = self.spans.get(only.at as usize) {
                    self.nodes.push(node(span, only.at));
                }
            } else {
                self.gather_twins(run, report);
            }
        }
    }

    fn gather_twins(&mut self, run: &[Key], report: &mut SpanReport) {
        let spans = self.spans;
        let mut twins: Vec<(&Span, u32)> = run
            .iter()
            .filter_map(|key| Some((spans.get(key.at as usize)?, key.at)))
            .collect();
        twins.sort_by(|(a, _), (b, _)| content(a, b));
        let first = self.nodes.len();
        let mut last: Option<&Span> = None;
        for (span, at) in twins {
            let sides = self.nodes.get_mut(first..).unwrap_or_default();
            if last.is_some_and(|last| content(last, span).is_eq()) {
                report.duplicate += 1;
            } else if sides
                .iter_mut()
                .any(|side| is_piece(side, span, spans) && mend(side, span, at))
            {
                report.fragment += 1;
            } else if sides.is_empty() {
                self.nodes.push(node(span, at));
            } else if sides.len() == 1 && sides.iter().all(|side| answers(span.kind, side)) {
                let parent = u32::try_from(first).unwrap_or(NONE);
                self.nodes.push(Node {
                    parent,
                    twin: true,
                    ..node(span, at)
                });
            } else {
                report.conflicting += 1;
            }
            last = Some(span);
        }
    }
}

fn node(span: &Span, at: u32) -> Node {
    Node {
        id: span.id.span,
        span: at,
        peer: at,
        kind: span.kind,
        step: span.step,
        status: span.status,
        start: span.start.map(astern_graph_core::Timestamp::nanos),
        duration: duration(span),
        parent: NONE,
        twin: false,
        entry: false,
        carrier: NONE,
        receipt: NONE,
        client: NONE,
        claimed: Claim::Open,
        hint: NONE,
        exclusive: None,
    }
}

fn duration(span: &Span) -> Option<i64> {
    span.duration
        .and_then(|took| i64::try_from(took.as_nanos()).ok())
}

fn is_unkinded(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Internal | SpanKind::Unspecified)
}

fn is_piece(side: &Node, span: &Span, spans: &[Span]) -> bool {
    let complete = side.start.is_some() && side.duration.is_some() && span.is_timed();
    let known = spans.get(side.span as usize);
    let alike = side.kind == span.kind || is_unkinded(side.kind) || is_unkinded(span.kind);
    alike && !complete && known.is_some_and(|known| known.origin.service == span.origin.service)
}

/// Puts a piece into its span; always true.
fn mend(side: &mut Node, span: &Span, at: u32) -> bool {
    let start = span.start.map(astern_graph_core::Timestamp::nanos);
    // Of two starts the earlier, of two durations the longer; kinds come in order, so the first is kept.
    side.start = side.start.into_iter().chain(start).min();
    side.duration = side.duration.max(duration(span));
    // Like the peer, the step is said by a piece with the kind.
    if side.kind == span.kind {
        side.step = side.step.or(span.step);
    }
    if side.status == CallStatus::Ok {
        side.status = span.status;
    }
    if span.peer.is_some() && side.peer == side.span {
        side.peer = at;
    }
    true
}

fn answers(callee: SpanKind, caller: &Node) -> bool {
    match caller.kind {
        SpanKind::Client => callee == SpanKind::Server && !caller.receives(),
        SpanKind::Producer => callee == SpanKind::Consumer,
        _ => false,
    }
}

/// A total order of spans of one id by what they hold, so that order of arrival decides nothing.
fn content(a: &Span, b: &Span) -> Ordering {
    fn key(span: &Span) -> impl Ord + '_ {
        let when = (!span.is_timed(), span.start, span.duration);
        let whose = (
            &span.origin,
            &span.name,
            span.status as u8,
            span.parent,
            span.follows,
        );
        (
            span.kind,
            when,
            whose,
            &span.peer,
            span.step,
            &span.segment,
            &span.links,
        )
    }
    key(a).cmp(&key(b))
}
