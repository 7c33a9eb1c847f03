//! The protobuf codec against the generated types of OpenTelemetry, against the JSON codec, and
//! against those types handed over as they are.

use astern_traces::{SpanParams, otlp};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, TracesData};
use proptest::prelude::*;
use prost::Message as _;
use serde_json::json;

const KEYS: [&str; 9] = [
    "span.kind",
    "http.response.status_code",
    "peer.service",
    "db.system",
    "messaging.destination.name",
    "server.address",
    "tier",
    "other",
    "error",
];

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[a-zé\"]{0,6}|client|server".prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        (400_i64..600).prop_map(Value::IntValue),
        (-1e9..1e9).prop_map(Value::DoubleValue),
        Just(Value::ArrayValue(ArrayValue {
            values: vec![AnyValue {
                value: Some(Value::BoolValue(true))
            }]
        })),
        Just(Value::BytesValue(vec![7])),
    ]
}

fn key_value(key: &str, value: Option<Value>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: value.map(|value| AnyValue { value: Some(value) }),
        ..Default::default()
    }
}

fn any_span() -> impl Strategy<Value = Span> {
    let ids = (1_u8..4, 0_u8..9, 0_u8..9);
    let nanos = || prop_oneof![9 => 0_u64..1_000, 1 => any::<u64>()];
    let shape = (0_i32..7, nanos(), nanos(), prop::option::of(0_i32..3));
    let attributes = prop::collection::vec((0..KEYS.len(), prop::option::of(any_value())), 0..4);
    (ids, shape, attributes).prop_map(
        |((trace, id, parent), (kind, start, end, code), attributes)| {
            let span_id = |id: u8| {
                if id == 0 {
                    Vec::new()
                } else {
                    vec![0, 0, 0, 0, 0, 0, 0, id]
                }
            };
            let trace_id = vec![trace; 16];
            Span {
                span_id: span_id(id),
                parent_span_id: span_id(parent),
                name: format!("op{id}"),
                kind,
                start_time_unix_nano: start,
                end_time_unix_nano: end,
                attributes: attributes
                    .into_iter()
                    .map(|(key, value)| key_value(KEYS[key], value))
                    .collect(),
                events: vec![Event::default()],
                links: vec![Link {
                    trace_id: trace_id.clone(),
                    span_id: span_id(parent),
                    ..Default::default()
                }],
                status: code.map(|code| Status {
                    code,
                    message: "said".to_owned(),
                }),
                trace_id,
                ..Default::default()
            }
        },
    )
}

pub(crate) fn any_traces() -> impl Strategy<Value = TracesData> {
    let scope = prop::collection::vec(any_span(), 0..8).prop_map(|spans| ScopeSpans {
        spans,
        ..Default::default()
    });
    let scopes = prop::collection::vec(scope, 0..3);
    let resource = prop::option::of(("[ab]?", "[de]?")).prop_map(|names| {
        let text = |text| Some(Value::StringValue(text));
        names.map(|(service, tier)| Resource {
            attributes: vec![
                key_value("service.name", text(service)),
                key_value("tier", text(tier)),
            ],
            ..Default::default()
        })
    });
    prop::collection::vec((resource, scopes), 0..4).prop_map(|resources| TracesData {
        resource_spans: resources
            .into_iter()
            .map(|(resource, scope_spans)| ResourceSpans {
                resource,
                scope_spans,
                ..Default::default()
            })
            .collect(),
    })
}

fn json_of_value(value: &Value) -> serde_json::Value {
    match value {
        Value::StringValue(text) => json!({ "stringValue": text }),
        Value::BoolValue(value) => json!({ "boolValue": value }),
        Value::IntValue(number) => json!({ "intValue": number.to_string() }),
        Value::DoubleValue(number) => json!({ "doubleValue": number }),
        other => json!({ "arrayValue": { "values": [{ "stringValue": format!("{other:?}") }] } }),
    }
}

