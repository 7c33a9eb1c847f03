//! Spans that end before they start, in every format: the call stays, its time is not known.

use crate::formats::{ATTRIBUTED, Written, csv, in_formats, written};
use crate::support::lines;

/// Web calls cart, which reads a store; durations of web's client span, of cart's server span and
/// of its client span.
fn trace(client: i64, server: i64, store: i64) -> Vec<Written> {
    vec![
        written((1, 0), "server", "web", (0, 100)),
        written((2, 1), "client", "web", (10, client)).with("peer.service", "cart"),
        written((3, 2), "server", "cart", (20, server)),
        written((4, 3), "client", "cart", (30, store)).with("db.system", "redis"),
    ]
}

fn expect(spans: &[Written], negative: u64, expected: &[&str]) {
    for joined in in_formats(&ATTRIBUTED, spans) {
        let thousands = |line: String| line.replace("000/", "/").replace("000 ", " ");
        let lines: Vec<String> = lines(&joined).into_iter().map(thousands).collect();
        assert_eq!(lines, expected);
        let report = joined.report;
        assert_eq!((report.negative, report.lost()), (negative, 0));
    }
}

#[test]
fn the_call_stays_and_neither_its_time_nor_the_callers_self_time_is_known() {
    let store = "service/cart calls cache/redis 10/-/- Ok";
    expect(
        &trace(60, 40, 10),
        0,
        &[
            "- calls service/web -/100/40 Ok",
            "service/web calls service/cart 60/40/30 Ok",
            store,
        ],
    );
    // The client's side: how long cart took does not say how long web waited.
    expect(
        &trace(-5, 40, 10),
        1,
        &[
            "- calls service/web -/100/- Ok",
            "service/web calls service/cart -/40/30 Ok",
            store,
        ],
    );
    // The server's side: how long web waited is known.
    expect(
        &trace(60, -5, 10),
        1,
        &[
            "- calls service/web -/100/40 Ok",
            "service/web calls service/cart 60/-/- Ok",
            store,
        ],
    );
    expect(
        &trace(-5, -5, -1),
        3,
        &[
            "- calls service/web -/100/- Ok",
            "service/web calls service/cart -/-/- Ok",
            "service/cart calls cache/redis -/-/- Ok",
        ],
    );
}

#[test]
fn either_side_alone_is_enough_for_the_call() {
    let spans = trace(-5, -5, 10);
    // No server span: the client names its peer.
    expect(
        &spans[..2],
        1,
        &[
            "- calls service/web -/100/- Ok",
            "service/web calls service/cart -/-/- Ok",
        ],
    );
    // No client span: web waits for cart's side, whose time is not known.
    let mut server = spans[2].clone();
    server.parent = 1;
    expect(
        &[spans[0].clone(), server],
        1,
        &[
            "- calls service/web -/100/- Ok",
            "service/web calls service/cart -/-/- Ok",
        ],
    );
}

#[test]
fn work_inside_a_service_and_messages_take_no_self_time_with_them() {
    let spans = [
        written((1, 0), "server", "web", (0, 100)),
        written((2, 1), "internal", "web", (10, -5)),
        written((3, 2), "producer", "web", (20, -5)).with("messaging.destination.name", "q"),
        written((4, 3), "consumer", "mail", (30, -5)),
    ];
    expect(
        &spans,
        3,
        &[
            "- calls service/web -/100/100 Ok",
            "service/web publishes queue/q -/-/- Ok",
            "service/mail consumes queue/q -/-/- Ok",
        ],
    );
}

#[test]
fn rows_of_a_table_may_be_negative_too() {
    let rows = [
        "1,1,root,web,a,0,100",
        "1,2,1,web,b,10,5",
        "1,3,2,cart,c,20,60",
    ];
    let joined = csv(&rows.map(str::to_owned));
    let expected = [
        "- calls service/web -/100/- Ok",
        "service/web calls service/cart -/40/40 Ok",
    ];
    assert_eq!(lines(&joined), expected);
    assert_eq!((joined.report.negative, joined.report.lost()), (1, 0));
}
