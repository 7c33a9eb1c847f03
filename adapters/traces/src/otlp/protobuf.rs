//! OTLP protobuf: field numbers of `opentelemetry.proto.trace.v1` (1.x).

use astern_graph_core::SpanId;

use super::wire::{Message, Value as Wire};
use super::{kind_of, known, linked};
use crate::attributes::{Resource, Value};
use crate::error::ParseError;
use crate::spans::{Draft, Spans};

pub(crate) fn read(bytes: &[u8], spans: &mut Spans) -> Result<(), ParseError> {
    let mut request = Message::new(bytes);
    while let Some((number, value)) = request.next()? {
        if let (1, Wire::Bytes(message)) = (number, value) {
            resource_spans(message, spans)?;
        }
    }
    Ok(())
}

fn resource_spans<'a>(mut message: Message<'a>, spans: &mut Spans) -> Result<(), ParseError> {
    let from = spans.held();
    let segment_key = spans.params.segment_attribute.clone();
    let mut resource = Resource::default();
    while let Some((number, value)) = message.next()? {
        match (number, value) {
            (1, Wire::Bytes(mut message)) => {
                let mut set = |key: &str, value: Value<'a>| {
                    resource.set(key, value, segment_key.as_deref());
                };
                while let Some((number, value)) = message.next()? {
                    if let (1, Wire::Bytes(pair)) = (number, value) {
                        key_value(pair, &mut set)?;
                    }
                }
            }
            (2, Wire::Bytes(mut message)) => {
                while let Some((number, value)) = message.next()? {
                    if let (2, Wire::Bytes(message)) = (number, value) {
                        span(message, spans, segment_key.as_deref())?;
                    }
                }
            }
            _ => {}
        }
    }
    let known = resource.origin(&mut spans.names);
    spans.settle(from, |_| known.clone());
    Ok(())
}

fn span(
    mut message: Message<'_>,
    spans: &mut Spans,
    segment_key: Option<&str>,
) -> Result<(), ParseError> {
    let mut draft = Draft::default();
    let mut end = None;
    while let Some((number, value)) = message.next()? {
        match (number, value) {
            (1, Wire::Bytes(id)) => draft.trace = trace_id(id)?,
            (2, Wire::Bytes(id)) => draft.id = span_id(id)?,
            (4, Wire::Bytes(id)) => draft.parent = span_id(id)?,
            (5, Wire::Bytes(name)) => draft.name = name.text()?.into(),
            (6, Wire::Varint(kind)) => draft.kind = Some(kind_of(enumeration(kind))),
            (7, Wire::Fixed64(nanos)) => draft.start = known(nanos),
            (8, Wire::Fixed64(nanos)) => end = known(nanos),
            (9, Wire::Bytes(pair)) => {
                let attributes = &mut draft.attributes;
                key_value(pair, &mut |key: &str, value| {
                    attributes.set(key, value, segment_key);
                })?;
            }
            (13, Wire::Bytes(link)) => draft.links.extend(link_id(link)?),
            (15, Wire::Bytes(mut status)) => {
                while let Some((number, value)) = status.next()? {
                    if let (3, Wire::Varint(code)) = (number, value) {
                        draft.attributes.outcome.status_code(enumeration(code));
                    }
                }
            }
            _ => {}
        }
    }
    spans.accept(super::timed(draft, end));
    Ok(())
}

/// A key and a value of which only scalars matter. Values that hold values are passed over unread.
fn key_value<'a>(
    mut pair: Message<'a>,
    set: &mut impl FnMut(&str, Value<'a>),
) -> Result<(), ParseError> {
    let (mut key, mut value) = ("", Value::Other);
    while let Some((number, field)) = pair.next()? {
        match (number, field) {
            (1, Wire::Bytes(text)) => key = text.text()?,
            (2, Wire::Bytes(mut any)) => {
                while let Some((number, field)) = any.next()? {
                    value = match (number, field) {
                        (1, Wire::Bytes(text)) => Value::Text(text.text()?.into()),
                        (2, Wire::Varint(value)) => Value::Bool(value != 0),
                        (3, Wire::Varint(number)) => Value::Int(number.cast_signed()),
                        (4, Wire::Fixed64(bits)) => Value::Float(f64::from_bits(bits)),
                        (5..=7, Wire::Bytes(_)) => Value::Other,
                        _ => value,
                    };
                }
            }
            _ => {}
        }
    }
    set(key, value);
    Ok(())
}

fn link_id(mut link: Message<'_>) -> Result<Option<SpanId>, ParseError> {
    let (mut trace, mut span) = (0, 0);
    while let Some((number, value)) = link.next()? {
        match (number, value) {
            (1, Wire::Bytes(bytes)) => trace = trace_id(bytes)?,
            (2, Wire::Bytes(bytes)) => span = span_id(bytes)?,
            _ => {}
        }
    }
    Ok(linked(trace, span))
}

fn trace_id(id: Message<'_>) -> Result<u128, ParseError> {
    super::trace_id(id.bytes()).map_err(|what| id.error(what))
}

fn span_id(id: Message<'_>) -> Result<u64, ParseError> {
    super::span_id(id.bytes()).map_err(|what| id.error(what))
}

/// Enumerations are signed and may be longer than they need to be.
fn enumeration(varint: u64) -> i64 {
    varint.cast_signed()
}