fn json_of_attributes(attributes: &[KeyValue]) -> serde_json::Value {
    let pairs = attributes.iter().map(|pair| {
        match pair.value.as_ref().and_then(|any| any.value.as_ref()) {
            Some(value) => json!({ "key": pair.key, "value": json_of_value(value) }),
            None => json!({ "key": pair.key }),
        }
    });
    pairs.collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn json_of_span(span: &Span) -> serde_json::Value {
    let links: Vec<_> = span
        .links
        .iter()
        .map(|link| json!({ "traceId": hex(&link.trace_id), "spanId": hex(&link.span_id) }))
        .collect();
    let mut json = json!({
        "traceId": hex(&span.trace_id), "spanId": hex(&span.span_id),
        "parentSpanId": hex(&span.parent_span_id), "name": span.name, "kind": span.kind,
        "startTimeUnixNano": span.start_time_unix_nano.to_string(),
        "endTimeUnixNano": span.end_time_unix_nano,
        "attributes": json_of_attributes(&span.attributes), "links": links,
    });
    if let Some(status) = &span.status {
        json["status"] = json!({ "code": status.code });
    }
    json
}

pub(crate) fn json_of(traces: &TracesData) -> serde_json::Value {
    let resources = traces.resource_spans.iter().map(|resource| {
        let scopes = resource.scope_spans.iter().map(|scope| {
            let spans = scope.spans.iter().map(json_of_span);
            json!({ "spans": spans.collect::<Vec<_>>() })
        });
        let mut json = json!({ "scopeSpans": scopes.collect::<Vec<_>>() });
        if let Some(resource) = &resource.resource {
            json["resource"] = json!({ "attributes": json_of_attributes(&resource.attributes) });
        }
        json
    });
    json!({ "resourceSpans": resources.collect::<Vec<_>>() })
}

proptest! {
    #[test]
    fn every_codec_says_the_same(traces in any_traces()) {
        let params = SpanParams::default().segment_attribute("tier".into());
        let binary = otlp::decode_protobuf(&traces.encode_to_vec(), &params).unwrap();
        let text = otlp::decode_json(json_of(&traces).to_string().as_bytes(), &params).unwrap();
        prop_assert_eq!(&binary, &text);
        #[cfg(feature = "opentelemetry-proto")]
        {
            let mut spans = astern_traces::Spans::new(&params).unwrap();
            spans.read_messages(&traces.resource_spans).unwrap();
            prop_assert_eq!(&binary, &spans.join());
        }
        let spans = traces.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans);
        prop_assert_eq!(binary.report.spans, spans.count() as u64);
    }
}

/// What a message without a kind says is the same as what one with the kind `unspecified` says.
#[test]
fn a_tag_names_the_kind_where_the_field_does_not() {
    let span = |kind: serde_json::Value| {
        let tag = json!({ "key": "span.kind", "value": { "stringValue": "client" } });
        let peer = json!({ "key": "peer.service", "value": { "stringValue": "cart" } });
        let mut span = json!({
            "traceId": "1", "spanId": "2", "startTimeUnixNano": 5, "attributes": [tag, peer],
        });
        if !kind.is_null() {
            span["kind"] = kind;
        }
        let name = json!({ "key": "service.name", "value": { "stringValue": "web" } });
        json!({ "resourceSpans": [{
            "resource": { "attributes": [name] }, "scopeSpans": [{ "spans": [span] }],
        }] })
    };
    for (kind, callee) in [
        (json!(null), "cart"),
        (json!(0), "cart"),
        (json!(7), "cart"),
        (json!("SPAN_KIND_UNSPECIFIED"), "cart"),
        (json!(2), "web"),
    ] {
        let document = span(kind.clone()).to_string();
        let decoded = otlp::decode_json(document.as_bytes(), &SpanParams::default()).unwrap();
        assert_eq!(&*decoded.calls[0].callee.service.name, callee, "{kind}");
    }
}
