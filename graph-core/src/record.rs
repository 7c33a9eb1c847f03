//! The records that enter: calls, metric samples, changes. Adapters make them, or the user's code.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::edge::{EdgeKind, Subject};
use crate::key::NodeKey;
use crate::name::{ChangeId, MetricName, Revision, SpanId};
use crate::share::TrafficShare;
use crate::time::Timestamp;

/// One piece of telemetry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Record {
    /// A call between two parties.
    Call(Call),
    /// A value of a metric.
    Sample(Sample),
    /// A step of a change.
    Change(ChangeEvent),
    /// An edge that is known without a call over it.
    Dependency(Dependency),
}

impl Record {
    /// When it happened.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Call(call) => call.at,
            Self::Sample(sample) => sample.at,
            Self::Change(change) => change.at,
            Self::Dependency(dependency) => dependency.at,
        }
    }
}

impl From<Call> for Record {
    fn from(call: Call) -> Self {
        Self::Call(call)
    }
}

impl From<Sample> for Record {
    fn from(sample: Sample) -> Self {
        Self::Sample(sample)
    }
}

impl From<ChangeEvent> for Record {
    fn from(change: ChangeEvent) -> Self {
        Self::Change(change)
    }
}

impl From<Dependency> for Record {
    fn from(dependency: Dependency) -> Self {
        Self::Dependency(dependency)
    }
}

/// One side of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Party {
    /// The service (or database, queue, function …).
    pub service: NodeKey,
    /// Which of its instances, when known.
    pub instance: Option<NodeKey>,
    /// The revision that instance runs, when known.
    pub revision: Option<Revision>,
    /// The machine that the instance runs on, when known.
    pub host: Option<NodeKey>,
    /// The user segment that the call belongs to, when known.
    pub segment: Option<Arc<str>>,
}

impl Party {
    /// A party of which only the service is known.
    pub fn new(service: NodeKey) -> Self {
        Self {
            service,
            instance: None,
            revision: None,
            host: None,
            segment: None,
        }
    }

    /// With its instance and the revision it runs.
    #[must_use]
    pub fn on(mut self, instance: NodeKey, revision: Revision) -> Self {
        self.instance = Some(instance);
        self.revision = Some(revision);
        self
    }

    /// With the machine that the instance runs on.
    #[must_use]
    pub fn hosted(mut self, host: NodeKey) -> Self {
        self.host = Some(host);
        self
    }

    /// With the user segment that the call belongs to.
    #[must_use]
    pub fn segment(mut self, segment: impl Into<Arc<str>>) -> Self {
        self.segment = Some(segment.into());
        self
    }
}

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

/// One value of one metric of one node or edge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sample {
    /// When it was read.
    pub at: Timestamp,
    /// What it is about.
    pub subject: Subject,
    /// Which metric.
    pub metric: MetricName,
    /// Its value; a non-finite one is counted and dropped at ingestion.
    pub value: f64,
}

impl Sample {
    /// A value of a metric.
    pub fn new(
        at: Timestamp,
        subject: impl Into<Subject>,
        metric: impl Into<MetricName>,
        value: f64,
    ) -> Self {
        Self {
            at,
            subject: subject.into(),
            metric: metric.into(),
            value,
        }
    }
}

/// An edge that is known without a call over it: from a mesh, a service catalogue or a dependency table.
///
/// It stays for the retention after it was last reported; one that always stays is declared with
/// [`GraphBuilder::declare_edge`](crate::GraphBuilder::declare_edge).
///
/// ```
/// use astern_graph_core::{Dependency, EdgeKind, NodeKey, Record, Timestamp};
///
/// let (web, cart) = (NodeKey::service("web"), NodeKey::service("cart"));
/// let calls = Dependency::new(Timestamp::from_secs(60), web, cart, EdgeKind::Calls);
/// let record = Record::from(calls);
/// assert_eq!(record.at(), Timestamp::from_secs(60));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Dependency {
    /// When it was so.
    pub at: Timestamp,
    /// Who depends: the caller, the reader, the guest of a host.
    pub from: NodeKey,
    /// On whom.
    pub to: NodeKey,
    /// The kind of the edge.
    pub kind: EdgeKind,
}

impl Dependency {
    /// An edge `from → to`.
    pub fn new(at: Timestamp, from: NodeKey, to: NodeKey, kind: EdgeKind) -> Self {
        Self { at, from, to, kind }
    }
}

/// How a change reaches its instances.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChangeKind {
    /// Instances are replaced batch by batch.
    Rolling,
    /// A share of the traffic goes to new instances.
    Canary,
    /// Traffic switches from one full set of instances to another.
    BlueGreen,
    /// A feature flag.
    FeatureFlag {
        /// Name of the flag.
        flag: Arc<str>,
    },
    /// A configuration change.
    Config,
}

/// How far a change has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChangePhase {
    /// It began.
    Started,
    /// Another batch of instances or share of traffic has it.
    Progressed,
    /// All have it.
    Completed,
    /// It was undone.
    RolledBack,
}

/// Whether a change can be undone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reversibility {
    /// The old revision works as before.
    Reversible,
    /// Data was only added to (expand and contract): the old revision still works.
    ExpandContract,
    /// Data was changed so that revisions before `min_compatible` no longer work.
    ForwardOnly {
        /// Oldest revision that works with the data as it is now.
        min_compatible: Revision,
    },
}

/// One step of a change of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChangeEvent {
    /// Which change; all its steps share the id.
    pub id: ChangeId,
    /// When this step happened.
    pub at: Timestamp,
    /// The service that changes.
    pub service: NodeKey,
    /// How it reaches its instances.
    pub kind: ChangeKind,
    /// How far it has come.
    pub phase: ChangePhase,
    /// The revision before, when known: the pinned target of a rollback.
    pub from: Option<Revision>,
    /// The revision after.
    pub to: Revision,
    /// The instances that have it since this step.
    pub instances: Vec<NodeKey>,
    /// The share of the service's traffic that has it since this step, when known.
    pub share: Option<TrafficShare>,
    /// Whether it can be undone.
    pub reversibility: Reversibility,
}

impl ChangeEvent {
    /// The start of a reversible rolling release; the fields are public for the rest.
    pub fn new(
        id: impl Into<ChangeId>,
        at: Timestamp,
        service: NodeKey,
        from: Option<Revision>,
        to: Revision,
    ) -> Self {
        Self {
            id: id.into(),
            at,
            service,
            kind: ChangeKind::Rolling,
            phase: ChangePhase::Started,
            from,
            to,
            instances: Vec::new(),
            share: None,
            reversibility: Reversibility::Reversible,
        }
    }

    /// With the way it reaches its instances.
    #[must_use]
    pub fn by(mut self, kind: ChangeKind) -> Self {
        self.kind = kind;
        self
    }

    /// With its phase and the instances that have it since.
    #[must_use]
    pub fn reached(mut self, phase: ChangePhase, instances: Vec<NodeKey>) -> Self {
        self.phase = phase;
        self.instances = instances;
        self
    }

    /// With the share of the service's traffic that has it since.
    #[must_use]
    pub fn carrying(mut self, share: TrafficShare) -> Self {
        self.share = Some(share);
        self
    }

    /// With its reversibility.
    #[must_use]
    pub fn undo(mut self, reversibility: Reversibility) -> Self {
        self.reversibility = reversibility;
        self
    }
}
