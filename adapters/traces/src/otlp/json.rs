//! OTLP JSON, by the mapping of protobuf to JSON that OTLP 1.x pins.

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess};

use astern_graph_core::SpanId;

use super::{kind_of, linked};
use crate::attributes::{self, Resource, Value};
use crate::error::ParseError;
use crate::format::TraceFormat;
use crate::id;
use crate::span::SpanKind;
use crate::spans::{Draft, Spans};
use astern_adapters_base::json::{Each, Fill, List, Number, Object, Text, skip};

pub(crate) fn read(bytes: &[u8], spans: &mut Spans) -> Result<(), ParseError> {
    let error = |cause| ParseError::Json {
        format: TraceFormat::OtlpJson,
        cause,
    };
    let mut read = serde_json::Deserializer::from_slice(bytes);
    loop {
        let mut request = Request {
            spans,
            recognised: false,
            other: None,
        };
        Fill(&mut request).deserialize(&mut read).map_err(error)?;
        if let (false, Some(key)) = (request.recognised, request.other) {
            let found = format!("an object with `{key}` and without `resourceSpans`");
            return Err(ParseError::NotTraces {
                format: TraceFormat::OtlpJson,
                found,
            });
        }
        // What follows is the end, or another document on a line of its own.
        if read.end().is_ok() {
            return Ok(());
        }
    }
}

struct Request<'s> {
    spans: &'s mut Spans,
    recognised: bool,
    other: Option<String>,
}

impl<'de> Object<'de> for Request<'_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        if matches!(key, "resourceSpans" | "resource_spans") {
            self.recognised = true;
            return map.next_value_seed(Each(ResourceList(self.spans)));
        }
        if self.other.is_none() {
            self.other = Some(key.chars().take(40).collect());
        }
        skip(map)
    }
}

struct ResourceList<'s>(&'s mut Spans);

impl<'de> List<'de> for ResourceList<'_> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let from = self.0.held();
        let mut one = ResourceSpans {
            spans: self.0,
            resource: Resource::default(),
        };
        let more = seq.next_element_seed(Fill(&mut one))?.is_some();
        // The resource may stand behind its spans.
        let ResourceSpans { spans, resource } = one;
        let known = resource.origin(&mut spans.names);
        spans.settle(from, |_| known.clone());
        Ok(more)
    }
}

struct ResourceSpans<'s, 'de> {
    spans: &'s mut Spans,
    resource: Resource<'de>,
}

impl<'de> Object<'de> for ResourceSpans<'_, 'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "resource" => {
                let segment_key = self.spans.params.segment_attribute.as_deref();
                let resource = &mut self.resource;
                let set = |key: &str, value| resource.set(key, value, segment_key);
                map.next_value_seed(Fill(&mut Attributed(set)))
            }
            "scopeSpans" | "scope_spans" | "instrumentationLibrarySpans" => {
                map.next_value_seed(Each(ScopeList(self.spans)))
            }
            _ => skip(map),
        }
    }
}

/// A message of which only the attributes matter.
struct Attributed<F>(F);

impl<'de, F: FnMut(&str, Value<'de>)> Object<'de> for Attributed<F> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "attributes" => map.next_value_seed(Each(KeyValues(&mut self.0))),
            _ => skip(map),
        }
    }
}

struct KeyValues<F>(F);

impl<'de, F: FnMut(&str, Value<'de>)> List<'de> for KeyValues<F> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let mut pair = KeyValue {
            key: Text::default(),
            value: AnyValue(Value::Other),
        };
        let more = seq.next_element_seed(Fill(&mut pair))?.is_some();
        if more {
            (self.0)(&pair.key.0, pair.value.0);
        }
        Ok(more)
    }
}

struct KeyValue<'de> {
    key: Text<'de>,
    value: AnyValue<'de>,
}

impl<'de> Object<'de> for KeyValue<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "key" => self.key = map.next_value()?,
            "value" => map.next_value_seed(Fill(&mut self.value))?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

struct AnyValue<'de>(Value<'de>);

