//! How a span ended.
//!
//! | what the span says | status |
//! |---|---|
//! | OTLP status `Ok` | `Ok` (a person has set it) |
//! | HTTP 500 and above | `Error` |
//! | HTTP 400 to 499 | `ClientError`, on either side |
//! | a code of a remote procedure call that is a failure of the callee ([`rpc`](super::rpc)) | `Error` |
//! | any other such code but `OK` | `ClientError`, on either side |
//! | OTLP status `Error`, or a tag `error` other than `false` | `Error` |
//! | nothing of these | `Ok` |
//!
//! The first line that applies decides. Clients of OpenTelemetry mark HTTP 4xx and every code of a
//! remote procedure call but `OK` as an error of their span; the callee is not at fault, so the code
//! goes before the mark.

use astern_graph_core::CallStatus;

use super::Value;
use super::rpc::RpcStatus;

/// What the attributes of a span say about its end.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Outcome {
    http: Option<u16>,
    rpc: RpcStatus,
    error: bool,
    ok: bool,
}

impl Outcome {
    /// Takes the attribute if it is about the outcome.
    pub(super) fn set(&mut self, key: &str, value: &Value<'_>) -> bool {
        match key {
            "http.response.status_code" | "http.status_code" => self.http = value.code(),
            "error" => self.error |= says_error(value),
            "otel.status_code" => match value {
                Value::Text(text) => self.status(text),
                _ => return false,
            },
            _ => return self.rpc.set(key, value),
        }
        true
    }

    /// The status code of OTLP by number.
    pub(crate) fn status_code(&mut self, code: i64) {
        self.ok |= code == 1;
        self.error |= code == 2;
    }

    /// The status code of OTLP by name, with or without the prefix of its enumeration.
    pub(crate) fn status(&mut self, name: &str) {
        match name.strip_prefix("STATUS_CODE_").unwrap_or(name) {
            "OK" => self.ok = true,
            "ERROR" => self.error = true,
            _ => {}
        }
    }

    /// The one status, by the table of this module.
    pub(crate) fn call_status(self) -> CallStatus {
        if self.ok {
            return CallStatus::Ok;
        }
        match (self.http, self.rpc.call_status()) {
            (Some(500..), _) | (_, Some(CallStatus::Error)) => CallStatus::Error,
            (Some(400..=499), _) | (_, Some(CallStatus::ClientError)) => CallStatus::ClientError,
            _ if self.error => CallStatus::Error,
            _ => CallStatus::Ok,
        }
    }
}

/// `OpenTracing` says `true`; Zipkin says what went wrong, which may be an empty text.
fn says_error(value: &Value<'_>) -> bool {
    match value {
        Value::Text(text) => !text.eq_ignore_ascii_case("false"),
        Value::Bool(value) => *value,
        Value::Int(number) => *number != 0,
        Value::Float(_) | Value::Other => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(attributes: &[(&str, Value<'_>)]) -> CallStatus {
        let mut outcome = Outcome::default();
        for (key, value) in attributes {
            assert!(outcome.set(key, value), "{key}");
        }
        outcome.call_status()
    }

    #[test]
    fn each_line_of_the_table_holds() {
        use CallStatus::{ClientError, Error, Ok};
        let text = |text: &'static str| Value::Text(text.into());
        let error = ("error", Value::Bool(true));
        for (attributes, expected) in [
            (vec![], Ok),
            (vec![error.clone()], Error),
            (vec![("error", text("false"))], Ok),
            (vec![("error", text(""))], Error),
            (vec![("error", text("ClientSideError"))], Error),
            (vec![("otel.status_code", text("OK")), error.clone()], Ok),
            (vec![("otel.status_code", text("ERROR"))], Error),
            (
                vec![("http.status_code", Value::Int(404)), error.clone()],
                ClientError,
            ),
            (vec![("http.status_code", text("503"))], Error),
            (vec![("http.response.status_code", Value::Float(204.0))], Ok),
            (vec![("http.status_code", Value::Int(200)), error], Error),
            (
                vec![
                    ("http.status_code", Value::Int(200)),
                    ("grpc.status_code", Value::Int(14)),
                ],
                Error,
            ),
            (vec![("rpc.grpc.status_code", Value::Int(0))], Ok),
            (vec![("rpc.grpc.status_code", Value::Int(4))], Error),
            (vec![("grpc.status", text("NOT_FOUND"))], ClientError),
            (vec![("rpc.grpc.status_code", text("14"))], Error),
            (
                vec![
                    ("rpc.response.status_code", text("NOT_FOUND")),
                    ("otel.status_code", text("ERROR")),
                ],
                ClientError,
            ),
            // No code that anybody knows: the mark decides.
            (
                vec![
                    ("rpc.response.status_code", text("STRANGE")),
                    ("otel.status_code", text("ERROR")),
                ],
                Error,
            ),
        ] {
            assert_eq!(status(&attributes), expected, "{attributes:?}");
        }
    }
}
