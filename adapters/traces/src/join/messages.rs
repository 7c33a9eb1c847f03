//! One message is consumed once, although it is received and then processed.
//!
//! A client library records the *receipt* ([`MessageStep::Receive`](crate::MessageStep)), with the
//! time that it waited for messages; what handles them records another span. The receipt is then
//! the first step of that consumption, and no call of its own. A receipt that nothing follows is one.
//!
//! - What runs under a receipt, through internal spans of its service, and consumes from the same queue
//!   follows it: a consumer span, another receipt, and there also a server span, and a span without a kind
//!   or internal that says that it processes messages.
//! - Elsewhere the two name the same *context*: the span that sent the message, or a span above both.
//!   A consumption names itself, its links and its parent; a receipt with links has no need of its parent.
//!   Of one process, one queue and one context, each consumption takes the latest receipt before it that
//!   no other took, so that a second delivery of a message counts again.

use std::collections::BTreeSet;

use astern_graph_core::{NodeKey, SpanId};

use super::harvest::{Callee, Half};
use super::{Claim, NONE, Node, Trace};
use crate::report::SpanReport;
use crate::span::{MessageStep, Origin, Span, SpanKind};

impl Node {
    /// Whether it takes messages that others may handle.
    pub(super) fn receives(&self) -> bool {
        let takes = matches!(self.kind, SpanKind::Client | SpanKind::Consumer);
        takes && self.step == Some(MessageStep::Receive)
    }
}

impl Trace<'_> {
    /// Gives a node the receipt that it follows, its parent's being known.
    pub(super) fn follow(&mut self, at: u32) {
        let Some(node) = self.node(at) else {
            return;
        };
        let parent = self.node(node.parent);
        let local = parent.filter(|parent| self.is_local(parent, node));
        let above = local.map_or(NONE, |parent| parent.receipt);
        let follows = self
            .node(above)
            .is_some_and(|receipt| self.same_queue(receipt, node));
        let unkinded = matches!(node.kind, SpanKind::Internal | SpanKind::Unspecified);
        let processes = unkinded && node.step == Some(MessageStep::Process);
        let kind = if follows && (processes || node.kind == SpanKind::Server) {
            SpanKind::Consumer
        } else {
            node.kind
        };
        let receives = node.receives();
        let receipt = match kind {
            _ if receives => at,
            SpanKind::Internal | SpanKind::Unspecified => above,
            _ => NONE,
        };
        let is_next = follows && (receives || kind == SpanKind::Consumer);
        if let Some(node) = self.node_mut(at) {
            (node.kind, node.receipt) = (kind, receipt);
            if is_next {
                node.client = above;
            }
        }
        if let Some(receipt) = self.node_mut(above).filter(|_| is_next) {
            receipt.claimed = Claim::Answered;
        }
    }

    /// Whether two nodes may be about one queue: not where they name two.
    fn same_queue(&self, a: &Node, b: &Node) -> bool {
        let queue = |node: &Node| self.spans.get(node.peer as usize)?.peer.as_ref();
        match (queue(a), queue(b)) {
            (Some(a), Some(b)) => a.node == b.node,
            _ => true,
        }
    }
}

/// A consumption in one of its contexts, ordered by context, process, queue, then time.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Event<'s> {
    context: SpanId,
    origin: &'s Origin,
    queue: &'s NodeKey,
    at: i64,
    /// A receipt comes before what starts at the same time.
    handles: bool,
    half: usize,
}

/// Leaves out receipts of messages that another span handles. The order of `halves` is kept.
pub(super) fn fold(halves: &mut Vec<Half>, spans: &[Span], report: &mut SpanReport) {
    if !halves.iter().any(|half| half.receives) {
        return;
    }
    let each = halves.iter().enumerate();
    let mut events: Vec<Event<'_>> = each
        .flat_map(|(at, half)| events(half, at, spans).into_iter().flatten())
        .collect();
    events.sort_unstable();
    let mut followed = BTreeSet::new();
    let one = |a: &Event<'_>, b: &Event<'_>| {
        (a.context, a.origin, a.queue) == (b.context, b.origin, b.queue)
    };
    let mut open = Vec::new();
    for group in events.chunk_by(one) {
        open.clear();
        for event in group {
            if event.handles {
                followed.extend(open.pop());
            } else {
                open.push(event.half);
            }
        }
    }
    report.merged += followed.len() as u64;
    let mut at = 0;
    halves.retain(|_| {
        at += 1;
        !followed.contains(&(at - 1))
    });
}

/// A half in each of its contexts; `None` where it consumes nothing.
fn events<'s>(
    half: &Half,
    at: usize,
    spans: &'s [Span],
) -> Option<impl Iterator<Item = Event<'s>>> {
    let Callee::Queue(queue) = half.callee else {
        return None;
    };
    let queue = &spans.get(queue as usize)?.peer.as_ref()?.node;
    let span = spans.get(half.caller as usize)?;
    let needs_parent = !half.receives || span.links.is_empty() || span.follows;
    let parent = span.parent.filter(|_| needs_parent);
    let parent = parent.map(|parent| SpanId::new(span.id.trace, parent));
    let links = span.links.iter().copied();
    let contexts = std::iter::once(span.id).chain(parent).chain(links);
    let (time, handles) = (half.at, !half.receives);
    Some(contexts.map(move |context| Event {
        context,
        origin: &span.origin,
        queue,
        at: time,
        handles,
        half: at,
    }))
}
