//! Seeded documents of traces in every format, for benches: nothing is read from disk.

use std::fmt::Write as _;

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, TracesData};
use prost::Message as _;
use rand::RngExt as _;
use serde_json::{Value, json};

/// A service's part of a trace.
struct Made {
    trace: u128,
    id: u64,
    parent: u64,
    service: usize,
    /// 1 internal, 2 server, 3 client, as OTLP counts.
    kind: u8,
    start_nanos: u64,
    end_nanos: u64,
    failed: bool,
}

const SERVICES: usize = 25;
const DAY_START_NANOS: u64 = 1_700_000_000_000_000_000;
const TRACE_EVERY_NANOS: u64 = 19_000_000_000;

/// `traces` traces, each of `size` spans: server, internal and client spans in turn, down a random tree.
fn made(seed: u64, traces: u64, size: u64) -> Vec<Made> {
    let mut rng = astern_stats::rng::seeded(seed, 0);
    let mut all = Vec::new();
    for trace in 0..traces {
        let first = all.len();
        let begin = DAY_START_NANOS + trace * TRACE_EVERY_NANOS;
        let id = u128::from(trace + 1) << 64 | u128::from(rng.random::<u64>());
        for at in 0..size {
            // A server span has an internal one under it, that a client span, that the next server.
            let parent = at.checked_sub(1).map(|last| {
                let calls = at / 3;
                if at % 3 == 0 {
                    3 * rng.random_range(0..calls) + 2
                } else {
                    last
                }
            });
            let above: Option<&Made> =
                parent.and_then(|at| all.get(first + usize::try_from(at).ok()?));
            let service = match above {
                Some(above) if at % 3 != 0 => above.service,
                _ => rng.random_range(0..SERVICES),
            };
            let (from, to) = above.map_or((begin, begin + 1_000_000_000), |a| {
                (a.start_nanos, a.end_nanos)
            });
            let inset = (to - from) / 100 + 1;
            all.push(Made {
                trace: id,
                id: rng.random_range(1..u64::MAX),
                parent: above.map_or(0, |above| above.id),
                service,
                kind: [2, 1, 3][usize::try_from(at % 3).unwrap_or(0)],
                start_nanos: from + rng.random_range(0..inset),
                end_nanos: (to - rng.random_range(0..inset)).max(from + inset),
                failed: rng.random_range(0..100) == 0,
            });
        }
    }
    all
}

fn name(service: usize) -> String {
    format!("ts-order-{service}-service")
}

/// What a client span talks to where no server span answers it.
fn peer(made: &Made) -> String {
    format!("store-{}", made.service)
}

fn operation(made: &Made) -> String {
    format!("/api/v1/service{}/operation/{{id}}", made.service)
}

/// A document of Jaeger's query API.
pub fn jaeger(seed: u64, traces: u64, size: u64) -> Vec<u8> {
    let spans = made(seed, traces, size);
    let processes: serde_json::Map<String, Value> = (0..SERVICES)
        .map(|at| {
            (
                format!("p{at}"),
                json!({ "serviceName": name(at), "tags": [
                    { "key": "hostname", "type": "string", "value": format!("host-{at}") },
                    { "key": "jaeger.version", "type": "string", "value": "Go-2.30.0" },
                ]}),
            )
        })
        .collect();
    let data: Vec<Value> = spans.chunk_by(|a, b| a.trace == b.trace).map(|trace| {
        let spans: Vec<Value> = trace.iter().map(|made| {
            let (id, span) = (format!("{:032x}", made.trace), format!("{:016x}", made.id));
            let reference = json!({ "refType": "CHILD_OF", "traceID": id, "spanID": format!("{:016x}", made.parent) });
            let references = if made.parent == 0 { json!([]) } else { json!([reference]) };
            let kind = ["internal", "server", "client"][usize::from(made.kind - 1)];
            json!({
                "traceID": id, "spanID": span, "flags": 1, "operationName": operation(made),
                "references": references, "startTime": made.start_nanos / 1_000,
                "duration": (made.end_nanos - made.start_nanos) / 1_000, "processID": format!("p{}", made.service),
                "tags": [
                    { "key": "span.kind", "type": "string", "value": kind },
                    { "key": "http.status_code", "type": "int64", "value": if made.failed { 500 } else { 200 } },
                    { "key": "http.method", "type": "string", "value": "GET" },
                    { "key": "peer.service", "type": "string", "value": peer(made) },
                ],
                "logs": [], "warnings": null,
            })
        }).collect();
        json!({ "traceID": format!("{:032x}", trace.first().map_or(0, |made| made.trace)), "spans": spans, "processes": processes })
    }).collect();
    json!({ "data": data, "total": 0, "limit": 0, "offset": 0, "errors": null })
        .to_string()
        .into_bytes()
}

