#![doc = include_str!("../README.md")]
//!
//! Pure functions: no clock, no IO, no async runtime. The same bytes give the same calls, and the order
//! in which spans come decides nothing.
//!
//! # Formats
//!
//! | format | module | a span names | |
//! |---|---|---|---|
//! | Jaeger query JSON | [`jaeger`] | `processID`, tags | the API's answer, or traces alone |
//! | Zipkin v2 JSON | [`zipkin`] | endpoints, tags | lists of spans, lists of lists |
//! | OTLP JSON | [`otlp`] | resource, attributes | one document, or one a line |
//! | OTLP protobuf | [`otlp`] | resource, attributes | `ExportTraceServiceRequest`, `TracesData` |
//! | OTLP messages | [`otlp`] | resource, attributes | decoded already; feature `opentelemetry-proto` |
//! | CSV | [`csv`](mod@csv) | pod | the columns of the Nezha data set |
//! | your own | [`Spans::push`] | what you say | |
//!
//! [`TraceFormat::recognise`] distinguishes them. A document that is none of its format is refused with a
//! [`ParseError`] that says where; then nothing of it is taken. A span that is well-formed but cannot be
//! is left out and counted in the [`SpanReport`].
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `opentelemetry-proto` | off | `Spans::read_messages`: OTLP messages as an OTLP receiver built on tonic has them, in the types of the crate of that name, which is exported again as `otlp::opentelemetry_proto`; no transport |
//!
//! # The rules
//!
//! Spans of all documents that were read into one [`Spans`] are joined trace by trace. A trace id of 64
//! bits is the lower half of the one longer id that ends in it, if there is one.
//!
//! **Sides.** A client span and the server span under it become one call with both durations; the
//! operation and the id are the server's. A Zipkin server span may share its client's id. Spans inside
//! a service (internal, or without a kind) are walked through. Where a span's parent is in another
//! service and is no client span, it is a call from that service of which the caller's side is not seen.
//! A root server span is a call from outside. Of client spans of one service under one another the
//! innermost is the call. Formats without kinds are judged by services alone; there, a span with one
//! child, which is in another service, is taken for that call's client span
//! ([`SpanParams::infer_clients`]). A client span without an answer is a call to the peer that it names:
//! a service, a database or cache (`Reads`, `Writes` or `Calls` by the operation), or something external.
//! The call begins when its client's side does, else its server's.
//!
//! **Messages.** A producer publishes to a queue, a consumer consumes from it, with the time it took to
//! handle the message as the `server` duration. The queue is named by the span, else by its parent, else
//! by a span that it links to. Nobody waits for a message. A span that only receives messages, a client or
//! a consumer by OpenTelemetry's `messaging.operation` (or `.type`, `.name`), is the first step of what
//! consumes from the same queue under it, or of what the same process consumes later with the same link,
//! producer or parent; a receipt that nothing follows is a consumption too. Each span that processes is one,
//! also of a batch. Settling a message calls the queue.
//!
//! **Self time** (`exclusive`) is a server or consumer span's duration less the union of the calls that
//! it made, cut to the span; unknown where the time of one of them is.
//!
//! **Status.** The server's, unless it saw nothing wrong and the client did. HTTP 5xx and the codes of
//! gRPC, Connect, Dubbo and JSON-RPC for failures of the server are `Error`; HTTP 4xx and their other
//! codes `ClientError`, on either side, under old and new names of the attribute, as number or name; an
//! OTLP status `Ok` goes before both; then an `error` tag or status.
//!
//! **Clock skew.** A server span that does not fit into its client span on another host is centred in
//! it, or, when it is longer, moved to the client's start if it began before. What runs under it shifts
//! along; durations never change ([`SpanParams::adjust_skew`]).
//!
//! **Parties.** Instance: `service.instance.id`, `k8s.pod.name`, `container.id`. Host: `k8s.node.name`,
//! `host.name`, `hostname`. Revision: `service.version`. Segment: the attribute of
//! [`SpanParams::segment_attribute`], of the span, else of its resource.
//!
//! **Faults.** A parent that is not there leaves an orphan without a caller. Circles of parents are cut
//! at their earliest span. Equal spans are duplicates; pieces of one span are put together; others with
//! the same id are conflicting, and one is kept. A span that ends before it starts keeps its place and
//! its start; how long it took is not known, nor the self time of its caller. Zero ids and times outside
//! the years 1677 to 2262 are left out. All of it is counted.
//!
//! # Memory and time
//!
//! Decoding and joining hold at most 40 times the size of a document (CSV: 100 times, its spans are the
//! shortest), plus 64 KiB, whatever is in it: a test measures it on documents made for the purpose.
//! JSON is read to a depth of 128, protobuf to that of its messages. Joining is `O(n log n)` in the
//! number of spans, whatever shape their parents have.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod attributes;
pub mod csv;
mod documents;
mod error;
mod format;
mod id;
mod intern;
pub mod jaeger;
mod join;
pub mod otlp;
mod params;
mod report;
mod span;
mod spans;
pub mod zipkin;

pub use documents::decode;
pub use error::ParseError;
pub use format::{TraceFormat, UnknownFormat};
pub use params::SpanParams;
pub use report::SpanReport;
pub use span::{MessageStep, Origin, Peer, Span, SpanKind};
pub use spans::{Decoded, Spans};
