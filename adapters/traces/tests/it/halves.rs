//! One trace under its whole id and under the lower half of it, in every format.

use astern_traces::{SpanKind, SpanParams, TraceFormat, jaeger};
use serde_json::{Value, json};

use crate::formats::{ATTRIBUTED, HALF, LINKED, TRACE, Written, csv, in_formats, written};
use crate::support::{join, lines, span};

fn halved(span: Written) -> Written {
    span.in_trace(HALF)
}

/// Web calls cart, seen from both sides.
fn trace() -> [Written; 4] {
    [
        written((1, 0), "server", "web", (0, 100)),
        written((2, 1), "client", "web", (10, 60)),
        written((3, 2), "server", "cart", (20, 40)),
        written((4, 3), "client", "cart", (30, 10)).with("peer.service", "stock"),
    ]
}

#[test]
fn halves_and_wholes_are_one_trace_whichever_side_knows_less() {
    let whole = in_formats(&ATTRIBUTED, &trace());
    assert_eq!(whole[0].calls.len(), 3);
    for shortened in 1..0b1111_u8 {
        let mut spans = trace().to_vec();
        for (at, span) in spans.iter_mut().enumerate() {
            if shortened & (1 << at) != 0 {
                *span = halved(span.clone());
            }
        }
        for (format, joined) in ATTRIBUTED.iter().zip(in_formats(&ATTRIBUTED, &spans)) {
            // Their ids are whole as well: the calls of a trace keep together.
            assert_eq!(joined.calls, whole[0].calls, "{format} {shortened:b}");
            let report = joined.report;
            assert_eq!(report.half_trace_ids, u64::from(shortened.count_ones()));
            assert_eq!((report.orphans, report.lost()), (0, 0));
        }
    }
    // Nobody knows more than the half.
    let joined = in_formats(&ATTRIBUTED, &trace().map(halved));
    assert!(joined.iter().all(|joined| joined.calls.len() == 3));
    assert!(
        joined
            .iter()
            .all(|joined| joined.report.half_trace_ids == 0)
    );
}

#[test]
fn two_sides_that_share_an_id_may_differ_in_the_length_of_the_trace_id() {
    for (client, server) in [(true, false), (false, true)] {
        let mut a = written((2, 0), "client", "web", (10, 60));
        let mut b = written((2, 0), "server", "cart", (20, 40));
        for (span, is_half) in [(&mut a, client), (&mut b, server)] {
            if is_half {
                *span = halved(span.clone());
            }
        }
        for joined in in_formats(&[TraceFormat::Zipkin], &[a, b]) {
            let expected = ["service/web calls service/cart 60000/40000/40000 Ok"];
            assert_eq!(lines(&joined), expected);
        }
    }
}

#[test]
fn a_span_under_both_ids_is_one_span() {
    let [server, ..] = trace();
    for joined in in_formats(&ATTRIBUTED, &[server.clone(), halved(server)]) {
        assert_eq!(joined.calls.len(), 1);
        assert_eq!(joined.report.duplicate, 1);
    }
}

#[test]
fn a_link_may_name_the_half_or_the_whole() {
    let sent = || {
        let span = written((1, 0), "producer", "orders", (0, 1));
        span.with("messaging.destination.name", "orders")
    };
    let taken = |link: &'static str| {
        let mut span = written((9, 0), "consumer", "mail", (50, 10));
        span.trace = "4bf92f3577b34da6a3ce929d0e0e0001";
        span.links.push((link, 1));
        span
    };
    for spans in [[halved(sent()), taken(TRACE)], [sent(), taken(HALF)]] {
        for joined in in_formats(&LINKED, &spans) {
            let consumed = "service/mail consumes queue/orders -/10000/10000 Ok";
            assert_eq!(lines(&joined)[1], consumed);
        }
    }
}

/// Jaeger's references name a trace of their own.
#[test]
fn a_reference_to_the_parent_may_name_the_half_or_the_whole() {
    let span = |id: &str, trace: &str, parent: Option<(&str, &str)>| {
        let parent = parent
            .map(|(trace, id)| json!({ "refType": "CHILD_OF", "traceID": trace, "spanID": id }));
        json!({
            "traceID": trace, "spanID": id, "startTime": 1, "duration": 9,
            "references": parent.into_iter().collect::<Vec<_>>(),
            "process": { "serviceName": id },
        })
    };
    for (parent, child, named) in [
        (TRACE, HALF, TRACE),
        (TRACE, HALF, HALF),
        (TRACE, TRACE, HALF),
        (HALF, TRACE, HALF),
        (HALF, TRACE, TRACE),
    ] {
        let spans = [
            span("a", parent, None),
            span("b", child, Some((named, "a"))),
        ];
        let document: Value = json!({ "data": [{ "spans": spans, "processes": {} }] });
        let bytes = document.to_string().into_bytes();
        let joined = jaeger::decode(&bytes, &SpanParams::default()).unwrap();
        assert_eq!(
            lines(&joined)[1],
            "service/a calls service/b -/9000/9000 Ok"
        );
    }
}

#[test]
fn rows_of_a_table_may_name_the_half_or_the_whole() {
    let joined = csv(&[
        format!("{TRACE},1,root,web,a,1,9"),
        format!("{HALF},2,1,cart,b,2,5"),
    ]);
    assert_eq!(lines(&joined)[1], "service/web calls service/cart -/3/3 Ok");
}

#[test]
fn a_half_of_two_traces_belongs_to_neither() {
    let of = |trace, id| {
        let mut span = span(id, 0, SpanKind::Server, "web", 0, 1);
        span.id.trace = trace;
        span
    };
    let joined = join([of(1 << 64 | 7, 1), of(2 << 64 | 7, 1), of(7, 2)]);
    let traces: Vec<u128> = joined
        .calls
        .iter()
        .filter_map(|call| call.id)
        .map(|id| id.trace)
        .collect();
    assert_eq!(traces, [7, 1 << 64 | 7, 2 << 64 | 7]);
    assert_eq!(joined.report.half_trace_ids, 0);
}
