//! Each rule of the join on a trace of few spans.

use std::sync::Arc;

use astern_graph_core::{CallStatus, EdgeKind, NodeKey, NodeKind, SpanId};
use astern_traces::{Origin, Peer, Span, SpanKind, SpanParams};

use crate::support::{join, join_with, lines, span};
use CallStatus::{ClientError, Error, Ok};
use SpanKind::{Client, Consumer, Internal, Producer, Server, Unspecified};

fn queue(name: &str, kind: EdgeKind) -> Peer {
    Peer::new(NodeKey::new(NodeKind::Queue, name), kind)
}

#[test]
fn a_client_and_its_server_are_one_call() {
    let joined = join([
        span(1, 0, Server, "web", 0, 100),
        span(2, 1, Client, "web", 10, 60),
        span(3, 2, Server, "cart", 20, 40),
    ]);
    let expected = [
        "- calls service/web -/100/40 Ok",
        "service/web calls service/cart 60/40/40 Ok",
    ];
    assert_eq!(lines(&joined), expected);
    let call = &joined.calls[1];
    assert_eq!(call.id, Some(SpanId::new(1, 3)));
    assert_eq!(call.at.nanos(), 10);
    assert_eq!(call.operation.as_deref(), Some("op3"));
}

#[test]
fn two_sides_may_share_an_id() {
    let joined = join([
        span(2, 0, Client, "web", 10, 60),
        span(2, 0, Server, "cart", 20, 40),
        // One child of each side: distinguished by their services.
        span(3, 2, Internal, "web", 12, 1),
        span(4, 2, Client, "cart", 25, 10)
            .with_peer(Peer::new(NodeKey::service("db"), EdgeKind::Calls)),
    ]);
    let expected = [
        "service/web calls service/cart 60/40/30 Ok",
        "service/cart calls service/db 10/-/- Ok",
    ];
    assert_eq!(lines(&joined), expected);
    assert_eq!(joined.report.internal, 1);
}

#[test]
fn internal_spans_are_walked_through() {
    let joined = join([
        span(1, 0, Server, "web", 0, 100),
        span(2, 1, Internal, "web", 5, 90),
        span(3, 2, Server, "cart", 20, 40), // its client span was not recorded
        span(4, 2, Client, "web", 70, 10),
        span(5, 4, Internal, "web", 71, 8),
        span(6, 5, Server, "stock", 72, 6), // the client span is two above
        span(7, 3, Internal, "tax", 30, 5), // another service under a server span
    ]);
    let expected = [
        "- calls service/web -/100/50 Ok",
        "service/web calls service/cart -/40/35 Ok",
        "service/cart calls service/tax -/5/5 Ok",
        "service/web calls service/stock 10/6/6 Ok",
    ];
    assert_eq!(lines(&joined), expected);
}

#[test]
fn of_nested_client_spans_the_inner_one_is_the_call() {
    let joined = join([
        span(1, 0, Client, "web", 0, 100),
        span(2, 1, Client, "web", 10, 80),
        span(3, 2, Server, "cart", 20, 40),
    ]);
    assert_eq!(
        lines(&joined),
        ["service/web calls service/cart 80/40/40 Ok"]
    );
    assert_eq!((joined.report.internal, joined.report.merged), (1, 1));
}

#[test]
fn a_client_that_was_answered_twice_is_two_calls() {
    let joined = join([
        span(1, 0, Client, "web", 0, 100),
        span(3, 1, Server, "b", 50, 40),
        span(2, 1, Server, "a", 20, 10),
    ]);
    let expected = [
        "service/web calls service/a 100/10/10 Ok",
        "service/web calls service/b -/40/40 Ok",
    ];
    assert_eq!(lines(&joined), expected);
}

