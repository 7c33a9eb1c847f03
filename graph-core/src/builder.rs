//! Records in, graph out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;

use crate::cell::{Cell, Side};
use crate::codec::Format;
use crate::edge::{EdgeKind, Subject};
use crate::error::CodecError;
use crate::graph::TemporalGraph;
use crate::ingest::IngestReport;
use crate::key::NodeKey;
use crate::name::{MetricName, SpanId};
use crate::params::GraphParams;
use crate::record::{Call, ChangeEvent, Party, Record, Sample};
use crate::state::{Cells, State};
use crate::time::Timestamp;

const FORMAT: Format = Format {
    name: "a graph builder",
    magic: *b"ASTNBLDR",
    version: 1,
};

/// Takes records in any order and makes [`TemporalGraph`]s of them.
///
/// What a graph holds does not depend on the order in which records came. Without
/// [`advance`](Self::advance) everything is taken, as fits a file; with it, the given time bounds
/// what is late or lies in the future, and what is older than the retention is dropped, as fits a
/// stream.
///
/// # Complexity
/// A record costs `O(log n)` in the nodes and edges seen; a graph costs one reference per step of
/// each node and edge, because cells are shared and copied only when written to again.
///
/// # Example
/// ```
/// use astern_graph_core::{Call, GraphBuilder, GraphParams, NodeKey, Party, Timestamp};
///
/// let (web, cart) = (NodeKey::service("web"), NodeKey::service("cart"));
/// let at = Timestamp::from_secs(30);
/// let mut builder = GraphBuilder::new(GraphParams::default())?;
/// let report = builder.extend([
///     Call::new(at, Party::new(web.clone())).into(),
///     Call::new(at, Party::new(cart.clone())).from(Party::new(web.clone())).into(),
/// ]);
/// assert_eq!(report.accepted, 2);
///
/// let graph = builder.build();
/// let id = graph.id(&web).unwrap();
/// assert_eq!(graph.callees(id).collect::<Vec<_>>(), [graph.id(&cart).unwrap()]);
/// # Ok::<(), astern_stats::ParamError>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GraphBuilder {
    state: State,
    metrics: BTreeSet<MetricName>,
    /// Spans seen, by step, so that they are forgotten together with it.
    spans: BTreeMap<i64, BTreeSet<SpanId>>,
    now: Option<Timestamp>,
}