/// A document of Zipkin v2.
pub fn zipkin(seed: u64, traces: u64, size: u64) -> Vec<u8> {
    let spans: Vec<Value> = made(seed, traces, size).iter().map(|made| {
        let mut span = json!({
            "traceId": format!("{:032x}", made.trace), "id": format!("{:016x}", made.id), "name": operation(made),
            "timestamp": made.start_nanos / 1_000, "duration": (made.end_nanos - made.start_nanos) / 1_000,
            "localEndpoint": { "serviceName": name(made.service), "ipv4": "10.0.0.1", "port": 8080 },
            "tags": { "http.method": "GET", "http.path": "/api/v1/orders", "mvc.controller.class": "OrderController" },
        });
        if let Some(kind) = [None, Some("SERVER"), Some("CLIENT")][usize::from(made.kind - 1)] {
            span["kind"] = kind.into();
        }
        if made.kind == 3 {
            span["remoteEndpoint"] = json!({ "serviceName": peer(made) });
        }
        if made.parent != 0 {
            span["parentId"] = format!("{:016x}", made.parent).into();
        }
        if made.failed {
            span["tags"]["error"] = "500".into();
        }
        span
    }).collect();
    Value::from(spans).to_string().into_bytes()
}

/// A document of OTLP as JSON: one resource a service.
pub fn otlp_json(seed: u64, traces: u64, size: u64) -> Vec<u8> {
    let spans = made(seed, traces, size);
    let resources: Vec<Value> = (0..SERVICES).map(|service| {
        let of_service = spans.iter().filter(|made| made.service == service);
        let spans: Vec<Value> = of_service.map(|made| {
            let parent = if made.parent == 0 { String::new() } else { format!("{:016x}", made.parent) };
            json!({
                "traceId": format!("{:032x}", made.trace), "spanId": format!("{:016x}", made.id), "parentSpanId": parent,
                "name": operation(made), "kind": made.kind, "startTimeUnixNano": made.start_nanos.to_string(),
                "endTimeUnixNano": made.end_nanos.to_string(), "attributes": [
                    { "key": "http.request.method", "value": { "stringValue": "GET" } },
                    { "key": "http.response.status_code", "value": { "intValue": if made.failed { "500" } else { "200" } } },
                    { "key": "server.address", "value": { "stringValue": peer(made) } },
                ], "status": { "code": if made.failed { 2 } else { 0 } },
            })
        }).collect();
        json!({
            "resource": { "attributes": [
                { "key": "service.name", "value": { "stringValue": name(service) } },
                { "key": "service.instance.id", "value": { "stringValue": format!("pod-{service}") } },
            ]},
            "scopeSpans": [{ "scope": { "name": "http" }, "spans": spans }],
        })
    }).collect();
    json!({ "resourceSpans": resources })
        .to_string()
        .into_bytes()
}

/// The document of [`otlp_json`] as protobuf.
pub fn otlp_protobuf(seed: u64, traces: u64, size: u64) -> Vec<u8> {
    otlp_messages(seed, traces, size).encode_to_vec()
}

/// The document of [`otlp_protobuf`], decoded.
pub fn otlp_messages(seed: u64, traces: u64, size: u64) -> TracesData {
    let spans = made(seed, traces, size);
    let text = |text: &str| any_value::Value::StringValue(text.to_owned());
    let resource_spans = (0..SERVICES).map(|service| {
        let of_service = spans.iter().filter(|made| made.service == service);
        let scope = ScopeSpans {
            spans: of_service.map(message).collect(),
            ..ScopeSpans::default()
        };
        let attributes = vec![
            attribute("service.name", text(&name(service))),
            attribute("service.instance.id", text(&format!("pod-{service}"))),
        ];
        ResourceSpans {
            resource: Some(Resource {
                attributes,
                ..Resource::default()
            }),
            scope_spans: vec![scope],
            ..ResourceSpans::default()
        }
    });
    TracesData {
        resource_spans: resource_spans.collect(),
    }
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue {
        key: key.to_owned(),
        value,
        ..KeyValue::default()
    }
}

fn message(made: &Made) -> Span {
    let parent = if made.parent == 0 {
        Vec::new()
    } else {
        made.parent.to_be_bytes().to_vec()
    };
    let code = if made.failed { 500 } else { 200 };
    Span {
        trace_id: made.trace.to_be_bytes().to_vec(),
        span_id: made.id.to_be_bytes().to_vec(),
        parent_span_id: parent,
        name: operation(made),
        kind: made.kind.into(),
        start_time_unix_nano: made.start_nanos,
        end_time_unix_nano: made.end_nanos,
        attributes: vec![
            attribute(
                "http.request.method",
                any_value::Value::StringValue("GET".to_owned()),
            ),
            attribute(
                "http.response.status_code",
                any_value::Value::IntValue(code),
            ),
            attribute("server.address", any_value::Value::StringValue(peer(made))),
        ],
        status: Some(Status {
            code: if made.failed { 2 } else { 0 },
            ..Status::default()
        }),
        ..Span::default()
    }
}

/// A document of CSV with the columns of the Nezha data set.
pub fn csv(seed: u64, traces: u64, size: u64) -> Vec<u8> {
    let mut text = "TraceID,SpanID,ParentID,PodName,OperationName,StartTimeUnixNano,EndTimeUnixNano,Duration\n".to_owned();
    for made in made(seed, traces, size) {
        let parent = if made.parent == 0 {
            "root".to_owned()
        } else {
            format!("{:016x}", made.parent)
        };
        let duration = (made.end_nanos - made.start_nanos) / 1_000;
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{:032x},{:016x},{parent},{}-5b67c48447-mv5hb,{},{},{},{duration}",
            made.trace,
            made.id,
            name(made.service),
            operation(&made),
            made.start_nanos,
            made.end_nanos,
        );
    }
    text.into_bytes()
}
