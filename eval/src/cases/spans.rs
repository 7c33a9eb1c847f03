//! Documents of traces, each made here: what becomes of ordinary spans that tracers disagree about.

use serde_json::{Value, json};

use astern_graph_core::{Call, CallStatus, EdgeKind};
use astern_traces::{Decoded, ParseError, SpanParams, TraceFormat, decode};

use super::{CaseOutcome, Played, Situation};

/// The trace that all documents but one are about.
const TRACE: &str = "7ca1b0000000000000000000000a0001";
const BEGINS_US: u64 = 1_700_000_000_000_000;

fn calls_of(document: &Value) -> Played<Decoded> {
    let bytes = document.to_string().into_bytes();
    let format = TraceFormat::recognise(&bytes).ok_or(ParseError::UnknownFormat)?;
    Ok(decode(format, &bytes, &SpanParams::default())?)
}

/// Callers, callees and what is known of each call.
fn shown(decoded: &Decoded) -> String {
    let each = decoded.calls.iter().map(|call| {
        let caller = call.caller.as_ref().map(|party| party.service.to_string());
        let caller = caller.unwrap_or_else(|| "outside".to_owned());
        let (callee, status) = (&call.callee.service, call.status);
        format!("{caller} to {callee} {status:?}")
    });
    each.collect::<Vec<_>>().join(", ")
}

fn of_cart(call: &Call) -> bool {
    &*call.callee.service.name == "cart"
}

fn from_web(call: &Call) -> bool {
    let caller = call.caller.as_ref();
    caller.is_some_and(|party| &*party.service.name == "web")
}

/// An OTLP document: spans by service.
fn otlp(services: &[(&str, Vec<Value>)]) -> Value {
    let resources = services.iter().map(|(service, spans)| {
        json!({
            "resource": { "attributes": [attribute("service.name", service)] },
            "scopeSpans": [{ "spans": spans }],
        })
    });
    json!({ "resourceSpans": resources.collect::<Vec<_>>() })
}

