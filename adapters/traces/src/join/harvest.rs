//! What becomes of each node: a call, a part of one, or a count.
//!
//! Messages go over a queue. A producer publishes to it. A consumer, or an entry right under a
//! producer, consumes from it: the consumer's own attributes name the queue, else its receipt's or its
//! producer's, else those of a span that it links to. A client span that receives consumes as well. Other
//! client spans without an answer are calls to their peer.

use astern_graph_core::{CallStatus, NodeKind, SpanId};

use super::{Claim, Key, NONE, Node, Trace};
use crate::report::SpanReport;
use crate::span::SpanKind;

/// A call before it is written out: places of spans instead of names.
#[derive(Debug)]
pub(super) struct Half {
    pub(super) at: i64,
    pub(super) id: SpanId,
    /// Whether another call has the same id: then this one goes without.
    pub(super) is_second: bool,
    /// Span of the caller's service, or none.
    pub(super) caller: u32,
    pub(super) callee: Callee,
    /// Whether it takes messages that another one may handle.
    pub(super) receives: bool,
    /// Span that names the operation, and spans that name the segment.
    pub(super) named_by: [u32; 2],
    pub(super) status: CallStatus,
    pub(super) client: Option<i64>,
    pub(super) server: Option<i64>,
    pub(super) exclusive: Option<i64>,
}

/// Who is called.
#[derive(Debug, Clone, Copy)]
pub(super) enum Callee {
    /// The service of this span.
    Service(u32),
    /// The peer of this span, over the edge that it says.
    Peer(u32),
    /// The peer of this span, from which a message was taken.
    Queue(u32),
}

impl Trace<'_> {
    /// Turns the nodes into calls and counts.
    pub(super) fn harvest(&self, keys: &[Key], halves: &mut Vec<Half>, report: &mut SpanReport) {
        for node in &self.nodes {
            let half = match node.kind {
                _ if matches!(node.claimed, Claim::Answered | Claim::Inferred) => {
                    report.merged += 1;
                    continue;
                }
                _ if node.entry => Some(self.answered(node)),
                SpanKind::Client if node.claimed == Claim::Nested => {
                    report.internal += 1;
                    continue;
                }
                SpanKind::Client if node.receives() => self
                    .queue(node, keys)
                    .map(|queue| asked(node, Callee::Queue(queue))),
                SpanKind::Client => self.unanswered(node),
                SpanKind::Producer => self.peer(node).map(|peer| asked(node, Callee::Peer(peer))),
                SpanKind::Consumer => self
                    .queue(node, keys)
                    .map(|queue| self.handled(node, queue)),
                _ => {
                    report.internal += 1;
                    continue;
                }
            };
            let Some((half, at)) = half else {
                report.unnamed_peer += 1;
                continue;
            };
            let Some(at) = at else {
                report.untimed += 1;
                continue;
            };
            let id = self.span(node).map_or(SpanId::new(0, 0), |span| span.id);
            let receives = node.receives();
            halves.push(Half {
                at,
                id,
                receives,
                ..half
            });
        }
    }

    /// The call that an entry is the callee's side of.
    fn answered(&self, node: &Node) -> (Half, Option<i64>) {
        let parent = self.node(node.parent);
        if let Some(producer) = parent.filter(|parent| parent.kind == SpanKind::Producer)
            && let Some(queue) = self.peer(producer)
        {
            return self.handled(node, queue);
        }
        let client = self.node(node.client);
        let mut half = half(node, Callee::Service(node.span));
        half.caller = client.or(parent).map_or(NONE, |caller| caller.span);
        half.server = node.duration;
        half.exclusive = node.exclusive;
        if let Some(client) = client {
            half.client = client.duration;
            half.named_by = [node.span, client.span];
            if node.status == CallStatus::Ok {
                half.status = client.status;
            }
        }
        (half, client.and_then(|client| client.start).or(node.start))
    }

    /// The call of a client span that no server span answers.
    fn unanswered(&self, node: &Node) -> Option<(Half, Option<i64>)> {
        let called = self.node(node.hint).map(|hint| Callee::Service(hint.span));
        let callee = called.or_else(|| self.peer(node).map(Callee::Peer))?;
        Some(asked(node, callee))
    }

    /// The handling of a message from the queue that a span names as its peer.
    fn handled(&self, node: &Node, queue: u32) -> (Half, Option<i64>) {
        let mut half = half(node, Callee::Queue(queue));
        half.caller = node.span;
        half.server = node.duration;
        half.exclusive = node.exclusive;
        let producer = self.node(node.parent).filter(|_| node.twin);
        half.is_second = producer.is_some_and(|producer| self.peer(producer).is_some());
        let received = self.node(node.client).and_then(|receipt| receipt.start);
        (half, node.start.or(received))
    }

    /// Place of the span that names a node's peer.
    fn peer(&self, node: &Node) -> Option<u32> {
        self.spans
            .get(node.peer as usize)?
            .peer
            .as_ref()
            .map(|_| node.peer)
    }

    /// Place of the span that names the queue a consumer takes from.
    fn queue(&self, node: &Node, keys: &[Key]) -> Option<u32> {
        let parent = self
            .node(node.parent)
            .filter(|parent| parent.kind == SpanKind::Producer);
        let receipt = self.node(node.client);
        let near = self.peer(node).or_else(|| self.peer(receipt.or(parent)?));
        near.or_else(|| {
            self.span(node)?
                .links
                .iter()
                .find_map(|link| self.linked(*link, keys))
        })
    }

    /// Place of a producer span by its id, in any trace, if it names a queue.
    fn linked(&self, id: SpanId, keys: &[Key]) -> Option<u32> {
        let from = keys.partition_point(|key| (key.trace, key.id) < (id.trace, id.span));
        let named = keys.get(from..)?.iter();
        let mut named = named
            .take_while(|key| (key.trace, key.id) == (id.trace, id.span))
            .take(2);
        let queue = named.find(|key| {
            let peer = self
                .spans
                .get(key.at as usize)
                .and_then(|span| span.peer.as_ref());
            peer.is_some_and(|peer| peer.node.kind == NodeKind::Queue)
        })?;
        Some(queue.at)
    }
}

/// A call as its caller saw it.
fn asked(node: &Node, callee: Callee) -> (Half, Option<i64>) {
    let mut half = half(node, callee);
    half.caller = node.span;
    half.client = node.duration;
    (half, node.start)
}

fn half(node: &Node, callee: Callee) -> Half {
    Half {
        at: 0,
        id: SpanId::new(0, 0),
        is_second: false,
        caller: NONE,
        callee,
        receives: false,
        named_by: [node.span; 2],
        status: node.status,
        client: None,
        server: None,
        exclusive: None,
    }
}
