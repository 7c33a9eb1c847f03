//! The outcome of a remote procedure call: one under every name of its code, in every format, from
//! either side alone and from both.

use astern_graph_core::CallStatus;
use serde_json::Value;

use crate::formats::{ATTRIBUTED, Written, in_formats, written};

/// Statuses of the one call between web and cart, seen from the client, from the server, from both.
fn seen(system: &'static str, code: &(&'static str, Value)) -> Vec<CallStatus> {
    let attributed = |span: Written| {
        let span = span.with("rpc.system", system);
        span.with(code.0, code.1.clone())
    };
    let client = attributed(written((2, 1), "client", "web", (10, 60)));
    // As OpenTelemetry's clients do: every code but `OK` is an error of their span.
    let client = client
        .with("peer.service", "cart")
        .with("otel.status_code", "ERROR");
    let server = attributed(written((3, 2), "server", "cart", (20, 40)));
    let halves = [
        vec![client.clone()],
        vec![server.clone()],
        vec![client, server],
    ];
    let statuses = halves.iter().flat_map(|spans| {
        let decoded = in_formats(&ATTRIBUTED, spans).into_iter();
        decoded.map(|decoded| {
            assert_eq!(decoded.calls.len(), 1);
            decoded.calls[0].status
        })
    });
    statuses.collect()
}

#[test]
fn a_code_means_one_thing_on_both_sides_and_in_every_format() {
    use CallStatus::{ClientError, Error};
    for (name, number, expected) in [
        ("NOT_FOUND", 5, ClientError),
        ("CANCELLED", 1, ClientError),
        ("UNAUTHENTICATED", 16, ClientError),
        ("DEADLINE_EXCEEDED", 4, Error),
        ("UNAVAILABLE", 14, Error),
    ] {
        for code in [
            ("rpc.grpc.status_code", number.into()),
            ("rpc.grpc.status_code", number.to_string().into()),
            ("rpc.response.status_code", name.into()),
            ("rpc.status_code", name.into()),
            ("rpc.connect_rpc.error_code", name.to_lowercase().into()),
        ] {
            let statuses = seen("grpc", &code);
            assert_eq!(statuses, vec![expected; 12], "{code:?}");
        }
    }
    let code = |code: i64| seen("jsonrpc", &("rpc.jsonrpc.error_code", code.into()));
    assert_eq!(code(-32_601), vec![ClientError; 12]);
    assert_eq!(code(-32_603), vec![Error; 12]);
}
