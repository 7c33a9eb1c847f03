//! Documents of our own, one folder a format: what they say, and what happens when they are damaged.
//! They are the seeds of the fuzz targets as well.

use std::fs;
use std::path::{Path, PathBuf};

use astern_graph_core::NodeKey;
use astern_traces::{Decoded, SpanParams, Spans, TraceFormat, decode};

use crate::support::lines;

fn folder(format: TraceFormat) -> PathBuf {
    // Tests run in the folder of their package.
    Path::new("tests/documents").join(format.as_str())
}

fn documents(format: TraceFormat) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder(format)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no documents of {format}");
    paths
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

fn shop(format: TraceFormat, name: &str) -> Decoded {
    let bytes = fs::read(folder(format).join(name)).unwrap();
    decode(
        format,
        &bytes,
        &SpanParams::default().segment_attribute("user.tier".into()),
    )
    .unwrap()
}

#[test]
fn every_document_is_recognised_and_read() {
    for format in TraceFormat::ALL {
        for (path, bytes) in documents(format) {
            assert_eq!(
                TraceFormat::recognise(&bytes),
                Some(format),
                "{}",
                path.display()
            );
            let decoded = decode(format, &bytes, &SpanParams::default()).unwrap();
            assert!(decoded.report.spans > 0, "{}", path.display());
        }
    }
}

#[test]
fn jaeger_says_what_it_says() {
    let decoded = shop(TraceFormat::Jaeger, "shop.json");
    let expected = [
        "- calls service/web -/900000/400000 Ok",
        "service/web calls service/cart 500000/300000/200000 ClientError",
        "service/cart reads database/carts 100000/-/- Error",
    ];
    assert_eq!(lines(&decoded), expected);
    assert_eq!(decoded.report.internal, 1);
    let call = &decoded.calls[1];
    assert_eq!(
        call.callee.instance,
        Some(NodeKey::instance("cart-5c95b49cff-tdsdz"))
    );
    assert_eq!(call.callee.revision.as_ref().unwrap().as_str(), "v7");
    assert_eq!(
        call.caller.as_ref().unwrap().host,
        Some(NodeKey::host("h1"))
    );
    assert_eq!(call.operation.as_deref(), Some("/cart/{id}"));
    assert_eq!(decoded.calls[0].callee.segment.as_deref(), Some("gold"));

    let decoded = shop(TraceFormat::Jaeger, "bare.json");
    let expected = [
        "- calls service/solo -/1000/0 Ok",
        "service/solo calls service/inline -/1000/1000 Ok",
        "- calls service/solo -/-/- Ok", // ends before it starts
    ];
    assert_eq!(lines(&decoded), expected);
    assert_eq!(decoded.calls[0].operation.as_deref(), Some("odd"));
    assert_eq!(
        (decoded.report.negative, decoded.report.unnamed_service),
        (1, 1)
    );
}

#[test]
fn zipkin_says_what_it_says() {
    let decoded = shop(TraceFormat::Zipkin, "shop.json");
    let expected = [
        "- calls service/web -/900000/391000 Ok",
        "service/web calls service/cart 500000/300000/250000 Error",
        "service/cart writes cache/nonces 50000/-/- Ok",
        "service/cart publishes queue/orders 5000/-/- Ok",
        "service/web calls external/192.0.2.7 9000/-/- Ok",
        "service/mail consumes queue/orders -/7000/7000 Ok",
    ];
    assert_eq!(lines(&decoded), expected);
    let report = decoded.report;
    assert_eq!(
        (report.fragment, report.internal, report.shifted),
        (1, 1, 1)
    );
    assert_eq!(shop(TraceFormat::Zipkin, "lists.json").report.calls, 1);
}

#[test]
fn otlp_says_the_same_in_json_and_protobuf() {
    let decoded = shop(TraceFormat::OtlpJson, "shop.json");
    let expected = [
        "- calls service/web -/900000/400000 Error",
        "service/web calls service/cart 500000/300000/250000 ClientError",
        "service/cart reads cache/valkey 50000/-/- Ok",
        "service/web publishes queue/orders 10000/-/- Ok",
        "service/mail consumes queue/orders -/50000/50000 Ok",
    ];
    assert_eq!(lines(&decoded), expected);
    assert_eq!(decoded, shop(TraceFormat::OtlpProtobuf, "shop.pb"));
    // Three documents, one a line.
    let lines = shop(TraceFormat::OtlpJson, "lines.json").report;
    assert_eq!((lines.spans, lines.negative, lines.documents), (1, 1, 1));
}

#[test]
fn csv_says_what_it_says() {
    let decoded = shop(TraceFormat::Csv, "shop.csv");
    let expected = [
        "- calls service/web -/900000/400000 Ok",
        "service/web calls service/cart 500000/300000/300000 Ok",
        "- calls service/tax -/50000/50000 Ok",
    ];
    assert_eq!(lines(&decoded), expected);
    assert_eq!((decoded.report.orphans, decoded.report.negative), (1, 1));
    assert_eq!(decoded.calls[1].operation.as_deref(), Some("/cart/{id},v2"));
}

