//! Status codes of remote procedure calls, under old and new names of attributes.
//!
//! | system | codes | failure of the callee | error of the client |
//! |---|---|---|---|
//! | gRPC, Connect, Dubbo 3 | number or name | `UNKNOWN`, `DEADLINE_EXCEEDED`, `UNIMPLEMENTED`, `INTERNAL`, `UNAVAILABLE`, `DATA_LOSS`, numbers above 16 | all others but `OK` |
//! | Dubbo 2 | name | `SERVER_TIMEOUT`, `SERVER_ERROR`, `SERVICE_ERROR`, `SERVER_THREADPOOL_EXHAUSTED_ERROR`, `BAD_RESPONSE` | `CLIENT_TIMEOUT`, `CLIENT_ERROR`, `BAD_REQUEST`, `SERVICE_NOT_FOUND` |
//! | JSON-RPC | number | all others | -32700 (no JSON), -32600 to -32602 (request, method, parameters) |
//!
//! Failures are the codes that OpenTelemetry's semantic conventions (1.27 to 1.45) count as errors of a
//! server, and Dubbo's `BAD_RESPONSE`, which only a client can see. On a client's span the conventions
//! count every code but `OK` as an error; here one code means one thing, whichever side wrote it. Names
//! are compared by their letters, so `NOT_FOUND`, `not_found`, `NotFound` and `StatusCode.NOT_FOUND` are
//! one. Any other name says nothing.

use astern_graph_core::CallStatus;

use super::Value;

/// What the attributes of a span say about the end of a remote procedure call.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct RpcStatus {
    code: Option<Code>,
    json: bool,
}

#[derive(Debug, Clone, Copy)]
enum Code {
    Number(i64),
    Named(CallStatus),
}

impl RpcStatus {
    /// Takes the attribute if it is about the status of a remote procedure call.
    pub(super) fn set(&mut self, key: &str, value: &Value<'_>) -> bool {
        match key {
            "rpc.grpc.status_code"
            | "rpc.response.status_code"
            | "rpc.status_code"
            | "rpc.connect_rpc.error_code"
            | "grpc.status_code"
            | "grpc.status"
            | "grpc.code" => self.code = code(value).or(self.code),
            "rpc.jsonrpc.error_code" => {
                self.json = true;
                self.code = code(value).or(self.code);
            }
            "rpc.system" | "rpc.system.name" => {
                self.json |= matches!(value, Value::Text(system) if system == "jsonrpc");
            }
            _ => return false,
        }
        true
    }

    /// The status that the code stands for, by the table of this module; `None` where there is no
    /// code of it.
    pub(super) fn call_status(self) -> Option<CallStatus> {
        Some(match self.code? {
            Code::Named(status) => status,
            Code::Number(0) => CallStatus::Ok,
            Code::Number(-32_700 | -32_602..=-32_600) => CallStatus::ClientError,
            Code::Number(number) if self.json || number < 0 => CallStatus::Error,
            Code::Number(2 | 4 | 12..=15 | 17..) => CallStatus::Error,
            Code::Number(_) => CallStatus::ClientError,
        })
    }
}

fn code(value: &Value<'_>) -> Option<Code> {
    if let Some(number) = value.number() {
        return Some(Code::Number(number));
    }
    let Value::Text(text) = value else {
        return None;
    };
    let name = text.rsplit('.').next().unwrap_or(text);
    let is = |known: &&str| letters(known).eq(letters(name));
    let status = if is(&"OK") {
        CallStatus::Ok
    } else if FAILURES.iter().any(is) {
        CallStatus::Error
    } else if CLIENT_ERRORS.iter().any(is) {
        CallStatus::ClientError
    } else {
        return None;
    };
    Some(Code::Named(status))
}

/// Letters and digits of a name in one case.
fn letters(name: &str) -> impl Iterator<Item = u8> {
    let letters = name.bytes().filter(u8::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_uppercase())
}

const FAILURES: [&str; 11] = [
    "UNKNOWN",
    "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "SERVER_TIMEOUT",
    "SERVER_ERROR",
    "SERVICE_ERROR",
    "SERVER_THREADPOOL_EXHAUSTED_ERROR",
    "BAD_RESPONSE",
];

const CLIENT_ERRORS: [&str; 15] = [
    "CANCELLED",
    // Connect, and Go's name of gRPC's.
    "CANCELED",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNAUTHENTICATED",
    "CLIENT_TIMEOUT",
    "CLIENT_ERROR",
    "BAD_REQUEST",
    "SERVICE_NOT_FOUND",
];