#[test]
fn a_client_without_a_server_calls_whom_it_names() {
    let store = Peer::new(NodeKey::new(NodeKind::Database, "shop"), EdgeKind::Reads);
    let joined = join([
        span(1, 0, Client, "web", 0, 9).with_peer(store),
        span(2, 0, Client, "web", 1, 9),
        // The callee's server span was lost, but not what it did.
        span(3, 0, Client, "web", 2, 9),
        span(4, 3, Client, "cart", 3, 1)
            .with_peer(Peer::new(NodeKey::service("tax"), EdgeKind::Calls)),
    ]);
    let expected = [
        "service/web reads database/shop 9/-/- Ok",
        "service/web calls service/cart 9/-/- Ok",
        "service/cart calls service/tax 1/-/- Ok",
    ];
    assert_eq!(lines(&joined), expected);
    assert_eq!(joined.report.unnamed_peer, 1);
}

#[test]
fn spans_without_kinds_are_judged_by_their_services() {
    let trace = || {
        [
            span(1, 0, Unspecified, "web", 0, 100),
            span(2, 1, Unspecified, "web", 10, 60),
            span(3, 2, Unspecified, "cart", 20, 40),
            span(4, 1, Unspecified, "web", 80, 5),
        ]
    };
    let joined = join(trace());
    let root = "- calls service/web -/100/40 Ok";
    assert_eq!(
        lines(&joined),
        [root, "service/web calls service/cart 60/40/40 Ok"]
    );
    assert_eq!(
        (joined.report.inferred_clients, joined.report.internal),
        (1, 1)
    );
    // Not inferred: the caller's side is not known, and it waits for the callee's.
    let joined = join_with(&SpanParams::default().infer_clients(false), trace());
    let root = "- calls service/web -/100/60 Ok";
    assert_eq!(
        lines(&joined),
        [root, "service/web calls service/cart -/40/40 Ok"]
    );
    // A second child: it is more than the caller's side.
    let joined = join(
        trace()
            .into_iter()
            .chain([span(5, 2, Unspecified, "web", 30, 1)]),
    );
    assert_eq!(
        lines(&joined)[1],
        "service/web calls service/cart -/40/40 Ok"
    );
}

#[test]
fn messages_go_over_a_queue_and_nobody_waits() {
    let joined = join([
        span(1, 0, Server, "web", 0, 100),
        span(2, 1, Producer, "web", 10, 5).with_peer(queue("orders", EdgeKind::Publishes)),
        span(3, 2, Consumer, "mail", 200, 50), // named by its parent
        span(4, 3, Client, "mail", 210, 20)
            .with_peer(Peer::new(NodeKey::service("smtp"), EdgeKind::Calls)),
        span(5, 2, Server, "bill", 300, 10), // not marked as a consumer
    ]);
    let expected = [
        "- calls service/web -/100/100 Ok",
        "service/web publishes queue/orders 5/-/- Ok",
        "service/mail consumes queue/orders -/50/30 Ok",
        "service/mail calls service/smtp 20/-/- Ok",
        "service/bill consumes queue/orders -/10/10 Ok",
    ];
    assert_eq!(lines(&joined), expected);
}

#[test]
fn a_batch_names_its_queue_by_its_links() {
    let mut batch = span(9, 0, Consumer, "mail", 200, 50);
    batch.id = SpanId::new(2, 9);
    batch.links = vec![SpanId::new(1, 1), SpanId::new(1, 2)];
    let other = span(1, 0, Internal, "web", 0, 1);
    let sent = span(2, 0, Producer, "web", 10, 5).with_peer(queue("orders", EdgeKind::Publishes));
    let joined = join([batch.clone(), other, sent]);
    assert_eq!(
        lines(&joined)[1],
        "service/mail consumes queue/orders -/50/50 Ok"
    );
    assert_eq!(join([batch]).report.unnamed_peer, 1);
}

#[test]
fn a_message_may_share_its_id() {
    let named =
        |kind, edge, service, at| span(2, 0, kind, service, at, 5).with_peer(queue("orders", edge));
    let joined = join([
        named(Producer, EdgeKind::Publishes, "web", 0),
        named(Consumer, EdgeKind::Consumes, "mail", 9),
    ]);
    // Both are calls of their own; only one can have the id, or a graph would drop the other.
    let ids: Vec<_> = joined.calls.iter().map(|call| call.id.is_some()).collect();
    assert_eq!(ids, [true, false]);
}

