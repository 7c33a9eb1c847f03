//! What every codec makes: spans of one shape.

use std::sync::Arc;
use std::time::Duration;

use astern_graph_core::{CallStatus, EdgeKind, NodeKey, Party, Revision, SpanId, Timestamp};

/// What a span says of its place in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SpanKind {
    /// The caller's side of a call.
    Client,
    /// The sending of a message; the sender does not wait for it to be handled.
    Producer,
    /// The callee's side of a call.
    Server,
    /// The receiving or handling of a message.
    Consumer,
    /// Work inside a service.
    Internal,
    /// The span does not say.
    Unspecified,
}

/// Which step of the consumption of a message a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MessageStep {
    /// It takes messages from the queue and hands them over, whatever its kind.
    Receive,
    /// It handles them.
    Process,
}

/// Who recorded a span: a service and, when known, the instance, its host and its revision.
///
/// Spans of one process share one, so it is kept behind an [`Arc`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Origin {
    /// The service.
    pub service: NodeKey,
    /// Which of its instances, when known.
    pub instance: Option<NodeKey>,
    /// The machine that it runs on, when known.
    pub host: Option<NodeKey>,
    /// The revision that it runs, when known.
    pub revision: Option<Revision>,
}

impl Origin {
    /// A service of which nothing else is known; the fields are public for the rest.
    pub fn new(service: impl Into<Arc<str>>) -> Self {
        Self {
            service: NodeKey::service(service),
            instance: None,
            host: None,
            revision: None,
        }
    }

    /// Whether two origins are known, or taken, to read the same clock: the same host where both
    /// say one, else the same service and not two different instances.
    pub(crate) fn shares_clock(&self, other: &Self) -> bool {
        if let (Some(a), Some(b)) = (&self.host, &other.host) {
            return a == b;
        }
        let apart = matches!((&self.instance, &other.instance), (Some(a), Some(b)) if a != b);
        self.service == other.service && !apart
    }

    /// As one side of a call.
    pub(crate) fn party(&self, segment: Option<&Arc<str>>) -> Party {
        let mut party = Party::new(self.service.clone());
        party.instance.clone_from(&self.instance);
        party.revision.clone_from(&self.revision);
        party.host.clone_from(&self.host);
        party.segment = segment.cloned();
        party
    }
}

/// What a client, producer or consumer span says that it talked to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Peer {
    /// The node at the other end.
    pub node: NodeKey,
    /// The kind of edge to it.
    pub kind: EdgeKind,
}

impl Peer {
    /// A node, and the kind of edge to it.
    pub fn new(node: NodeKey, kind: EdgeKind) -> Self {
        Self { node, kind }
    }
}

/// One span, whatever it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Span {
    /// Which trace, and which span in it; neither part is zero.
    pub id: SpanId,
    /// The span in the same trace that caused it.
    pub parent: Option<u64>,
    /// Whether the parent did not wait for it (`OpenTracing`'s `FOLLOWS_FROM`).
    pub follows: bool,
    /// What it says of its place in a call.
    pub kind: SpanKind,
    /// Who recorded it.
    pub origin: Arc<Origin>,
    /// Its operation.
    pub name: Option<Arc<str>>,
    /// When it began, when known.
    pub start: Option<Timestamp>,
    /// How long it took, when known.
    pub duration: Option<Duration>,
    /// How it ended.
    pub status: CallStatus,
    /// What it talked to, when it says so; only read of client, producer and consumer spans.
    pub peer: Option<Peer>,
    /// Which step of the consumption of a message it is, when it says so; a consumer span that does not
    /// say handles what it takes.
    pub step: Option<MessageStep>,
    /// The user segment that it belongs to, when known.
    pub segment: Option<Arc<str>>,
    /// Other spans that it names, such as the messages of a batch.
    pub links: Vec<SpanId>,
}

impl Span {
    /// A root span without a time; the fields are public for the rest.
    pub fn new(id: SpanId, kind: SpanKind, origin: Arc<Origin>) -> Self {
        Self {
            id,
            parent: None,
            follows: false,
            kind,
            origin,
            name: None,
            start: None,
            duration: None,
            status: CallStatus::Ok,
            peer: None,
            step: None,
            segment: None,
            links: Vec::new(),
        }
    }

    /// With the span that caused it.
    #[must_use]
    pub fn child_of(mut self, parent: u64) -> Self {
        self.parent = Some(parent);
        self
    }

    /// With its time.
    #[must_use]
    pub fn took(mut self, start: Timestamp, duration: Duration) -> Self {
        self.start = Some(start);
        self.duration = Some(duration);
        self
    }

    /// With its operation.
    #[must_use]
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// With its outcome.
    #[must_use]
    pub fn ended(mut self, status: CallStatus) -> Self {
        self.status = status;
        self
    }

    /// With what it talked to.
    #[must_use]
    pub fn with_peer(mut self, peer: Peer) -> Self {
        self.peer = Some(peer);
        self
    }

    /// As a step of the consumption of a message.
    #[must_use]
    pub fn at_step(mut self, step: MessageStep) -> Self {
        self.step = Some(step);
        self
    }

    /// End of the span, when its time is known.
    pub(crate) fn is_timed(&self) -> bool {
        self.start.is_some() && self.duration.is_some()
    }
}