#[cfg(test)]
mod tests {
    use super::*;
    use CallStatus::{ClientError, Error, Ok};

    fn status(attributes: &[(&str, Value<'_>)]) -> Option<CallStatus> {
        let mut rpc = RpcStatus::default();
        for (key, value) in attributes {
            assert!(rpc.set(key, value), "{key}");
        }
        rpc.call_status()
    }

    fn text(text: &str) -> Value<'_> {
        Value::Text(text.into())
    }

    /// Name, number and status of every code of gRPC.
    const GRPC: [(&str, i64, CallStatus); 17] = [
        ("OK", 0, Ok),
        ("CANCELLED", 1, ClientError),
        ("UNKNOWN", 2, Error),
        ("INVALID_ARGUMENT", 3, ClientError),
        ("DEADLINE_EXCEEDED", 4, Error),
        ("NOT_FOUND", 5, ClientError),
        ("ALREADY_EXISTS", 6, ClientError),
        ("PERMISSION_DENIED", 7, ClientError),
        ("RESOURCE_EXHAUSTED", 8, ClientError),
        ("FAILED_PRECONDITION", 9, ClientError),
        ("ABORTED", 10, ClientError),
        ("OUT_OF_RANGE", 11, ClientError),
        ("UNIMPLEMENTED", 12, Error),
        ("INTERNAL", 13, Error),
        ("UNAVAILABLE", 14, Error),
        ("DATA_LOSS", 15, Error),
        ("UNAUTHENTICATED", 16, ClientError),
    ];

    #[test]
    fn a_code_means_the_same_under_every_attribute_and_in_every_spelling() {
        for key in [
            "rpc.grpc.status_code",
            "rpc.response.status_code",
            "rpc.status_code",
            "rpc.connect_rpc.error_code",
            "grpc.status_code",
            "grpc.status",
            "grpc.code",
        ] {
            for (name, number, expected) in GRPC {
                let words = name.split('_').map(|word| {
                    let (head, tail) = word.split_at(1);
                    head.to_owned() + &tail.to_lowercase()
                });
                let spellings = [
                    Value::Int(number),
                    Value::Float(f64::from(u8::try_from(number).unwrap())),
                    Value::Text(number.to_string().into()),
                    text(name),
                    Value::Text(name.to_lowercase().into()),
                    Value::Text(words.collect::<String>().into()),
                    Value::Text(format!("StatusCode.{name}").into()),
                ];
                for value in spellings {
                    let read = status(&[(key, value.clone())]);
                    assert_eq!(read, Some(expected), "{key} {value:?}");
                }
            }
            assert_eq!(status(&[(key, text("canceled"))]), Some(ClientError));
            assert_eq!(status(&[(key, Value::Int(17))]), Some(Error));
            for nothing in [text(""), text("SOMETHING"), Value::Bool(true), Value::Other] {
                assert_eq!(status(&[(key, nothing)]), None);
            }
        }
    }

    #[test]
    fn other_systems_have_codes_of_their_own() {
        let new = "rpc.response.status_code";
        let json = || ("rpc.system.name", text("jsonrpc"));
        for (attributes, expected) in [
            (vec![(new, text("SERVER_TIMEOUT"))], Error),
            (vec![(new, text("SERVICE_NOT_FOUND"))], ClientError),
            (vec![(new, text("-32602"))], ClientError),
            (vec![(new, text("-32603"))], Error),
            (
                vec![("rpc.jsonrpc.error_code", Value::Int(-32_700))],
                ClientError,
            ),
            // An application's own code, which is no code of gRPC; in either order.
            (vec![("rpc.jsonrpc.error_code", Value::Int(5))], Error),
            (vec![json(), (new, text("5"))], Error),
            (vec![(new, text("5")), json()], Error),
            (
                vec![("rpc.system", text("grpc")), (new, text("5"))],
                ClientError,
            ),
        ] {
            assert_eq!(status(&attributes), Some(expected), "{attributes:?}");
        }
        assert_eq!(status(&[json()]), None);
    }

    #[test]
    fn both_names_at_once_are_one_code() {
        let (old, new) = ("rpc.grpc.status_code", "rpc.response.status_code");
        let code = |attributes: [(&str, Value<'_>); 2]| status(&attributes);
        let (number, name) = (Value::Int(5), text("NOT_FOUND"));
        assert_eq!(
            code([(old, number.clone()), (new, name)]),
            Some(ClientError)
        );
        // What is not understood leaves the other as it is.
        assert_eq!(code([(old, number), (new, text("?"))]), Some(ClientError));
    }
}
