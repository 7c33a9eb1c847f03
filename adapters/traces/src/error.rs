//! What can be wrong with a document, and where in it.

use astern_graph_core::visible;
use astern_stats::ParamError;

use crate::format::TraceFormat;

/// A document that cannot be read. Nothing of it was taken.
///
/// A span that is well-formed but makes no sense (it ends before it starts, its id is zero) is no
/// error: it is left out and counted in the [`SpanReport`](crate::SpanReport).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Not JSON, or not of the format's shape; the cause names line and column.
    #[error("{format}: {cause}")]
    Json {
        /// The format that was expected.
        format: TraceFormat,
        /// The parser's message.
        cause: serde_json::Error,
    },
    /// Well-formed, but no document of traces.
    #[error("not {format} traces: {}", visible(.found))]
    NotTraces {
        /// The format that was expected.
        format: TraceFormat,
        /// What was found instead.
        found: String,
    },
    /// Not protobuf, or not of the format's shape.
    #[error("OTLP protobuf, byte {offset}: {what}")]
    Wire {
        /// Offset from the start of the document, in bytes.
        offset: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// A field of a decoded OTLP message is not what it must be (feature `opentelemetry-proto`).
    #[cfg(feature = "opentelemetry-proto")]
    #[error(
        "OTLP messages, resource_spans[{resource}].scope_spans[{scope}].spans[{span}].{field}: {what}"
    )]
    Message {
        /// Place of the resource in what was handed over, from 0.
        resource: usize,
        /// Place of the scope in its resource.
        scope: usize,
        /// Place of the span in its scope.
        span: usize,
        /// The field of the span, such as `trace_id` or `links[2].span_id`.
        field: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Not CSV; the cause names line and record.
    #[error("CSV: {cause}")]
    Csv {
        /// The parser's message.
        cause: csv::Error,
    },
    /// A column of the CSV header is missing.
    #[error("CSV: the header has no column `{column}`")]
    MissingColumn {
        /// The column that is needed.
        column: &'static str,
    },
    /// A field of a CSV record is not what its column holds.
    #[error("CSV, line {line}, column `{column}`: `{}` is not {expected}", visible(.value))]
    Field {
        /// Line in the document, from 1.
        line: u64,
        /// Name of the column.
        column: &'static str,
        /// The start of the field.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// The bytes are of no format that this crate reads.
    #[error("of no known format: neither JSON with spans, nor CSV with a header, nor protobuf")]
    UnknownFormat,
    /// A parameter broke its rule.
    #[error(transparent)]
    Param(#[from] ParamError),
}
