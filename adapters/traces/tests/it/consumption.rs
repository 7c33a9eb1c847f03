//! A message that is received and then processed is consumed once, however tracers say it.

use std::sync::Arc;

use astern_graph_core::{CallStatus, EdgeKind, NodeKey, NodeKind};
use astern_traces::{MessageStep, Origin, Peer, Span, SpanKind, TraceFormat};

use crate::formats::{ATTRIBUTED, LINKED, Written, in_formats, written};
use crate::support::{join, lines, span};

/// Attributes of the operation, by conventions from 1.0 on.
const OPERATIONS: [&str; 3] = [
    "messaging.operation",
    "messaging.operation.type",
    "messaging.operation.name",
];

/// Kinds that conventions gave to what receives.
const RECEIVERS: [&str; 2] = ["client", "consumer"];

fn about(span: Written, key: &'static str, operation: &'static str) -> Written {
    span.with("messaging.system", "kafka")
        .with("messaging.destination.name", "orders")
        .with(key, operation)
}

fn sent(id: u64, at: i64) -> Written {
    written((id, 0), "producer", "shop", (at, 1)).with("messaging.destination.name", "orders")
}

/// What mail consumes in each format, with times and status, and the number of spans merged.
fn consumed(formats: &[TraceFormat], spans: &[Written]) -> Vec<(Vec<String>, u64)> {
    let decoded = in_formats(formats, spans).into_iter().map(|joined| {
        let lines = lines(&joined).into_iter();
        let consumed = lines.filter_map(|line| {
            let line = line.strip_prefix("service/mail consumes queue/orders ")?;
            Some(line.to_owned())
        });
        (consumed.collect(), joined.report.merged)
    });
    decoded.collect()
}

fn expect(formats: &[TraceFormat], spans: &[Written], times: &[&str], merged: u64) {
    let times: Vec<String> = times.iter().map(|time| format!("{time} Ok")).collect();
    for (format, seen) in formats.iter().zip(consumed(formats, spans)) {
        assert_eq!(seen, (times.clone(), merged), "{format}");
    }
}

/// Calls `each` with every way to mark a span as a receipt, and as a processing.
fn spellings(mut each: impl FnMut(&dyn Fn(Written) -> Written, &dyn Fn(Written) -> Written)) {
    for key in OPERATIONS {
        for kind in RECEIVERS {
            let receives = |mut span: Written| {
                span.kind = kind;
                about(span, key, "receive")
            };
            each(&receives, &|span| about(span, key, "process"));
        }
    }
}

fn mail(id: (u64, u64), time: (i64, i64)) -> Written {
    written(id, "consumer", "mail", time)
}

#[test]
fn what_runs_under_a_receipt_is_the_consumption() {
    spellings(|receives, processes| {
        let received = receives(mail((10, 0), (100, 5)));
        let handled = ["-/40000/40000"];
        let process = processes(mail((11, 10), (105, 40)));
        expect(
            &ATTRIBUTED,
            &[received.clone(), process.clone()],
            &handled,
            1,
        );
        // A consumer that does not say that it processes.
        let plain = mail((11, 10), (105, 40)).with("messaging.destination.name", "orders");
        expect(&ATTRIBUTED, &[received.clone(), plain], &handled, 1);
        // What handles it may be a server's span or an internal one, and named by the receipt.
        let mut server = written((11, 10), "server", "mail", (105, 40));
        expect(
            &ATTRIBUTED,
            &[received.clone(), server.clone()],
            &handled,
            1,
        );
        server.kind = "internal";
        let internal = server.with("messaging.operation", "process");
        expect(&ATTRIBUTED, &[received.clone(), internal], &handled, 1);
        // Internal spans between, and a second receipt.
        let between = written((12, 10), "internal", "mail", (101, 50));
        let again = receives(mail((13, 12), (102, 2)));
        let mut under = process;
        under.parent = 13;
        expect(&ATTRIBUTED, &[received, between, again, under], &handled, 2);
    });
}

#[test]
fn a_receipt_that_nothing_follows_counts() {
    for key in OPERATIONS {
        let received = |kind| about(written((10, 0), kind, "mail", (100, 5)), key, "receive");
        // A client's side waited for messages; a consumer's may have handled them.
        expect(&ATTRIBUTED, &[received("client")], &["5000/-/-"], 0);
        expect(&ATTRIBUTED, &[received("consumer")], &["-/5000/5000"], 0);
        // Calls under it are calls of their own.
        let call = written((11, 10), "client", "mail", (101, 2)).with("peer.service", "smtp");
        expect(&ATTRIBUTED, &[received("client"), call], &["5000/-/-"], 0);
    }
}

#[test]
fn each_processing_of_a_batch_is_a_consumption() {
    spellings(|receives, processes| {
        let one = |id, at| processes(mail((id, 10), (at, 40)));
        let received = receives(mail((10, 0), (100, 5)));
        let twice = ["-/40000/40000"; 2];
        expect(
            &ATTRIBUTED,
            &[received, one(11, 105), one(12, 150)],
            &twice,
            1,
        );
        // By links, with parents of their own.
        let received = receives(mail((10, 0), (100, 5))).linked(&[1, 2]);
        let one = |id, at, message| processes(mail((id, 0), (at, 40))).linked(&[message]);
        let spans = [
            sent(1, 0),
            sent(2, 1),
            received.clone(),
            one(11, 105, 1),
            one(12, 150, 2),
        ];
        expect(&LINKED, &spans, &twice, 1);
        // All of a batch at once.
        let all = processes(mail((11, 0), (105, 40))).linked(&[1, 2]);
        let spans = [sent(1, 0), sent(2, 1), received, all];
        expect(&LINKED, &spans, &twice[..1], 1);
    });
}

