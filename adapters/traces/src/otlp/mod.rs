//! OTLP traces: as JSON, as protobuf, and as messages that were decoded already.
//!
//! JSON and protobuf read an `ExportTraceServiceRequest` or `TracesData` (they are the same on the wire): resource
//! spans, scope spans, spans. Ids in JSON are hexadecimal, enumerations are numbers or names, and one
//! file may hold a document a line, as the collector's file exporter writes them.
//!
//! - A time of zero is not known. Links that are the parent are dropped.
//! - A JSON document without `resourceSpans` is refused, such as one of logs or metrics; `{}` is the
//!   empty request. Protobuf has no names: logs and metrics read as spans of services without ids, all
//!   counted, or are refused where their shape differs.
//!
//! Protobuf is read from the wire and not by generated types: those would turn two bytes of an empty
//! message into hundreds, could not say at which byte a document is wrong, and would bring an SDK
//! along. The tests compare it with the generated types of the `opentelemetry-proto` crate.
//!
//! With the feature `opentelemetry-proto`, `Spans::read_messages` takes those types as they are: a
//! receiver built on tonic has them in hand. They give the spans that their bytes would give.

pub(crate) mod json;
#[cfg(feature = "opentelemetry-proto")]
mod messages;
pub(crate) mod protobuf;
mod wire;

/// The crate of the types that [`Spans::read_messages`](crate::Spans::read_messages) takes, in the
/// version that it takes.
#[cfg(feature = "opentelemetry-proto")]
pub use opentelemetry_proto;

use astern_graph_core::SpanId;

use crate::error::ParseError;
use crate::id;
use crate::params::SpanParams;
use crate::spans::{Decoded, Draft, Spans};

/// Decodes a JSON document and joins its spans.
///
/// # Errors
/// [`ParseError`] when it is no such document, or when a parameter breaks its rule.
pub fn decode_json(bytes: &[u8], params: &SpanParams) -> Result<Decoded, ParseError> {
    Spans::of_document(params, |spans| json::read(bytes, spans))
}

/// Decodes a protobuf document and joins its spans.
///
/// # Errors
/// [`ParseError`] when it is no such document, or when a parameter breaks its rule.
pub fn decode_protobuf(bytes: &[u8], params: &SpanParams) -> Result<Decoded, ParseError> {
    Spans::of_document(params, |spans| protobuf::read(bytes, spans))
}

/// The kind of a span by its number; unknown numbers say nothing.
fn kind_of(number: i64) -> crate::span::SpanKind {
    use crate::span::SpanKind;
    match number {
        1 => SpanKind::Internal,
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Unspecified,
    }
}

/// A trace id on the wire: 16 bytes, big end first; none is zero.
fn trace_id(bytes: &[u8]) -> Result<u128, &'static str> {
    big_endian(bytes)
        .map(u128::from_be_bytes)
        .ok_or("a trace id does not have 16 bytes")
}

/// A span id on the wire: 8 bytes, big end first; none is zero.
fn span_id(bytes: &[u8]) -> Result<u64, &'static str> {
    big_endian(bytes)
        .map(u64::from_be_bytes)
        .ok_or("a span id does not have 8 bytes")
}

fn big_endian<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    if bytes.is_empty() {
        return Some([0; N]);
    }
    bytes.try_into().ok()
}

/// The span that a link names, if it does.
fn linked(trace: u128, span: u64) -> Option<SpanId> {
    (trace != 0 && span != 0).then_some(SpanId::new(trace, span))
}

/// A time in nanoseconds; zero is not known.
fn known(nanos: u64) -> Option<i128> {
    (nanos != 0).then_some(nanos.into())
}

/// The draft with its duration; an end without a start says nothing.
fn timed(mut draft: Draft<'_>, end: Option<i128>) -> Draft<'_> {
    draft.duration = draft.start.zip(end).map(|(start, end)| end - start);
    let (trace, parent) = (draft.trace, draft.parent);
    let is_parent = |link: &SpanId| link.span == parent && id::is_same_trace(link.trace, trace);
    draft.links.retain(|link| !is_parent(link));
    draft
}
