//! The same spans written in every format.

use astern_traces::{Decoded, SpanParams, TraceFormat, decode};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Link;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};
use prost::Message as _;
use serde_json::{Value, json};

/// A trace whose id has 128 bits, and its lower half.
pub(crate) const TRACE: &str = "00f067aa0ba902b7a3ce929d0e0e4736";
pub(crate) const HALF: &str = "a3ce929d0e0e4736";

/// A span as every format can write it.
#[derive(Clone)]
pub(crate) struct Written {
    pub(crate) trace: &'static str,
    pub(crate) id: u64,
    /// 0 is none.
    pub(crate) parent: u64,
    pub(crate) kind: &'static str,
    pub(crate) service: &'static str,
    /// Microseconds after a day in 2023, and microseconds.
    pub(crate) start: i64,
    pub(crate) duration: i64,
    /// Texts and numbers.
    pub(crate) attributes: Vec<(&'static str, Value)>,
    pub(crate) links: Vec<(&'static str, u64)>,
}

/// A span of [`TRACE`], times in microseconds.
pub(crate) fn written(
    (id, parent): (u64, u64),
    kind: &'static str,
    service: &'static str,
    (start, duration): (i64, i64),
) -> Written {
    Written {
        trace: TRACE,
        id,
        parent,
        kind,
        service,
        start,
        duration,
        attributes: Vec::new(),
        links: Vec::new(),
    }
}

impl Written {
    pub(crate) fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push((key, value.into()));
        self
    }

    pub(crate) fn linked(mut self, links: &[u64]) -> Self {
        self.links.extend(links.iter().map(|id| (self.trace, *id)));
        self
    }

    pub(crate) fn in_trace(mut self, trace: &'static str) -> Self {
        self.trace = trace;
        self
    }

    fn id(&self) -> String {
        format!("{:016x}", self.id)
    }

    fn parent(&self) -> String {
        if self.parent == 0 {
            String::new()
        } else {
            format!("{:016x}", self.parent)
        }
    }

    fn begins(&self) -> i64 {
        1_700_000_000_000_000 + self.start
    }
}

fn jaeger(spans: &[Written]) -> Vec<u8> {
    let spans = spans.iter().map(|span| {
        let reference =
            |kind: &str, trace: &str, id: String| json!({ "refType": kind, "traceID": trace, "spanID": id });
        let parent = (span.parent != 0).then(|| reference("CHILD_OF", span.trace, span.parent()));
        let links = span.links.iter();
        let links = links.map(|(trace, id)| reference("FOLLOWS_FROM", trace, format!("{id:016x}")));
        let tag = |key: &str, value: &Value| json!({ "key": key, "type": "", "value": value });
        let tags = span.attributes.iter().map(|(key, value)| tag(key, value));
        let kind = tag("span.kind", &span.kind.into());
        json!({
            "traceID": span.trace, "spanID": span.id(), "operationName": "op",
            "references": parent.into_iter().chain(links).collect::<Vec<_>>(),
            "startTime": span.begins(), "duration": span.duration,
            "tags": tags.chain([kind]).collect::<Vec<_>>(),
            "process": { "serviceName": span.service },
        })
    });
    let trace = json!({ "spans": spans.collect::<Vec<_>>(), "processes": {} });
    json!({ "data": [trace] }).to_string().into_bytes()
}

fn zipkin(spans: &[Written]) -> Vec<u8> {
    let spans = spans.iter().map(|span| {
        let tags = span.attributes.iter().map(|(key, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            ((*key).to_owned(), text.into())
        });
        json!({
            "traceId": span.trace, "id": span.id(), "parentId": span.parent(),
            "kind": if span.kind == "internal" { String::new() } else { span.kind.to_uppercase() },
            "name": "op", "timestamp": span.begins(), "duration": span.duration,
            "localEndpoint": { "serviceName": span.service },
            "tags": tags.collect::<serde_json::Map<_, _>>(),
        })
    });
    spans.collect::<Value>().to_string().into_bytes()
}

fn messages(spans: &[Written]) -> TracesData {
    let pair = |key: &str, value: Any| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..Default::default()
    };
    let trace_id = |hex: &str| {
        u128::from_str_radix(hex, 16)
            .unwrap()
            .to_be_bytes()
            .to_vec()
    };
    let nanos = |micros: i64| u64::try_from(micros).unwrap() * 1_000;
    let resources = spans.iter().map(|span| {
        let attributes = span.attributes.iter().map(|(key, value)| match value {
            Value::String(text) => pair(key, Any::StringValue(text.clone())),
            number => pair(key, Any::IntValue(number.as_i64().unwrap())),
        });
        let kinds = ["", "internal", "server", "client", "producer", "consumer"];
        let kind = kinds.iter().position(|kind| *kind == span.kind).unwrap();
        let links = span.links.iter().map(|(trace, id)| Link {
            trace_id: trace_id(trace),
            span_id: id.to_be_bytes().to_vec(),
            ..Default::default()
        });
        let message = Span {
            trace_id: trace_id(span.trace),
            span_id: span.id.to_be_bytes().to_vec(),
            parent_span_id: match span.parent {
                0 => Vec::new(),
                id => id.to_be_bytes().to_vec(),
            },
            name: "op".to_owned(),
            kind: kind.try_into().unwrap(),
            start_time_unix_nano: nanos(span.begins()),
            end_time_unix_nano: nanos(span.begins() + span.duration),
            attributes: attributes.collect(),
            links: links.collect(),
            ..Default::default()
        };
        let service = pair("service.name", Any::StringValue(span.service.to_owned()));
        ResourceSpans {
            resource: Some(Resource {
                attributes: vec![service],
                ..Default::default()
            }),
            scope_spans: vec![ScopeSpans {
                spans: vec![message],
                ..Default::default()
            }],
            ..Default::default()
        }
    });
    TracesData {
        resource_spans: resources.collect(),
    }
}

/// The spans as each of `formats` writes them, decoded.
pub(crate) fn in_formats(formats: &[TraceFormat], spans: &[Written]) -> Vec<Decoded> {
    let decoded = formats.iter().map(|format| {
        let bytes = match format {
            TraceFormat::Jaeger => jaeger(spans),
            TraceFormat::Zipkin => zipkin(spans),
            TraceFormat::OtlpJson => crate::otlp::json_of(&messages(spans)).to_string().into(),
            TraceFormat::OtlpProtobuf => messages(spans).encode_to_vec(),
            other => panic!("{other} has no attributes"),
        };
        assert_eq!(TraceFormat::recognise(&bytes), Some(*format));
        decode(*format, &bytes, &SpanParams::default()).unwrap()
    });
    decoded.collect()
}

/// A table of rows, each with all columns.
pub(crate) fn csv(rows: &[String]) -> Decoded {
    let header = "TraceID,SpanID,ParentID,PodName,OperationName,StartTimeUnixNano,EndTimeUnixNano";
    let document = format!("{header}\n{}\n", rows.join("\n"));
    decode(
        TraceFormat::Csv,
        document.as_bytes(),
        &SpanParams::default(),
    )
    .unwrap()
}

/// Every format that writes attributes.
pub(crate) const ATTRIBUTED: [TraceFormat; 4] = [
    TraceFormat::Jaeger,
    TraceFormat::Zipkin,
    TraceFormat::OtlpJson,
    TraceFormat::OtlpProtobuf,
];

/// Every format that writes links.
pub(crate) const LINKED: [TraceFormat; 3] = [
    TraceFormat::Jaeger,
    TraceFormat::OtlpJson,
    TraceFormat::OtlpProtobuf,
];