#[test]
fn a_trace_in_pieces_joins_to_the_same_calls() {
    let bytes = fs::read(folder(TraceFormat::OtlpJson).join("shop.json")).unwrap();
    let whole = decode(TraceFormat::OtlpJson, &bytes, &SpanParams::default()).unwrap();
    let lists: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let mut spans = Spans::new(&SpanParams::default()).unwrap();
    for resource in lists["resourceSpans"].as_array().unwrap().iter().rev() {
        let piece = serde_json::json!({ "resourceSpans": [resource] }).to_string();
        spans.read(TraceFormat::OtlpJson, piece.as_bytes()).unwrap();
    }
    let joined = spans.join();
    assert_eq!(joined.calls, whole.calls);
    assert_eq!(joined.report.documents, 3);
}

#[test]
fn a_document_cut_short_is_refused_whole() {
    for format in TraceFormat::ALL {
        for (path, bytes) in documents(format) {
            let end = bytes.trim_ascii_end().len();
            let mut refused = 0;
            for cut in 0..end {
                let mut spans = Spans::new(&SpanParams::default()).unwrap();
                if spans.read(format, &bytes[..cut]).is_err() {
                    refused += 1;
                    assert!(spans.as_slice().is_empty(), "{} at {cut}", path.display());
                }
                spans.join();
            }
            // A list of records or of fields may end after any of them; JSON ends where it ends.
            let whole = matches!(format, TraceFormat::Jaeger | TraceFormat::Zipkin)
                || path.ends_with("otlp-json/shop.json");
            assert!(
                refused > 0 && (!whole || refused == end),
                "{}: {refused} of {end}",
                path.display()
            );
        }
    }
}

#[test]
fn a_changed_byte_is_never_fatal() {
    for format in TraceFormat::ALL {
        for (_, bytes) in documents(format) {
            for at in 0..bytes.len() {
                for change in [0x01, 0x80] {
                    let mut changed = bytes.clone();
                    changed[at] ^= change;
                    // What it says may differ or be refused; every span is still accounted for.
                    if let Ok(decoded) = decode(format, &changed, &SpanParams::default()) {
                        assert_eq!(decoded.report.calls, decoded.calls.len() as u64);
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_no_document_of_traces_is_refused_with_its_place() {
    for (format, bytes, message) in [
        (
            TraceFormat::OtlpJson,
            r#"{"resourceLogs": []}"#,
            "`resourceLogs`",
        ),
        (
            TraceFormat::OtlpJson,
            r#"{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz"}]}]}]}"#,
            "line 1 column 64",
        ),
        (TraceFormat::OtlpJson, "{} x", "column 4"),
        (TraceFormat::Jaeger, r#"{"hits": []}"#, "without `data`"),
        (
            TraceFormat::Jaeger,
            "{\"data\": [{\"spans\": [\n{\"startTime\": true}]}]}",
            "line 2 column",
        ),
        (
            TraceFormat::Jaeger,
            r#"{"data": [{"spans": [{"references": [{"refType": "X"}]}]}]}"#,
            "CHILD_OF",
        ),
        (TraceFormat::Zipkin, r#"{"spans": []}"#, "a list"),
        (TraceFormat::Zipkin, "[[[]]]", "a span"),
        (TraceFormat::Zipkin, r#"[{"kind": "WAITER"}]"#, "`kind`"),
        (TraceFormat::Zipkin, r#"[{"binaryAnnotations": []}]"#, "v1"),
        (TraceFormat::OtlpProtobuf, "\n\u{5}a", "byte 1"),
        (TraceFormat::Csv, "TraceID,SpanID\n", "`ParentID`"),
        (
            TraceFormat::Csv,
            "TraceID,SpanID,ParentID,PodName,OperationName,StartTimeUnixNano,EndTimeUnixNano\n1,2,,a,b,soon,",
            "line 2, column `StartTimeUnixNano`: `soon`",
        ),
        (
            TraceFormat::Csv,
            "TraceID,SpanID,ParentID,PodName,OperationName,StartTimeUnixNano,EndTimeUnixNano\n1,2",
            "line: 2",
        ),
    ] {
        let error = decode(format, bytes.as_bytes(), &SpanParams::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains(message), "{error}");
    }
    let deep = "[".repeat(100_000);
    for format in [
        TraceFormat::Jaeger,
        TraceFormat::Zipkin,
        TraceFormat::OtlpJson,
    ] {
        assert!(decode(format, deep.as_bytes(), &SpanParams::default()).is_err());
    }
    for (format, empty) in [
        (TraceFormat::Jaeger, "{\"data\": null}"),
        (TraceFormat::Zipkin, "[]"),
        (TraceFormat::OtlpJson, "{}"),
        (TraceFormat::OtlpProtobuf, ""),
    ] {
        assert_eq!(
            decode(format, empty.as_bytes(), &SpanParams::default())
                .unwrap()
                .report
                .spans,
            0
        );
    }
}