impl<'de> Object<'de> for AnyValue<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "stringValue" | "string_value" | "boolValue" | "bool_value" | "doubleValue"
            | "double_value" => self.0 = map.next_value()?,
            "intValue" | "int_value" => {
                let number = map
                    .next_value::<Number>()?
                    .0
                    .and_then(|n| i64::try_from(n).ok());
                self.0 = number.map_or(Value::Other, Value::Int);
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

struct ScopeList<'s>(&'s mut Spans);

impl<'de> List<'de> for ScopeList<'_> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        Ok(seq.next_element_seed(Fill(&mut Scope(self.0)))?.is_some())
    }
}

struct Scope<'s>(&'s mut Spans);

impl<'de> Object<'de> for Scope<'_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "spans" => map.next_value_seed(Each(SpanList(self.0))),
            _ => skip(map),
        }
    }
}

struct SpanList<'s>(&'s mut Spans);

impl<'de> List<'de> for SpanList<'_> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let segment_key = self.0.params.segment_attribute.clone();
        let mut span = SpanFields {
            draft: Draft::default(),
            end: None,
            segment_key: segment_key.as_deref(),
        };
        let more = seq.next_element_seed(Fill(&mut span))?.is_some();
        if more {
            let SpanFields { draft, end, .. } = span;
            self.0.accept(super::timed(draft, end));
        }
        Ok(more)
    }
}

struct SpanFields<'de, 'k> {
    draft: Draft<'de>,
    end: Option<i128>,
    segment_key: Option<&'k str>,
}

impl<'de> Object<'de> for SpanFields<'de, '_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let draft = &mut self.draft;
        match key {
            "traceId" | "trace_id" => draft.trace = hex(map, id::hex_trace)?,
            "spanId" | "span_id" => draft.id = hex(map, id::hex_span)?,
            "parentSpanId" | "parent_span_id" => draft.parent = hex(map, id::hex_span)?,
            "name" => draft.name = map.next_value::<Text<'de>>()?.0,
            "kind" => draft.kind = Some(kind(map.next_value()?)),
            "startTimeUnixNano" | "start_time_unix_nano" => {
                draft.start = map.next_value::<Number>()?.or_none();
            }
            "endTimeUnixNano" | "end_time_unix_nano" => {
                self.end = map.next_value::<Number>()?.or_none();
            }
            "attributes" => {
                let attributes = &mut draft.attributes;
                let segment_key = self.segment_key;
                let set = |key: &str, value| attributes.set(key, value, segment_key);
                map.next_value_seed(Each(KeyValues(set)))?;
            }
            "links" => map.next_value_seed(Each(Links(&mut draft.links)))?,
            "status" => {
                let mut status = Status(Value::Other);
                map.next_value_seed(Fill(&mut status))?;
                match status.0 {
                    Value::Int(code) => draft.attributes.outcome.status_code(code),
                    Value::Text(name) => draft.attributes.outcome.status(&name),
                    _ => {}
                }
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// A hexadecimal id; none and empty are zero.
fn hex<'de, A: MapAccess<'de>, T: Default>(
    map: &mut A,
    id: fn(&[u8]) -> Option<T>,
) -> Result<T, A::Error> {
    let text: Text<'de> = map.next_value()?;
    if text.0.is_empty() {
        return Ok(T::default());
    }
    id(text.as_bytes()).ok_or_else(|| A::Error::custom("an id is not hexadecimal or too long"))
}

fn kind(value: Value<'_>) -> SpanKind {
    match value {
        Value::Int(number) => kind_of(number),
        Value::Text(name) => attributes::kind(&name).unwrap_or(SpanKind::Unspecified),
        _ => SpanKind::Unspecified,
    }
}

struct Status<'de>(Value<'de>);

impl<'de> Object<'de> for Status<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "code" => self.0 = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

struct Links<'l>(&'l mut Vec<SpanId>);

impl<'de> List<'de> for Links<'_> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let mut link = Link(SpanId::new(0, 0));
        let more = seq.next_element_seed(Fill(&mut link))?.is_some();
        self.0.extend(linked(link.0.trace, link.0.span));
        Ok(more)
    }
}

struct Link(SpanId);

impl<'de> Object<'de> for Link {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "traceId" | "trace_id" => self.0.trace = hex(map, id::hex_trace)?,
            "spanId" | "span_id" => self.0.span = hex(map, id::hex_span)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}
