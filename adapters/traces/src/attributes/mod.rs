//! What attributes (tags) mean: one reading for every format, old and new names alike.

mod peer;
mod resource;
mod rpc;
mod status;
mod value;
mod verb;

use std::borrow::Cow;

use crate::span::SpanKind;
pub(crate) use peer::PeerNames;
pub(crate) use resource::{Resource, service_of_pod};
pub(crate) use status::Outcome;
pub(crate) use value::Value;

/// The attributes of one span that mean something here; all others are passed over.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'a> {
    pub(crate) kind: Option<SpanKind>,
    pub(crate) outcome: Outcome,
    pub(crate) peer: PeerNames<'a>,
    pub(crate) segment: Option<Cow<'a, str>>,
}

impl<'a> Attributes<'a> {
    /// Takes one attribute; of two that mean the same the better known wins, else the later.
    pub(crate) fn set(&mut self, key: &str, value: Value<'a>, segment_key: Option<&str>) {
        if segment_key == Some(key) {
            self.segment = value.clone().text();
        }
        match key {
            "span.kind" => {
                if let Value::Text(text) = &value {
                    self.kind = kind(text);
                }
            }
            _ if self.outcome.set(key, &value) => {}
            _ => self.peer.set(key, value),
        }
    }
}

/// The kind of a span by its name in `OpenTracing`, Zipkin, or OTLP's enumeration.
pub(crate) fn kind(name: &str) -> Option<SpanKind> {
    let name = name.strip_prefix("SPAN_KIND_").unwrap_or(name);
    let known = [
        ("client", SpanKind::Client),
        ("server", SpanKind::Server),
        ("producer", SpanKind::Producer),
        ("consumer", SpanKind::Consumer),
        ("internal", SpanKind::Internal),
        ("unspecified", SpanKind::Unspecified),
    ];
    known
        .into_iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known))
        .map(|(_, kind)| kind)
}