#[test]
fn own_time_is_what_no_call_covers() {
    let peer = || Peer::new(NodeKey::service("x"), EdgeKind::Calls);
    let call = |id, at, took| span(id, 1, Client, "web", at, took).with_peer(peer());
    let own = |calls: Vec<Span>| {
        let joined = join(
            [span(1, 0, Server, "web", 100, 100)]
                .into_iter()
                .chain(calls),
        );
        let call = joined
            .calls
            .iter()
            .find(|call| call.caller.is_none())
            .unwrap();
        call.exclusive.map(|own| own.as_nanos())
    };
    assert_eq!(own(vec![]), Some(100));
    assert_eq!(
        own(vec![call(2, 110, 20), call(3, 120, 30), call(4, 125, 1)]),
        Some(60)
    );
    assert_eq!(
        own(vec![call(2, 50, 60), call(3, 190, 500), call(4, 300, 9)]),
        Some(80)
    );
    assert_eq!(own(vec![call(2, 0, 900)]), Some(0));
    let mut behind = call(2, 110, 20);
    behind.follows = true;
    assert_eq!(own(vec![behind]), Some(100));
    let mut untimed = call(2, 110, 20);
    untimed.duration = None;
    assert_eq!(own(vec![untimed]), None);
}

#[test]
fn a_server_on_another_host_is_shifted_into_its_client() {
    let chain = || {
        [
            span(1, 0, Client, "web", 100, 50),
            span(2, 1, Server, "cart", 1_000, 30),
            span(3, 2, Client, "cart", 1_010, 12),
            span(4, 3, Server, "stock", 1_011, 10),
        ]
    };
    let starts = |params: &SpanParams| {
        let joined = join_with(params, chain());
        assert_eq!(joined.calls[0].server.unwrap().as_nanos(), 30);
        (joined.calls[1].at.nanos(), joined.report.shifted)
    };
    // Centred: 10 on each side; what runs under it shifts along, and then fits.
    assert_eq!(starts(&SpanParams::default()), (120, 2));
    assert_eq!(
        starts(&SpanParams::default().adjust_skew(false)),
        (1_010, 0)
    );
    // One clock: whatever the times say, they are not two clocks'.
    let mut host = Origin::new("web");
    host.host = Some(NodeKey::host("h"));
    let mut other = Origin::new("cart");
    other.host.clone_from(&host.host);
    let [mut a, mut b, ..] = chain();
    (a.origin, b.origin) = (Arc::new(host), Arc::new(other));
    assert_eq!(join([a, b]).report.shifted, 0);
}

#[test]
fn the_callee_decides_how_a_call_ended_unless_it_saw_nothing() {
    let ended = |client, server| {
        let joined = join([
            span(1, 0, Client, "web", 0, 9).ended(client),
            span(2, 1, Server, "cart", 1, 5).ended(server),
        ]);
        joined.calls[0].status
    };
    assert_eq!(ended(Ok, Error), Error);
    assert_eq!(ended(Error, Ok), Error);
    assert_eq!(ended(Error, ClientError), ClientError);
    assert_eq!(ended(Ok, Ok), Ok);
}

#[test]
fn instance_host_revision_and_segment_come_along() {
    let mut origin = Origin::new("cart");
    origin.instance = Some(NodeKey::instance("cart-1"));
    origin.host = Some(NodeKey::host("h1"));
    origin.revision = Some("v2".into());
    let mut server = span(2, 1, Server, "cart", 1, 5);
    server.origin = Arc::new(origin);
    let mut client = span(1, 0, Client, "web", 0, 9);
    client.segment = Some("gold".into());
    let call = join([client, server]).calls.remove(0);
    assert_eq!(call.callee.instance, Some(NodeKey::instance("cart-1")));
    assert_eq!(call.callee.host, Some(NodeKey::host("h1")));
    assert_eq!(call.callee.revision.unwrap().as_str(), "v2");
    assert_eq!(call.callee.segment.as_deref(), Some("gold"));
    assert_eq!(call.caller.unwrap().segment.as_deref(), Some("gold"));
}