impl GraphBuilder {
    /// An empty builder.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn new(params: GraphParams) -> Result<Self, ParamError> {
        params.check()?;
        Ok(Self {
            state: State::new(params),
            metrics: BTreeSet::new(),
            spans: BTreeMap::new(),
            now: None,
        })
    }

    /// Declares a node that is known without telemetry; it is never retired.
    pub fn declare_node(&mut self, key: NodeKey) {
        self.state.nodes.entry(key).or_default().declared = true;
    }

    /// Declares an edge `from → to` that is known without telemetry, and its ends.
    pub fn declare_edge(&mut self, from: NodeKey, to: NodeKey, kind: EdgeKind) {
        self.declare_node(from.clone());
        self.declare_node(to.clone());
        self.state
            .edges
            .entry((from, to, kind))
            .or_default()
            .declared = true;
    }

    /// Takes records in; bad ones are counted, never fatal.
    pub fn extend(&mut self, records: impl IntoIterator<Item = Record>) -> IngestReport {
        let mut report = IngestReport::default();
        for record in records {
            let count = match self.admit(record.at()) {
                Err(count) => count,
                Ok(()) => match record {
                    Record::Call(call) => self.add_call(&call),
                    Record::Sample(sample) => self.add_sample(&sample),
                    Record::Change(change) => self.add_change(change),
                },
            };
            *count.of(&mut report) += 1;
        }
        report
    }

    /// Tells the time: from now on what is older than the lateness bound is late, what lies
    /// further ahead is in the future, and what is older than the retention is dropped.
    ///
    /// Time never goes backwards: an earlier `now` than before changes nothing.
    pub fn advance(&mut self, now: Timestamp) {
        if self.now.is_some_and(|before| now <= before) {
            return;
        }
        self.now = Some(now);
        let newest = self.state.step_of(now);
        let oldest = newest.saturating_sub(i64::from(self.state.params.retention_steps) - 1);
        self.state.retire_before(oldest);
        let closed = self
            .state
            .step_of(now.minus(self.state.params.lateness_bound()));
        self.spans = self.spans.split_off(&closed.max(oldest));
    }

    /// The graph of everything that is held now.
    pub fn build(&self) -> TemporalGraph {
        TemporalGraph::from_state(self.state.clone())
    }

    /// The builder's whole state as bytes.
    ///
    /// # Errors
    /// [`CodecError`] when the state cannot be serialised.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        FORMAT.encode(self)
    }

    /// A builder from [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// [`CodecError`] for bytes of another format or version, or damaged ones.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let builder: Self = FORMAT.decode(bytes)?;
        let name = FORMAT.name;
        let checked = builder.state.params.check();
        checked.map_err(|e| CodecError::Damaged {
            format: name,
            source: e.into(),
        })?;
        Ok(builder)
    }

    fn admit(&self, at: Timestamp) -> Result<(), Count> {
        let Some(now) = self.now else { return Ok(()) };
        let bound = self.state.params.lateness_bound();
        if at > now.plus(bound) {
            Err(Count::Future)
        } else if self.state.step_of(at) < self.state.step_of(now.minus(bound)) {
            Err(Count::Late)
        } else {
            Ok(())
        }
    }

    fn has_room_for(&self, keys: &[&NodeKey]) -> bool {
        let new = keys
            .iter()
            .filter(|key| !self.state.nodes.contains_key(**key))
            .count();
        new == 0 || self.state.nodes.len() + new <= self.state.params.nodes_max as usize
    }

    fn add_call(&mut self, call: &Call) -> Count {
        let parties: Vec<&Party> = call.caller.iter().chain([&call.callee]).collect();
        let keys: Vec<&NodeKey> = parties
            .iter()
            .flat_map(|p| [Some(&p.service), p.instance.as_ref()])
            .flatten()
            .collect();
        if !self.has_room_for(&keys) {
            return Count::OverLimit;
        }
        let step = self.state.step_of(call.at);
        if call
            .id
            .is_some_and(|id| !self.spans.entry(step).or_default().insert(id))
        {
            return Count::Duplicate;
        }
        for party in &parties {
            self.touch(party, call.at);
        }
        let seen = [Some(&call.callee.service), call.callee.instance.as_ref()];
        for key in seen.into_iter().flatten() {
            let node = self.state.nodes.entry(key.clone()).or_default();
            cell(&mut node.cells, step).add_call(call, Side::Server);
        }
        if let Some(caller) = &call.caller {
            let ends = (
                caller.service.clone(),
                call.callee.service.clone(),
                EdgeKind::Calls,
            );
            let edge = self.state.edges.entry(ends).or_default();
            cell(&mut edge.cells, step).add_call(call, Side::Client);
        }
        Count::Accepted
    }

    /// Makes a party's nodes known. An instance's newest revision wins; at equal times the
    /// greater, so that the order of arrival does not matter.
    fn touch(&mut self, party: &Party, at: Timestamp) {
        self.state.nodes.entry(party.service.clone()).or_default();
        if let Some(instance) = &party.instance {
            let node = self.state.nodes.entry(instance.clone()).or_default();
            node.owner = node.owner.take().max(Some(party.service.clone()));
            let seen = party.revision.clone().map(|revision| (at, revision));
            node.revision = node.revision.take().max(seen);
        }
    }

    fn add_sample(&mut self, sample: &Sample) -> Count {
        if !sample.value.is_finite() {
            return Count::NonFinite;
        }
        let keys: Vec<&NodeKey> = match &sample.subject {
            Subject::Node(key) => vec![key],
            Subject::Edge { from, to, .. } => vec![from, to],
        };
        let metric_is_new = !self.metrics.contains(&sample.metric);
        let metrics_full = self.metrics.len() >= self.state.params.metrics_max as usize;
        if !self.has_room_for(&keys) || (metric_is_new && metrics_full) {
            return Count::OverLimit;
        }
        for key in keys {
            self.state.nodes.entry(key.clone()).or_default();
        }
        self.metrics.insert(sample.metric.clone());
        let step = self.state.step_of(sample.at);
        let cells = match &sample.subject {
            Subject::Node(key) => &mut self.state.nodes.entry(key.clone()).or_default().cells,
            Subject::Edge { from, to, kind } => {
                let ends = (from.clone(), to.clone(), *kind);
                &mut self.state.edges.entry(ends).or_default().cells
            }
        };
        if cell(cells, step).add_sample(&sample.metric, sample.value) {
            Count::Accepted
        } else {
            Count::OverLimit
        }
    }

    fn add_change(&mut self, change: ChangeEvent) -> Count {
        let keys: Vec<&NodeKey> = change.instances.iter().chain([&change.service]).collect();
        if !self.has_room_for(&keys) {
            return Count::OverLimit;
        }
        let place = |c: &ChangeEvent| (c.at, c.id.clone(), c.phase);
        let position = self
            .state
            .changes
            .binary_search_by_key(&place(&change), place);
        let Err(position) = position else {
            return Count::Duplicate;
        };
        self.state.nodes.entry(change.service.clone()).or_default();
        for instance in &change.instances {
            let node = self.state.nodes.entry(instance.clone()).or_default();
            node.owner = node.owner.take().max(Some(change.service.clone()));
            let has = Some((change.at, change.to.clone()));
            node.revision = node.revision.take().max(has);
        }
        self.state.changes.insert(position, change);
        Count::Accepted
    }
}

fn cell(cells: &mut Cells, step: i64) -> &mut Cell {
    Arc::make_mut(cells.entry(step).or_default())
}

/// Where a record is counted.
#[derive(Debug, Clone, Copy)]
enum Count {
    Accepted,
    Duplicate,
    Late,
    Future,
    NonFinite,
    OverLimit,
}

impl Count {
    fn of(self, report: &mut IngestReport) -> &mut u64 {
        match self {
            Self::Accepted => &mut report.accepted,
            Self::Duplicate => &mut report.duplicate,
            Self::Late => &mut report.late,
            Self::Future => &mut report.future,
            Self::NonFinite => &mut report.non_finite,
            Self::OverLimit => &mut report.over_limit,
        }
    }
}
