//! Writing a call out.

use std::sync::Arc;
use std::time::Duration;

use astern_graph_core::{Call, EdgeKind, Party, Timestamp};

use super::harvest::{Callee, Half};
use crate::span::Span;

/// The call of a half, with the names of its spans; `None` never happens, for places are of these spans.
pub(super) fn of(half: &Half, spans: &[Span]) -> Option<Call> {
    let span = |at: u32| spans.get(at as usize);
    let named_by = half.named_by.map(span);
    let name = |of: fn(&Span) -> Option<&Arc<str>>| named_by.into_iter().flatten().find_map(of);
    let segment = name(|span| span.segment.as_ref());
    let peer = |at: u32| span(at).and_then(|span| span.peer.as_ref());
    let (callee, kind) = match half.callee {
        Callee::Service(at) => (span(at)?.origin.party(segment), EdgeKind::Calls),
        Callee::Peer(at) => (party(peer(at)?, segment), peer(at)?.kind),
        Callee::Queue(at) => (party(peer(at)?, segment), EdgeKind::Consumes),
    };
    let mut call = Call::new(Timestamp::from_nanos(half.at), callee)
        .over(kind)
        .ended(half.status);
    call.id = (!half.is_second).then_some(half.id);
    call.caller = span(half.caller).map(|span| span.origin.party(segment));
    call.operation = name(|span| span.name.as_ref()).cloned();
    call.client = half.client.and_then(nanos);
    call.server = half.server.and_then(nanos);
    call.exclusive = half.exclusive.and_then(nanos);
    Some(call)
}

fn party(peer: &crate::span::Peer, segment: Option<&Arc<str>>) -> Party {
    let mut party = Party::new(peer.node.clone());
    party.segment = segment.cloned();
    party
}

fn nanos(nanos: i64) -> Option<Duration> {
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}