#[test]
fn a_receipt_is_followed_by_what_names_the_same_message_later() {
    spellings(|receives, processes| {
        let link = |span: Written| span.linked(&[1]);
        let parent = |span: Written| Written { parent: 1, ..span };
        let received = receives(mail((10, 0), (100, 5)));
        let process = processes(mail((11, 0), (105, 40)));
        let handled = ["-/40000/40000"];
        for (a, b) in [
            (link(received.clone()), link(process.clone())),
            (link(received.clone()), parent(process.clone())),
            (parent(received.clone()), link(process.clone())),
            (parent(received.clone()), parent(process.clone())),
        ] {
            expect(&LINKED, &[sent(1, 0), a, b], &handled, 1);
        }
        // The processing links to the receipt.
        let linked = process.clone().linked(&[10]);
        expect(&LINKED, &[received.clone(), linked], &handled, 1);
        // Received again, and not processed yet.
        let again = receives(mail((12, 0), (200, 6)));
        let spans = [sent(1, 0), link(received), link(process), link(again)];
        let kind = spans[1].kind;
        let second = if kind == "client" {
            "6000/-/-"
        } else {
            "-/6000/6000"
        };
        expect(&LINKED, &spans, &[handled[0], second], 1);
    });
}

#[test]
fn a_loop_that_polls_and_processes_consumes_once_a_turn() {
    spellings(|receives, processes| {
        let turn = |id, at| {
            let received = receives(mail((id, 1), (at, 5)));
            [received, processes(mail((id + 1, 1), (at + 5, 40)))]
        };
        let poller = written((1, 0), "internal", "mail", (0, 1_000));
        let spans: Vec<Written> = [poller]
            .into_iter()
            .chain(turn(10, 100))
            .chain(turn(20, 200))
            .collect();
        let handled = ["-/40000/40000"; 2];
        expect(&ATTRIBUTED, &spans, &handled, 2);
        // The second turn fails before it processes.
        let last = if spans[1].kind == "client" {
            "5000/-/-"
        } else {
            "-/5000/5000"
        };
        expect(&ATTRIBUTED, &spans[..4], &[handled[0], last], 1);
    });
}

#[test]
fn other_messages_queues_and_consumers_are_not_taken_together() {
    let step = |id, service: &str, at, step| {
        let queue = NodeKey::new(NodeKind::Queue, "q");
        let mut span = span(id, 1, SpanKind::Consumer, service, at, 5);
        span.step = Some(step);
        span.with_peer(Peer::new(queue, EdgeKind::Consumes))
    };
    let received = || step(2, "mail", 10, MessageStep::Receive);
    let processed = || step(3, "mail", 20, MessageStep::Process);
    let calls = |a: Span, b: Span| join([a, b]).calls.len();
    assert_eq!(calls(received(), processed()), 1);
    // Another service, instance, queue, message, and what came before.
    assert_eq!(
        calls(received(), step(3, "bill", 20, MessageStep::Process)),
        2
    );
    let mut elsewhere = Origin::new("mail");
    elsewhere.instance = Some(NodeKey::instance("mail-2"));
    let mut other = processed();
    other.origin = Arc::new(elsewhere);
    assert_eq!(calls(received(), other), 2);
    let other = Peer::new(NodeKey::new(NodeKind::Queue, "r"), EdgeKind::Consumes);
    assert_eq!(calls(received(), processed().with_peer(other.clone())), 2);
    assert_eq!(
        calls(received(), processed().with_peer(other).child_of(2)),
        2
    );
    assert_eq!(calls(received(), processed().child_of(9)), 2);
    assert_eq!(
        calls(received(), step(3, "mail", 5, MessageStep::Process)),
        2
    );
    // Two that both process, one under the other: two messages.
    assert_eq!(
        calls(
            processed(),
            step(4, "mail", 21, MessageStep::Process).child_of(3)
        ),
        2
    );
}

#[test]
fn settling_a_message_calls_the_queue() {
    for kind in RECEIVERS {
        let spans = [
            about(mail((11, 0), (105, 40)), OPERATIONS[1], "process"),
            about(
                written((12, 11), kind, "mail", (140, 2)),
                OPERATIONS[1],
                "settle",
            ),
        ];
        for joined in in_formats(&ATTRIBUTED, &spans) {
            let expected = [
                "service/mail consumes queue/orders -/40000/38000 Ok",
                "service/mail calls queue/orders 2000/-/- Ok",
            ];
            assert_eq!(lines(&joined), expected);
        }
    }
}

#[test]
fn what_the_handling_did_belongs_to_it() {
    let spans = [
        about(
            written((10, 0), "client", "mail", (100, 5)),
            OPERATIONS[1],
            "receive",
        ),
        about(mail((11, 10), (105, 40)), OPERATIONS[1], "process")
            .with("otel.status_code", "ERROR"),
        written((12, 11), "client", "mail", (110, 10)).with("peer.service", "smtp"),
    ];
    for joined in in_formats(&ATTRIBUTED, &spans) {
        assert_eq!(
            lines(&joined)[0],
            "service/mail consumes queue/orders -/40000/30000 Error"
        );
        assert_eq!(joined.calls[0].status, CallStatus::Error);
    }
}