fn attribute(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// An OTLP span: its ids (own, parent), kind, and start and end in ms.
fn span(
    id: u8,
    parent: Option<u8>,
    kind: u8,
    (start, end): (i64, i64),
    attributes: &[Value],
) -> Value {
    let hex = |id: u8| format!("00000000000000{id:02x}");
    let nanos = |ms: i64| (1_700_000_000_000 + ms).to_string() + "000000";
    json!({
        "traceId": TRACE, "spanId": hex(id), "parentSpanId": parent.map(hex).unwrap_or_default(),
        "name": "a span", "kind": kind, "attributes": attributes,
        "startTimeUnixNano": nanos(start), "endTimeUnixNano": nanos(end),
    })
}

/// Kinds of spans, as OTLP counts.
const SERVER: u8 = 2;
const CLIENT: u8 = 3;
const PRODUCER: u8 = 4;
const CONSUMER: u8 = 5;

pub(super) const ONE_MESSAGE: Situation = Situation {
    name: "message-receive-and-process",
    ids: &[],
    expected: "one consumption of one message, which is received and then processed",
    source: "grafana/tempo#5408, opentelemetry-collector-contrib#48610",
    play: || {
        let of = |operation| {
            vec![
                attribute("messaging.system", "kafka"),
                attribute("messaging.destination.name", "orders"),
                attribute("messaging.operation.type", operation),
            ]
        };
        let mut sent = span(0xa1, None, PRODUCER, (0, 1), &of("send"));
        sent["traceId"] = "c0ffee00000000000000000000000001".into();
        let link = json!([{ "traceId": sent["traceId"], "spanId": sent["spanId"] }]);
        let mut received = span(0xb1, None, CLIENT, (9, 10), &of("receive"));
        let mut processed = span(0xb2, Some(0xb1), CONSUMER, (10, 14), &of("process"));
        received["links"] = link.clone();
        processed["links"] = link;
        let document = otlp(&[
            ("orders", vec![sent]),
            ("billing", vec![received, processed]),
        ]);
        let decoded = calls_of(&document)?;
        let consumed = decoded
            .calls
            .iter()
            .filter(|call| call.kind == EdgeKind::Consumes);
        let count = consumed.count();
        Ok(CaseOutcome::new(
            count == 1,
            format!("{count} consumptions of one message"),
        ))
    },
};

pub(super) const HALF_A_TRACE_ID: Situation = Situation {
    name: "mixed-length-trace-ids-zipkin",
    ids: &[],
    expected: "one call of cart: its trace id is the lower half of its caller's",
    source: "jaegertracing/jaeger#3084, openzipkin/zipkin#1385 and #1665, opentelemetry-js-contrib#1023",
    play: || {
        let server = |trace: &str, id: &str, service: &str, (after, lasts): (u64, u64)| {
            json!({
                "traceId": trace, "id": id, "kind": "SERVER", "name": "get",
                "timestamp": BEGINS_US + after, "duration": lasts,
                "localEndpoint": { "serviceName": service },
            })
        };
        let web = server(TRACE, "a1", "web", (0, 50_000));
        let mut client = server(TRACE, "a2", "web", (1_000, 40_000));
        client["kind"] = "CLIENT".into();
        client["parentId"] = "a1".into();
        client["remoteEndpoint"] = json!({ "serviceName": "cart" });
        let mut cart = server(&TRACE[16..], "a2", "cart", (5_000, 30_000));
        cart["parentId"] = "a1".into();
        cart["shared"] = true.into();
        let decoded = calls_of(&json!([web, client, cart]))?;
        let count = decoded.calls.iter().filter(|call| of_cart(call)).count();
        let seen = format!("{count} calls of cart for one request: {}", shown(&decoded));
        Ok(CaseOutcome::new(count == 1, seen))
    },
};

pub(super) const NEGATIVE_DURATION: Situation = Situation {
    name: "negative-duration-client",
    ids: &[],
    expected: "web still calls cart, for an unknown time, and web's self time is unknown",
    source: "openobserve/openobserve#14337",
    play: || {
        let to_cart = vec![attribute("peer.service", "cart")];
        let store = vec![
            attribute("db.system", "postgresql"),
            attribute("db.name", "items"),
        ];
        let web = vec![
            span(0xa1, None, SERVER, (0, 50), &[]),
            span(0xa2, Some(0xa1), CLIENT, (1, -1), &to_cart),
        ];
        let cart = vec![
            span(0xb1, Some(0xa2), SERVER, (5, 35), &[]),
            span(0xb2, Some(0xb1), CLIENT, (6, 9), &store),
        ];
        let decoded = calls_of(&otlp(&[("web", web), ("cart", cart)]))?;
        let edge = decoded
            .calls
            .iter()
            .any(|call| of_cart(call) && from_web(call));
        let mut of_web = decoded
            .calls
            .iter()
            .filter(|call| &*call.callee.service.name == "web");
        let own = of_web.next().and_then(|call| call.exclusive);
        let seen = format!("web calls cart: {edge}; web's self time: {own:?}");
        Ok(CaseOutcome::new(edge && own.is_none(), seen))
    },
};

pub(super) const RENAMED_STATUS: Situation = Situation {
    name: "rpc-response-status-code-not-found",
    ids: &[],
    expected: "NOT_FOUND means the same under the attribute's old and new name",
    source: "open-telemetry/semantic-conventions#2920",
    play: || {
        let status = |attributes: [Value; 2]| -> Played<Option<CallStatus>> {
            let mut to_cart = vec![attribute("server.address", "cart")];
            to_cart.extend(attributes.clone());
            let mut client = span(0xa2, None, CLIENT, (1, 41), &to_cart);
            client["status"] = json!({ "code": 2 });
            let server = span(0xb1, Some(0xa2), SERVER, (5, 35), &attributes);
            let decoded = calls_of(&otlp(&[("web", vec![client]), ("cart", vec![server])]))?;
            Ok(decoded.calls.first().map(|call| call.status))
        };
        let code = json!({ "key": "rpc.grpc.status_code", "value": { "intValue": "5" } });
        let old = status([attribute("rpc.system", "grpc"), code])?;
        let code = attribute("rpc.response.status_code", "NOT_FOUND");
        let new = status([attribute("rpc.system.name", "grpc"), code])?;
        let seen = format!("old name {old:?}, new name {new:?}");
        Ok(CaseOutcome::new(old.is_some() && old == new, seen))
    },
};

pub(super) const FALSE_ERROR: Situation = Situation {
    name: "error-false-404",
    ids: &["ok-error-false-404"],
    expected: "a 404 with `error=false` is an error of the client",
    source: "opentelemetry-collector-contrib#8273",
    play: || {
        let tag = |key: &str, kind: &str, value: Value| json!({ "key": key, "type": kind, "value": value });
        let tags = [
            tag("span.kind", "string", "server".into()),
            tag("http.status_code", "int64", 404.into()),
            tag("error", "bool", false.into()),
        ];
        let span = json!({
            "traceID": "1", "spanID": "2", "operationName": "get", "processID": "p",
            "startTime": BEGINS_US, "duration": 5_000, "tags": tags,
        });
        let processes = json!({ "p": { "serviceName": "web" } });
        let trace = json!({ "traceID": "1", "spans": [span], "processes": processes });
        let decoded = calls_of(&json!({ "data": [trace] }))?;
        let status = decoded.calls.first().map(|call| call.status);
        let right = status == Some(CallStatus::ClientError);
        Ok(CaseOutcome::new(right, format!("{status:?}")))
    },
};

pub(super) const LOST_PARENT: Situation = Situation {
    name: "zipkin-lost-parent",
    ids: &["ok-zipkin-lost-parent"],
    expected: "one call of b by a, although the shared span of b lost its parent",
    source: "openzipkin/zipkin#1745",
    play: || {
        let span = |id: &str, kind: &str, service: &str, (after, lasts): (u64, u64)| {
            json!({
                "traceId": "1", "id": id, "kind": kind, "name": "get",
                "timestamp": BEGINS_US + after, "duration": lasts,
                "localEndpoint": { "serviceName": service },
            })
        };
        let a = span("1", "SERVER", "a", (0, 50_000));
        let mut client = span("2", "CLIENT", "a", (1_000, 40_000));
        client["parentId"] = "1".into();
        let mut b = span("2", "SERVER", "b", (3_000, 30_000));
        b["shared"] = true.into();
        let mut query = span("3", "CLIENT", "b", (4_000, 9_000));
        query["parentId"] = "2".into();
        query["remoteEndpoint"] = json!({ "serviceName": "mysql" });
        query["tags"] = json!({ "sql.query": "select 1" });
        let decoded = calls_of(&json!([a, client, b, query]))?;
        let ms = |ms| Some(std::time::Duration::from_millis(ms));
        let of_b: Vec<&Call> = decoded
            .calls
            .iter()
            .filter(|call| &*call.callee.service.name == "b")
            .collect();
        let joined = matches!(of_b[..], [call] if call.client == ms(40) && call.server == ms(30));
        let right = joined && decoded.calls.len() == 3;
        Ok(CaseOutcome::new(right, shown(&decoded)))
    },
};
