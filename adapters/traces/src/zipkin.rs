//! Zipkin v2 JSON: a list of spans, or a list of such lists (`/api/v2/trace/…`, `/api/v2/traces`).
//!
//! - A server span may share the id of its client span: [the join](crate#the-rules) distinguishes the two.
//! - A span without a kind is local, so [`Internal`](crate::SpanKind::Internal).
//! - Times are microseconds, zero is not known. A span may come in pieces.
//! - The remote endpoint's service is the peer, else its address.
//! - Zipkin v1 (`binaryAnnotations`) is refused.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::attributes::{Attributes, Value, kind};
use crate::error::ParseError;
use crate::format::TraceFormat;
use crate::id;
use crate::params::SpanParams;
use crate::span::SpanKind;
use crate::spans::{Decoded, Draft, Spans};
use astern_adapters_base::json::{Each, Fill, List, Number, Object, Text, skip};

/// Decodes a document and joins its spans.
///
/// # Errors
/// [`ParseError`] when it is no such document, or when a parameter breaks its rule.
pub fn decode(bytes: &[u8], params: &SpanParams) -> Result<Decoded, ParseError> {
    Spans::of_document(params, |spans| read(bytes, spans))
}

pub(crate) fn read(bytes: &[u8], spans: &mut Spans) -> Result<(), ParseError> {
    let mut read = serde_json::Deserializer::from_slice(bytes);
    let list = Each(SpanList { spans, lists: true });
    let done = list.deserialize(&mut read).and_then(|()| read.end());
    done.map_err(|cause| ParseError::Json {
        format: TraceFormat::Zipkin,
        cause,
    })
}

/// A list of spans; the outermost may hold lists as well.
struct SpanList<'s> {
    spans: &'s mut Spans,
    lists: bool,
}

impl<'de> List<'de> for SpanList<'_> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let element = Element {
            spans: self.spans,
            lists: self.lists,
        };
        Ok(seq.next_element_seed(element)?.is_some())
    }
}

struct Element<'s> {
    spans: &'s mut Spans,
    lists: bool,
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.lists {
            "a span or a list of spans"
        } else {
            "a span"
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if !self.lists {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Seq, &self));
        }
        let mut inner = SpanList {
            spans: self.spans,
            lists: false,
        };
        while inner.element(&mut seq)? {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let segment_key = self.spans.params.segment_attribute.clone();
        let mut span = SpanFields {
            draft: Draft::default(),
            service: Text::default(),
            segment_key: segment_key.as_deref(),
        };
        Fill(&mut span).visit_map(map)?;
        let SpanFields {
            mut draft, service, ..
        } = span;
        draft.kind = draft.kind.or(Some(SpanKind::Internal));
        let from = self.spans.held();
        if self.spans.accept(draft) {
            let Spans { origins, names, .. } = &mut *self.spans;
            let origin = origins.of_service(&service.0, names);
            self.spans
                .settle(from, |_| origin.clone().map(|origin| (origin, None)));
        }
        Ok(())
    }
}

struct SpanFields<'de, 'k> {
    draft: Draft<'de>,
    service: Text<'de>,
    segment_key: Option<&'k str>,
}

const NANOS_PER_MICRO: i128 = 1_000;

impl<'de> Object<'de> for SpanFields<'de, '_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let draft = &mut self.draft;
        let micros = |number: Number| number.or_none().map(|n| n.saturating_mul(NANOS_PER_MICRO));
        match key {
            "traceId" => draft.trace = or_zero(&map.next_value()?, id::text_trace),
            "id" => draft.id = or_zero(&map.next_value()?, id::text_span),
            "parentId" => draft.parent = or_zero(&map.next_value()?, id::text_span),
            "kind" => {
                let Text(name) = map.next_value()?;
                draft.kind = kind(&name);
                if draft.kind.is_none() && !name.is_empty() {
                    return Err(A::Error::custom("`kind` is none of Zipkin's"));
                }
            }
            "name" => draft.name = map.next_value::<Text<'de>>()?.0,
            "timestamp" => draft.start = micros(map.next_value()?),
            "duration" => draft.duration = micros(map.next_value()?),
            "localEndpoint" => {
                let mut endpoint = Endpoint::default();
                map.next_value_seed(Fill(&mut endpoint))?;
                self.service = endpoint.service;
            }
            "remoteEndpoint" => {
                let mut endpoint = Endpoint::default();
                map.next_value_seed(Fill(&mut endpoint))?;
                if endpoint.service.0.is_empty() {
                    draft.attributes.peer.endpoint(endpoint.address.0);
                } else {
                    draft.attributes.peer.service = Some(endpoint.service.0);
                }
            }
            "tags" => {
                let attributes = &mut draft.attributes;
                map.next_value_seed(Fill(&mut Tags {
                    attributes,
                    segment_key: self.segment_key,
                }))?;
            }
            "binaryAnnotations" => return Err(A::Error::custom("this is Zipkin v1; v2 is read")),
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// The id in a text; zero where there is none.
fn or_zero<T: Default>(text: &Text<'_>, id: fn(&[u8]) -> T) -> T {
    if text.0.is_empty() {
        T::default()
    } else {
        id(text.as_bytes())
    }
}

#[derive(Default)]
struct Endpoint<'de> {
    service: Text<'de>,
    address: Text<'de>,
}

impl<'de> Object<'de> for Endpoint<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "serviceName" => self.service = map.next_value()?,
            "ipv4" => self.address = map.next_value()?,
            "ipv6" => {
                let address: Text<'de> = map.next_value()?;
                if self.address.0.is_empty() {
                    self.address = address;
                }
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

struct Tags<'t, 'k, 'de> {
    attributes: &'t mut Attributes<'de>,
    segment_key: Option<&'k str>,
}

impl<'de> Object<'de> for Tags<'_, '_, 'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let value: Value<'de> = map.next_value()?;
        // The endpoint's name is Zipkin's own way to say it; the kind is a field.
        if key != "peer.service" && key != "span.kind" {
            self.attributes.set(key, value, self.segment_key);
        } else if key == "peer.service" && self.attributes.peer.service.is_none() {
            self.attributes.peer.service = match value {
                Value::Text(text) => Some(text).filter(|text: &Cow<'_, str>| !text.is_empty()),
                _ => None,
            };
        }
        Ok(())
    }
}
