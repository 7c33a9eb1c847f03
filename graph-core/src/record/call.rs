//! One observed call.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Party;
use crate::edge::EdgeKind;
use crate::name::SpanId;
use crate::time::Timestamp;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallStatus {
    /// Answered as asked.
    Ok,
    /// Failed by the fault of the callee (5xx, exception, timeout).
    Error,
    /// Refused by the fault of the caller (4xx): not counted as an error of the callee.
    ClientError,
}

/// One observed call, or one read, write, publication or consumption of a message.
///
/// A consumption has the consumer as its caller and the queue as its callee; its `server` duration
/// is the time that the consumer took to handle the message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Call {
    /// Identity of the span, when known; lets duplicates be detected.
    pub id: Option<SpanId>,
    /// When it began.
    pub at: Timestamp,
    /// The kind of edge that it went over.
    pub kind: EdgeKind,
    /// Who called; `None` for a call from outside.
    pub caller: Option<Party>,
    /// Who was called.
    pub callee: Party,
    /// What was asked for, when known.
    pub operation: Option<Arc<str>>,
    /// Duration as the caller saw it.
    pub client: Option<Duration>,
    /// Duration as the callee saw it.
    pub server: Option<Duration>,
    /// The part of it in which the callee did not wait for a call of its own.
    pub exclusive: Option<Duration>,
    /// How it ended.
    pub status: CallStatus,
}

/// Whether calls can go over an edge of a kind: none go to a host, and nothing is consumed by nobody.
pub(crate) fn can_carry(kind: EdgeKind, caller: Option<&Party>) -> bool {
    match kind {
        EdgeKind::RunsOn => false,
        EdgeKind::Consumes => caller.is_some(),
        _ => true,
    }
}

impl Call {
    /// A successful call from outside, without durations; the fields are public for the rest.
    pub fn new(at: Timestamp, callee: Party) -> Self {
        Self {
            id: None,
            at,
            kind: EdgeKind::Calls,
            caller: None,
            callee,
            operation: None,
            client: None,
            server: None,
            exclusive: None,
            status: CallStatus::Ok,
        }
    }

    /// With its caller.
    #[must_use]
    pub fn from(mut self, caller: Party) -> Self {
        self.caller = Some(caller);
        self
    }

    /// With the kind of edge that it went over; [`Calls`](EdgeKind::Calls) where none is given.
    #[must_use]
    pub fn over(mut self, kind: EdgeKind) -> Self {
        self.kind = kind;
        self
    }

    /// With the durations that each side saw.
    #[must_use]
    pub fn took(mut self, client: Option<Duration>, server: Option<Duration>) -> Self {
        self.client = client;
        self.server = server;
        self
    }

    /// With its outcome.
    #[must_use]
    pub fn ended(mut self, status: CallStatus) -> Self {
        self.status = status;
        self
    }
}
