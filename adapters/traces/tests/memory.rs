//! No document takes more memory than the stated multiple of its size, whatever is in it.
//!
//! A test binary of its own: its allocator counts, so nothing else may run beside it.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use astern_traces::{SpanParams, TraceFormat, decode};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};
use peak_alloc::PeakAlloc;
use prost::Message as _;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The multiple of the size of a document, and what it may take besides.
fn multiple(format: TraceFormat) -> usize {
    if format == TraceFormat::Csv { 100 } else { 40 }
}

const BESIDES: usize = 64 << 10;

/// A little above a power of two, where lists have just doubled.
const MANY: usize = 66_000;

/// Peak of bytes held while a document is decoded, its calls included.
fn peak(format: TraceFormat, bytes: &[u8]) -> usize {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let decoded = decode(format, bytes, &SpanParams::default());
    let peak = ALLOCATOR.peak_usage() - before;
    drop(decoded);
    peak
}

/// What `item` makes of each number, between two ends.
fn list(open: &str, item: impl Fn(usize) -> String, close: &str) -> Vec<u8> {
    let items: Vec<String> = (1..=MANY).map(item).collect();
    format!("{open}{}{close}", items.join(",")).into_bytes()
}

fn same(open: &str, item: &str, close: &str) -> Vec<u8> {
    list(open, |_| item.to_owned(), close)
}

/// Documents that ask for as much memory as possible by as few bytes as possible.
fn jaeger() -> Vec<Vec<u8>> {
    let open = r#"{"data":[{"processes":{"p":{"serviceName":"s"}},"spans":["#;
    let span = |n| format!(r#"{{"traceID":"1","spanID":"{n:x}","processID":"p","startTime":1}}"#);
    let processes = r#"{"processes":{"#;
    let reference = r#"{"traceID":"1","spanID":"1"}"#;
    vec![
        list(open, span, "]}]}"),
        same(open, "{}", "]}]}"),
        list(
            r#"{"spans":["#,
            |n| format!(r#"{{"traceID":"{n:x}","spanID":"1"}}"#),
            "]}",
        ),
        list(processes, |n| format!(r#""{n}":{{}}"#), "},\"spans\":[]}"),
        list(
            processes,
            |n| format!(r#""{n}":{{"serviceName":"{n}"}}"#),
            "},\"spans\":[]}",
        ),
        same(r#"{"spans":[{"references":["#, reference, "]}]}"),
        same(r#"{"spans":[{"tags":["#, "{}", "]}]}"),
    ]
}

fn zipkin() -> Vec<Vec<u8>> {
    let server = |n| {
        let endpoint = r#""localEndpoint":{"serviceName":"a"}"#;
        format!(r#"{{"traceId":"1","id":"{n:x}","kind":"SERVER","timestamp":1,{endpoint}}}"#)
    };
    let client = |n| {
        let ends = format!(
            r#""localEndpoint":{{"serviceName":"a{n}"}},"remoteEndpoint":{{"ipv4":"{n}"}}"#
        );
        format!(r#"{{"traceId":"1","id":"{n:x}","kind":"CLIENT","timestamp":1,{ends}}}"#)
    };
    vec![
        list("[", server, "]"),
        list("[", client, "]"),
        same("[", "[]", "]"),
    ]
}

fn otlp_json() -> Vec<Vec<u8>> {
    let open = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":
        {"stringValue":"s"}}]},"scopeSpans":[{"spans":["#;
    let span = |n| format!(r#"{{"traceId":"1","spanId":"{n:x}","startTimeUnixNano":1}}"#);
    let linked = r#"{"links":[{"traceId":"1","spanId":"1"}]}"#;
    // A receipt of many messages, each of which may be one that another span processes.
    let receipt = r#"{"traceId":"1","spanId":"1","kind":5,"startTimeUnixNano":1,"attributes":[
        {"key":"messaging.system","value":{"stringValue":"k"}},
        {"key":"messaging.operation","value":{"stringValue":"receive"}}],"links":["#;
    let message = |n| format!(r#"{{"traceId":"2","spanId":"{n:x}"}}"#);
    vec![
        list(open, span, "]}]}]}"),
        same(open, linked, "]}]}]}"),
        list(&format!("{open}{receipt}"), message, "]}]}]}]}"),
        same(r#"{"resourceSpans":["#, "{}", "]}"),
    ]
}

fn otlp_protobuf() -> Vec<Vec<u8>> {
    let document = |spans: Vec<Span>| {
        let name = Value::StringValue("s".to_owned());
        let mut service = KeyValue {
            key: "service.name".to_owned(),
            ..Default::default()
        };
        service.value = Some(AnyValue { value: Some(name) });
        let resource = Resource {
            attributes: vec![service],
            ..Default::default()
        };
        let scope = ScopeSpans {
            spans,
            ..Default::default()
        };
        let resource_spans = vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![scope],
            ..Default::default()
        }];
        TracesData { resource_spans }.encode_to_vec()
    };
    let least = |n: usize| Span {
        trace_id: vec![1; 16],
        span_id: (n as u64).to_be_bytes().to_vec(),
        start_time_unix_nano: 1,
        ..Default::default()
    };
    let resources = TracesData {
        resource_spans: vec![ResourceSpans::default(); MANY],
    };
    let attributes = Span {
        attributes: vec![KeyValue::default(); MANY],
        ..Default::default()
    };
    let links = Span {
        links: vec![Link::default(); MANY],
        ..Default::default()
    };
    let events = Span {
        events: vec![Event::default(); MANY],
        ..Default::default()
    };
    vec![
        resources.encode_to_vec(),
        document(vec![Span::default(); MANY]),
        document(vec![attributes, links, events]),
        document((1..=MANY).map(least).collect()),
    ]
}

fn csv() -> Vec<Vec<u8>> {
    let header = "TraceID,SpanID,ParentID,PodName,OperationName,StartTimeUnixNano,EndTimeUnixNano";
    let rows = |row: &dyn Fn(usize) -> String| {
        let rows: Vec<String> = (1..=MANY).map(row).collect();
        format!("{header}\n{}", rows.join("\n")).into_bytes()
    };
    vec![
        rows(&|n| format!("1,{n:x},,a,,1,2")),
        rows(&|n| format!("{n:x},1,,a{n},{n},1,2")),
        rows(&|_| "1,1,,a,,1,2".to_owned()),
    ]
}

#[test]
fn memory_stays_below_the_stated_multiple() {
    let mut worst = 0;
    for (format, documents) in [
        (TraceFormat::Jaeger, jaeger()),
        (TraceFormat::Zipkin, zipkin()),
        (TraceFormat::OtlpJson, otlp_json()),
        (TraceFormat::OtlpProtobuf, otlp_protobuf()),
        (TraceFormat::Csv, csv()),
    ] {
        for (place, bytes) in documents.iter().enumerate() {
            let (peak, size) = (peak(format, bytes), bytes.len());
            println!("{format}, document {place}: {peak} bytes for {size}");
            assert!(
                peak <= multiple(format) * size + BESIDES,
                "{format}, document {place}: {peak} for {size}"
            );
            worst = worst.max(peak / size);
        }
    }
    // The allocator does count: a test that measured nothing would pass as well.
    assert!(worst >= 10, "{worst}");
}
