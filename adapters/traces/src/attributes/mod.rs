//! What attributes (tags) mean: one reading for every format, old and new names alike.

mod peer;
mod resource;
mod rpc;
mod status;
mod value;
mod verb;

use std::borrow::Cow;

use crate::span::{MessageStep, SpanKind};
pub(crate) use peer::PeerNames;
pub(crate) use resource::{Resource, service_of_pod};
pub(crate) use status::Outcome;
pub(crate) use value::Value;
use verb::QueueVerb;

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

/// The kind of a span, and which step of a consumption it is, by what it does with messages.
///
/// Whatever kind a library gives them: settling a message is a call of the queue, and processing one is no
/// call at all.
pub(crate) fn role(kind: SpanKind, verb: Option<QueueVerb>) -> (SpanKind, Option<MessageStep>) {
    match (kind, verb) {
        (SpanKind::Consumer, Some(QueueVerb::Settle)) => (SpanKind::Client, None),
        (SpanKind::Client | SpanKind::Consumer, Some(QueueVerb::Receive)) => {
            (kind, Some(MessageStep::Receive))
        }
        (SpanKind::Client, Some(QueueVerb::Process)) => {
            (SpanKind::Consumer, Some(MessageStep::Process))
        }
        (_, Some(QueueVerb::Process)) => (kind, Some(MessageStep::Process)),
        _ => (kind, None),
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
