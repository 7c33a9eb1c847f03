//! Spans to calls: one rule a file, one trace at a time once their ids are whole (halves).
//!
//! ```text
//! spans of a trace ─ twins ─► one node a span ─ parents ─► forest ─ sides ─► who answers whom
//!    ─ skew ─► aligned clocks ─ exclusive ─► self time ─ harvest ─► halves ─ messages ─► calls
//! ```
//!
//! Each step is linear in the trace but for its sorts, whatever shape the parents have.

mod call;
mod exclusive;
mod halves;
mod harvest;
mod messages;
mod parents;
mod sides;
mod skew;
mod twins;

use astern_graph_core::{Call, CallStatus};

use crate::params::SpanParams;
use crate::report::SpanReport;
use crate::span::{MessageStep, Origin, Span, SpanKind};

/// No such node.
const NONE: u32 = u32::MAX;

/// One span in the order of its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    trace: u128,
    id: u64,
    /// Place among the spans.
    at: u32,
}

/// What became of a client's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// Nothing yet.
    Open,
    /// Another one of the same service runs under it: that one is the call.
    Nested,
    /// An entry answers it, or what it received is processed.
    Answered,
    /// The same, and it is a span without a kind.
    Inferred,
}

/// One span of the trace at hand, after its duplicates and pieces were put together.
#[derive(Debug)]
struct Node {
    id: u64,
    /// Place of its span, and of the piece of it that names the peer.
    span: u32,
    peer: u32,
    kind: SpanKind,
    step: Option<MessageStep>,
    status: CallStatus,
    /// Nanoseconds since the Unix epoch, and nanoseconds.
    start: Option<i64>,
    duration: Option<i64>,
    /// The node that caused it.
    parent: u32,
    /// Whether it shares its id with the other side of the call, its parent.
    twin: bool,
    /// Whether it is the callee's side of a call, seen or inferred.
    entry: bool,
    /// The client span that it runs under, with only spans of its own service between.
    carrier: u32,
    /// The receipt of messages that it is, or runs under with only spans of its own service between.
    receipt: u32,
    /// Of an entry: the client's side of its call. Of what consumes messages: their receipt.
    client: u32,
    /// What became of it, if it is a client's side.
    claimed: Claim,
    /// Of a client's side: a span of another service under it that is no entry.
    hint: u32,
    /// Of an entry or a consumer: nanoseconds in which it did not wait.
    exclusive: Option<i64>,
}

/// The trace at hand; its memory is used again for the next.
#[derive(Debug)]
struct Trace<'s> {
    spans: &'s [Span],
    params: &'s SpanParams,
    nodes: Vec<Node>,
    /// Nodes, each behind its parent.
    parents_first: Vec<u32>,
    /// Number of children of each node.
    children: Vec<u32>,
}

impl<'s> Trace<'s> {
    fn node(&self, at: u32) -> Option<&Node> {
        self.nodes.get(at as usize)
    }

    fn node_mut(&mut self, at: u32) -> Option<&mut Node> {
        self.nodes.get_mut(at as usize)
    }

    fn span(&self, node: &Node) -> Option<&'s Span> {
        self.spans.get(node.span as usize)
    }

    fn origin(&self, node: &Node) -> Option<&'s Origin> {
        self.span(node).map(|span| &*span.origin)
    }

    /// Whether both are of one service.
    fn is_local(&self, a: &Node, b: &Node) -> bool {
        match (self.origin(a), self.origin(b)) {
            (Some(a), Some(b)) => std::ptr::eq(a, b) || a.service == b.service,
            _ => false,
        }
    }
}

/// Joins spans to calls, by time, then by span.
pub(crate) fn join(spans: &mut [Span], params: &SpanParams, report: &mut SpanReport) -> Vec<Call> {
    report.half_trace_ids += halves::complete(spans);
    let spans = &*spans;
    let mut keys: Vec<Key> = spans
        .iter()
        .zip(0_u32..)
        .map(|(span, at)| Key {
            trace: span.id.trace,
            id: span.id.span,
            at,
        })
        .collect();
    keys.sort_unstable();
    let mut halves = Vec::with_capacity(spans.len() / 2);
    let mut trace = Trace {
        spans,
        params,
        nodes: Vec::new(),
        parents_first: Vec::new(),
        children: Vec::new(),
    };
    for group in keys.chunk_by(|a, b| a.trace == b.trace) {
        trace.gather(group, report);
        trace.link(report);
        trace.pair(report);
        if params.adjust_skew {
            trace.align(report);
        }
        trace.own_time();
        trace.harvest(&keys, &mut halves, report);
    }
    halves.sort_unstable_by_key(|half| (half.at, half.id, half.is_second));
    messages::fold(&mut halves, spans, report);
    let mut calls = Vec::with_capacity(halves.len());
    calls.extend(halves.iter().filter_map(|half| call::of(half, spans)));
    report.calls += calls.len() as u64;
    calls
}
