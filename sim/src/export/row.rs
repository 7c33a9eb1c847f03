//! Lines of the tables, as they are written.

use astern_graph_core::{
    Call, CallStatus, ChangeEvent, ChangeKind, ChangePhase, EdgeKind, NodeKey, Party,
    Reversibility, Revision, Sample, SampleSubject, Subject, TrafficShare,
};
use serde::{Deserialize, Serialize};

use super::field::{At, Id, Span, Text, Value};
use super::table::Row;

#[derive(Debug, Serialize)]
pub(super) struct PartyRow {
    party: u32,
    service: NodeKey,
    instance: Option<NodeKey>,
    revision: Option<Text>,
    host: Option<NodeKey>,
    segment: Option<Text>,
}

impl Row for PartyRow {
    const TABLE: &'static str = "parties";
    const COLUMNS: &'static [&'static str] = &[
        "party", "service", "instance", "revision", "host", "segment",
    ];
}

impl PartyRow {
    pub(super) fn new(party: u32, of: &Party) -> Self {
        Self {
            party,
            service: of.service.clone(),
            instance: of.instance.clone(),
            revision: of.revision.as_ref().map(revision),
            host: of.host.clone(),
            segment: of.segment.clone().map(Text::new),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct CallRow {
    at_us: At,
    span: Option<Id>,
    kind: EdgeKind,
    caller: Option<u32>,
    callee: u32,
    operation: Option<Text>,
    client_us: Option<Span>,
    server_us: Option<Span>,
    own_us: Option<Span>,
    status: CallStatus,
}

impl Row for CallRow {
    const TABLE: &'static str = "calls";
    const COLUMNS: &'static [&'static str] = &[
        "at_us",
        "span",
        "kind",
        "caller",
        "callee",
        "operation",
        "client_us",
        "server_us",
        "own_us",
        "status",
    ];
}

impl CallRow {
    pub(super) fn new(call: &Call, caller: Option<u32>, callee: u32) -> Self {
        Self {
            at_us: At(call.at),
            span: call.id.map(Id),
            kind: call.kind,
            caller,
            callee,
            operation: call.operation.clone().map(Text::new),
            client_us: call.client.map(Span),
            server_us: call.server.map(Span),
            own_us: call.exclusive.map(Span),
            status: call.status,
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct SampleRow {
    at_us: At,
    subject: NodeKey,
    to: Option<NodeKey>,
    edge: Option<EdgeKind>,
    metric: Text,
    value: Value,
}

impl Row for SampleRow {
    const TABLE: &'static str = "samples";
    const COLUMNS: &'static [&'static str] = &["at_us", "subject", "to", "edge", "metric", "value"];
}

impl SampleRow {
    /// `None` for the value of a part of a service, which has no columns.
    pub(super) fn new(sample: &Sample) -> Option<Self> {
        let (subject, to, edge) = match &sample.subject {
            SampleSubject::Whole(Subject::Node(node)) => (node.clone(), None, None),
            SampleSubject::Whole(Subject::Edge { from, to, kind }) => {
                (from.clone(), Some(to.clone()), Some(*kind))
            }
            _ => return None,
        };
        Some(Self {
            at_us: At(sample.at),
            subject,
            to,
            edge,
            metric: Text::new(sample.metric.as_str()),
            value: Value(sample.value),
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KindField {
    Rolling,
    Canary,
    BlueGreen,
    FeatureFlag,
    Config,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum UndoField {
    Reversible,
    ExpandContract,
    ForwardOnly,
}

#[derive(Debug, Serialize)]
pub(super) struct ChangeRow {
    at_us: At,
    change: Text,
    service: NodeKey,
    kind: KindField,
    flag: Option<Text>,
    phase: ChangePhase,
    from: Option<Text>,
    to: Text,
    instances: String,
    share_bp: Option<u16>,
    undo: UndoField,
    min_compatible: Option<Text>,
}

impl Row for ChangeRow {
    const TABLE: &'static str = "changes";
    const COLUMNS: &'static [&'static str] = &[
        "at_us",
        "change",
        "service",
        "kind",
        "flag",
        "phase",
        "from",
        "to",
        "instances",
        "share_bp",
        "undo",
        "min_compatible",
    ];
}

/// Between the names of instances.
pub(super) const SEPARATOR: char = ';';

impl ChangeRow {
    /// `None` for a kind that has no word here, an instance whose name holds the separator, a schedule, or a version.
    pub(super) fn new(change: &ChangeEvent) -> Option<Self> {
        let (kind, flag) = match &change.kind {
            ChangeKind::Rolling => (KindField::Rolling, None),
            ChangeKind::Canary => (KindField::Canary, None),
            ChangeKind::BlueGreen => (KindField::BlueGreen, None),
            ChangeKind::FeatureFlag { flag } => {
                (KindField::FeatureFlag, Some(Text::new(flag.clone())))
            }
            ChangeKind::Config => (KindField::Config, None),
            _ => return None,
        };
        let (undo, min_compatible) = match &change.reversibility {
            Reversibility::Reversible => (UndoField::Reversible, None),
            Reversibility::ExpandContract => (UndoField::ExpandContract, None),
            Reversibility::ForwardOnly { min_compatible } => {
                (UndoField::ForwardOnly, Some(revision(min_compatible)))
            }
            _ => return None,
        };
        let is_separated = change
            .instances
            .iter()
            .any(|key| key.name.contains(SEPARATOR));
        if is_separated || change.schedule.is_some() || change.version.is_some() {
            return None;
        }
        let instances: Vec<String> = change.instances.iter().cloned().map(String::from).collect();
        Some(Self {
            at_us: At(change.at),
            change: Text::new(change.id.as_str()),
            service: change.service.clone(),
            kind,
            flag,
            phase: change.phase,
            from: change.from.as_ref().map(revision),
            to: revision(&change.to),
            instances: instances.join(&SEPARATOR.to_string()),
            share_bp: change.share.map(TrafficShare::as_basis_points),
            undo,
            min_compatible,
        })
    }
}

fn revision(of: &Revision) -> Text {
    Text::new(of.as_str())
}
