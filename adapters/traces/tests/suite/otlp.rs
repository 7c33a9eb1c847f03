//! The protobuf codec against the generated types of OpenTelemetry, and against the JSON codec.

use astern_traces::{Params, otlp};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, TracesData};
use proptest::prelude::*;
use prost::Message as _;
use serde_json::json;

const KEYS: [&str; 8] = [
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
        "[a-zé\"]{0,6}".prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        (400_i64..600).prop_map(Value::IntValue),
        (-1e9..1e9).prop_map(Value::DoubleValue),
        Just(Value::ArrayValue(ArrayValue {
            values: vec![AnyValue {
                value: Some(Value::BoolValue(true))
            }]
        })),
    ]
}

fn key_value(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..Default::default()
    }
}

fn any_span() -> impl Strategy<Value = Span> {
    let ids = (1_u8..4, 0_u8..9, 0_u8..9);
    let shape = (0_i32..7, 0_u64..1_000, 0_u64..1_000, 0_i32..3);
    let attributes = prop::collection::vec((0..KEYS.len(), any_value()), 0..4);
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
                status: Some(Status {
                    code,
                    message: "said".to_owned(),
                }),
                trace_id,
                ..Default::default()
            }
        },
    )
}

fn any_traces() -> impl Strategy<Value = TracesData> {
    let spans = prop::collection::vec(any_span(), 0..12);
    prop::collection::vec(("[ab]?", spans), 0..4).prop_map(|resources| TracesData {
        resource_spans: resources
            .into_iter()
            .map(|(service, spans)| ResourceSpans {
                resource: Some(Resource {
                    attributes: vec![key_value("service.name", Value::StringValue(service))],
                    ..Default::default()
                }),
                scope_spans: vec![ScopeSpans {
                    spans,
                    ..Default::default()
                }],
                ..Default::default()
            })
            .collect(),
    })
}

fn json_of_value(value: &Value) -> serde_json::Value {
    match value {
        Value::StringValue(text) => json!({ "stringValue": text }),
        Value::BoolValue(said) => json!({ "boolValue": said }),
        Value::IntValue(number) => json!({ "intValue": number.to_string() }),
        Value::DoubleValue(number) => json!({ "doubleValue": number }),
        other => json!({ "arrayValue": { "values": [{ "stringValue": format!("{other:?}") }] } }),
    }
}

fn json_of_attributes(attributes: &[KeyValue]) -> serde_json::Value {
    let pairs = attributes.iter().map(|pair| {
        let value = pair
            .value
            .as_ref()
            .and_then(|any| any.value.as_ref())
            .unwrap();
        json!({ "key": pair.key, "value": json_of_value(value) })
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
    json!({
        "traceId": hex(&span.trace_id), "spanId": hex(&span.span_id),
        "parentSpanId": hex(&span.parent_span_id), "name": span.name, "kind": span.kind,
        "startTimeUnixNano": span.start_time_unix_nano.to_string(),
        "endTimeUnixNano": span.end_time_unix_nano,
        "attributes": json_of_attributes(&span.attributes), "links": links,
        "status": { "code": span.status.as_ref().unwrap().code },
    })
}

fn json_of(traces: &TracesData) -> serde_json::Value {
    let resources = traces.resource_spans.iter().map(|resource| {
        let spans = resource
            .scope_spans
            .iter()
            .flat_map(|scope| &scope.spans)
            .map(json_of_span);
        let attributes = json_of_attributes(&resource.resource.as_ref().unwrap().attributes);
        json!({
            "scopeSpans": [{ "spans": spans.collect::<Vec<_>>() }],
            "resource": { "attributes": attributes },
        })
    });
    json!({ "resourceSpans": resources.collect::<Vec<_>>() })
}

proptest! {
    #[test]
    fn protobuf_and_json_say_the_same(traces in any_traces()) {
        let params = Params::default().segment_attribute("tier");
        let binary = otlp::decode_protobuf(&traces.encode_to_vec(), &params).unwrap();
        let text = otlp::decode_json(json_of(&traces).to_string().as_bytes(), &params).unwrap();
        prop_assert_eq!(&binary, &text);
        let spans = traces.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans);
        prop_assert_eq!(binary.report.spans, spans.count() as u64);
    }
}
