//! Spans and calls in few words.

use std::sync::Arc;
use std::time::Duration;

use astern_graph_core::{Call, SpanId, Timestamp};
use astern_traces::{Decoded, Origin, Span, SpanKind, SpanParams, Spans};

/// A span of trace 1: `at` and `took` in nanoseconds, parent 0 is none.
pub(crate) fn span(
    id: u64,
    parent: u64,
    kind: SpanKind,
    service: &str,
    at: i64,
    took: u64,
) -> Span {
    let mut span = Span::new(SpanId::new(1, id), kind, Arc::new(Origin::new(service)));
    span.parent = (parent != 0).then_some(parent);
    span.named(format!("op{id}"))
        .took(Timestamp::from_nanos(at), Duration::from_nanos(took))
}

pub(crate) fn join_with(params: &SpanParams, list: impl IntoIterator<Item = Span>) -> Decoded {
    let mut spans = Spans::new(params).unwrap();
    list.into_iter().for_each(|span| spans.push(span));
    spans.join()
}

pub(crate) fn join(list: impl IntoIterator<Item = Span>) -> Decoded {
    join_with(&SpanParams::default(), list)
}

/// A call as one line: `caller -kind-> callee client/server/exclusive status`.
pub(crate) fn line(call: &Call) -> String {
    let nanos = |took: Option<Duration>| took.map_or("-".to_owned(), |t| t.as_nanos().to_string());
    let caller = call
        .caller
        .as_ref()
        .map_or("-".to_owned(), |party| party.service.to_string());
    format!(
        "{caller} {} {} {}/{}/{} {:?}",
        call.kind,
        call.callee.service,
        nanos(call.client),
        nanos(call.server),
        nanos(call.exclusive),
        call.status,
    )
}

pub(crate) fn lines(decoded: &Decoded) -> Vec<String> {
    decoded.calls.iter().map(line).collect()
}
