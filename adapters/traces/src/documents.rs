//! Documents of any format: the one place that knows every codec.

use crate::error::ParseError;
use crate::format::TraceFormat;
use crate::params::SpanParams;
use crate::spans::{Decoded, Spans};
use crate::{csv, jaeger, otlp, zipkin};

impl Spans {
    /// Reads the spans of a document.
    ///
    /// # Errors
    /// [`ParseError`] when it is not of the format; then nothing of it is taken.
    ///
    /// # Complexity
    /// Linear in the size of the document.
    pub fn read(&mut self, format: TraceFormat, bytes: &[u8]) -> Result<(), ParseError> {
        self.whole(|spans| match format {
            TraceFormat::Jaeger => jaeger::read(bytes, spans),
            TraceFormat::Zipkin => zipkin::read(bytes, spans),
            TraceFormat::OtlpJson => otlp::json::read(bytes, spans),
            TraceFormat::OtlpProtobuf => otlp::protobuf::read(bytes, spans),
            TraceFormat::Csv => csv::read(bytes, spans),
        })
    }
}

/// Decodes a document and joins its spans.
///
/// A trace that lies in several documents is joined by [`Spans`].
///
/// # Errors
/// [`ParseError`] when it is not of the format, or when a parameter breaks its rule.
pub fn decode(
    format: TraceFormat,
    bytes: &[u8],
    params: &SpanParams,
) -> Result<Decoded, ParseError> {
    let mut spans = Spans::new(params)?;
    spans.read(format, bytes)?;
    Ok(spans.join())
}
