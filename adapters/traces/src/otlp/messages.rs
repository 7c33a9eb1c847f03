//! OTLP messages that were decoded already: the generated types of `opentelemetry-proto`.

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1 as proto;

use super::{kind_of, known, linked, span_id, timed, trace_id};
use crate::attributes::{Resource, Value};
use crate::error::ParseError;
use crate::spans::{Draft, Spans};

impl Spans {
    /// Reads messages that were decoded already, such as the `resource_spans` of an
    /// `ExportTraceServiceRequest` or of `TracesData` (feature `opentelemetry-proto`).
    ///
    /// It gives the spans that [`TraceFormat::OtlpProtobuf`](crate::TraceFormat::OtlpProtobuf) gives of the same
    /// messages as bytes, and counts as one document. Ids of no bytes are zero; like times that cannot
    /// be, they are no error but counted in the [`SpanReport`](crate::SpanReport). Text is borrowed until a
    /// span is held.
    ///
    /// ```
    /// use astern_traces::{SpanParams, Spans};
    /// use opentelemetry_proto::tonic::{
    ///     common::v1::{AnyValue, KeyValue, any_value::Value},
    ///     resource::v1::Resource,
    ///     trace::v1::{ResourceSpans, ScopeSpans, Span},
    /// };
    ///
    /// // What a tonic service finds in `request.into_inner().resource_spans`.
    /// let service = Value::StringValue("cart".to_owned());
    /// let resource_spans = [ResourceSpans {
    ///     resource: Some(Resource {
    ///         attributes: vec![KeyValue {
    ///             key: "service.name".to_owned(),
    ///             value: Some(AnyValue { value: Some(service) }),
    ///             ..Default::default()
    ///         }],
    ///         ..Default::default()
    ///     }),
    ///     scope_spans: vec![ScopeSpans {
    ///         spans: vec![Span {
    ///             trace_id: vec![7; 16],
    ///             span_id: vec![1; 8],
    ///             kind: 2, // server
    ///             start_time_unix_nano: 1_000,
    ///             end_time_unix_nano: 1_090,
    ///             ..Default::default()
    ///         }],
    ///         ..Default::default()
    ///     }],
    ///     ..Default::default()
    /// }];
    ///
    /// let mut spans = Spans::new(&SpanParams::default())?;
    /// spans.read_messages(&resource_spans)?;
    /// let joined = spans.join();
    /// assert_eq!(joined.report.to_string(), "1 span to 1 call");
    /// assert_eq!(&*joined.calls[0].callee.service.name, "cart");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ParseError::Message`] when an id has bytes, but not 16 (trace) or 8 (span); then nothing of
    /// the messages is taken.
    ///
    /// # Complexity
    /// Linear in the size of the messages.
    pub fn read_messages(
        &mut self,
        resource_spans: &[proto::ResourceSpans],
    ) -> Result<(), ParseError> {
        self.whole(|spans| {
            for (resource, message) in resource_spans.iter().enumerate() {
                read_resource(resource, message, spans)?;
            }
            Ok(())
        })
    }
}

fn read_resource(
    resource: usize,
    message: &proto::ResourceSpans,
    spans: &mut Spans,
) -> Result<(), ParseError> {
    let from = spans.held();
    let segment_key = spans.params.segment_attribute.clone();
    let segment_key = segment_key.as_deref();
    for (scope, in_scope) in message.scope_spans.iter().enumerate() {
        for (span, message) in in_scope.spans.iter().enumerate() {
            let place = Place {
                resource,
                scope,
                span,
            };
            read_span(place, message, spans, segment_key)?;
        }
    }
    let mut origin = Resource::default();
    for (key, value) in message.resource.iter().flat_map(|r| pairs(&r.attributes)) {
        origin.set(key, value, segment_key);
    }
    let known = origin.origin(&mut spans.names);
    spans.settle(from, |_| known.clone());
    Ok(())
}

/// Where a span stands in what was handed over.
#[derive(Clone, Copy)]
struct Place {
    resource: usize,
    scope: usize,
    span: usize,
}

impl Place {
    fn error(self, field: String, what: &'static str) -> ParseError {
        ParseError::Message {
            resource: self.resource,
            scope: self.scope,
            span: self.span,
            field,
            what,
        }
    }
}

fn read_span(
    place: Place,
    span: &proto::Span,
    spans: &mut Spans,
    segment_key: Option<&str>,
) -> Result<(), ParseError> {
    let wrong = |field: &'static str| move |what| place.error(field.to_owned(), what);
    let mut draft = Draft {
        trace: trace_id(&span.trace_id).map_err(wrong("trace_id"))?,
        id: span_id(&span.span_id).map_err(wrong("span_id"))?,
        parent: span_id(&span.parent_span_id).map_err(wrong("parent_span_id"))?,
        kind: Some(kind_of(span.kind.into())),
        name: span.name.as_str().into(),
        start: known(span.start_time_unix_nano),
        ..Draft::default()
    };
    for (key, value) in pairs(&span.attributes) {
        draft.attributes.set(key, value, segment_key);
    }
    for (at, link) in span.links.iter().enumerate() {
        let wrong = |field| move |what| place.error(format!("links[{at}].{field}"), what);
        let trace = trace_id(&link.trace_id).map_err(wrong("trace_id"))?;
        let id = span_id(&link.span_id).map_err(wrong("span_id"))?;
        draft.links.extend(linked(trace, id));
    }
    if let Some(status) = &span.status {
        draft.attributes.outcome.status_code(status.code.into());
    }
    spans.accept(timed(draft, known(span.end_time_unix_nano)));
    Ok(())
}

/// Keys and values, of which only scalars matter.
fn pairs(attributes: &[KeyValue]) -> impl Iterator<Item = (&str, Value<'_>)> {
    attributes.iter().map(|pair| {
        use any_value::Value as Any;
        let value = match pair.value.as_ref().and_then(|any| any.value.as_ref()) {
            Some(Any::StringValue(text)) => Value::Text(text.as_str().into()),
            Some(Any::BoolValue(value)) => Value::Bool(*value),
            Some(Any::IntValue(number)) => Value::Int(*number),
            Some(Any::DoubleValue(number)) => Value::Float(*number),
            _ => Value::Other,
        };
        (pair.key.as_str(), value)
    })
}
