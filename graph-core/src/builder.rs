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
use crate::state::{Cells, EdgeKey, State, change_order};
use crate::time::Timestamp;

const FORMAT: Format = Format {
    name: "a graph builder",
    magic: *b"ASTNBLDR",
    version: 1,
};

/// Takes records in any order and makes [`TemporalGraph`]s of them.
///
/// What a graph holds does not depend on the order in which records came, as long as none was over
/// a limit (see [`IngestReport::over_limit`]): past a limit the first to come are kept. Without
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
    /// At least the metrics of which a sample is held.
    metrics: BTreeSet<MetricName>,
    /// Steps were dropped since `metrics` was last made of what is held.
    metrics_stale: bool,
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
            metrics_stale: false,
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
    ///
    /// # Complexity
    /// `O(V + E)` when a step has left the retention since the last call, else that of forgetting
    /// spans.
    pub fn advance(&mut self, now: Timestamp) {
        if self.now.is_some_and(|before| now <= before) {
            return;
        }
        let oldest = self.oldest(now);
        // Since the last call nothing older than its oldest step was admitted.
        if self.now.map(|before| self.oldest(before)) != Some(oldest) {
            self.state.retire_before(oldest);
            self.metrics_stale = true;
        }
        self.now = Some(now);
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
        FORMAT.decode(bytes)
    }

    /// First step that is kept at `now`.
    fn oldest(&self, now: Timestamp) -> i64 {
        let kept = i64::from(self.state.params.retention_steps);
        self.state.step_of(now).saturating_sub(kept - 1)
    }

    fn admit(&self, at: Timestamp) -> Result<(), Count> {
        let Some(now) = self.now else { return Ok(()) };
        let bound = self.state.params.lateness_bound();
        let first = self.state.step_of(now.minus(bound)).max(self.oldest(now));
        if at > now.plus(bound) {
            Err(Count::Future)
        } else if self.state.step_of(at) < first {
            Err(Count::Late)
        } else {
            Ok(())
        }
    }

    fn has_room_for(&self, keys: &[&NodeKey]) -> bool {
        let new: BTreeSet<&NodeKey> = keys
            .iter()
            .copied()
            .filter(|key| !self.state.nodes.contains_key(*key))
            .collect();
        let nodes = self.state.nodes.len() + new.len();
        new.is_empty() || nodes <= self.state.params.nodes_max as usize
    }

    fn has_room_for_edge(&self, edge: &EdgeKey) -> bool {
        let full = self.state.edges.len() >= self.state.params.edges_max as usize;
        !full || self.state.edges.contains_key(edge)
    }

    fn has_room_for_metric(&mut self, metric: &MetricName) -> bool {
        let full = |metrics: &BTreeSet<_>, max: u32| metrics.len() >= max as usize;
        let max = self.state.params.metrics_max;
        if full(&self.metrics, max) && self.metrics_stale && !self.metrics.contains(metric) {
            self.metrics = self.state.metrics();
            self.metrics_stale = false;
        }
        !full(&self.metrics, max) || self.metrics.contains(metric)
    }

    fn add_call(&mut self, call: &Call) -> Count {
        let parties: Vec<&Party> = call.caller.iter().chain([&call.callee]).collect();
        let keys: Vec<&NodeKey> = parties
            .iter()
            .flat_map(|p| [Some(&p.service), p.instance.as_ref()])
            .flatten()
            .collect();
        let edge = call.caller.as_ref().map(|caller| {
            let (from, to) = (caller.service.clone(), call.callee.service.clone());
            (from, to, EdgeKind::Calls)
        });
        let edge_fits = edge
            .as_ref()
            .is_none_or(|edge| self.has_room_for_edge(edge));
        if !edge_fits || !self.has_room_for(&keys) {
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
            let node = self.state.see(key, step);
            cell(&mut node.cells, step).add_call(call, Side::Server);
        }
        if let Some(edge) = edge {
            let edge = self.state.edges.entry(edge).or_default();
            cell(&mut edge.cells, step).add_call(call, Side::Client);
        }
        Count::Accepted
    }

    /// Makes a party's nodes known. An instance's newest revision wins; at equal times the
    /// greater, so that the order of arrival does not matter.
    fn touch(&mut self, party: &Party, at: Timestamp) {
        let step = self.state.step_of(at);
        self.state.see(&party.service, step);
        if let Some(instance) = &party.instance {
            let node = self.state.see(instance, step);
            node.owner = node.owner.take().max(Some(party.service.clone()));
            let seen = party.revision.clone().map(|revision| (at, revision));
            node.revision = node.revision.take().max(seen);
        }
    }

    fn add_sample(&mut self, sample: &Sample) -> Count {
        if !sample.value.is_finite() {
            return Count::NonFinite;
        }
        let (keys, edge): (Vec<&NodeKey>, Option<EdgeKey>) = match &sample.subject {
            Subject::Node(key) => (vec![key], None),
            Subject::Edge { from, to, kind } => {
                (vec![from, to], Some((from.clone(), to.clone(), *kind)))
            }
        };
        let edge_fits = edge
            .as_ref()
            .is_none_or(|edge| self.has_room_for_edge(edge));
        if !edge_fits || !self.has_room_for(&keys) || !self.has_room_for_metric(&sample.metric) {
            return Count::OverLimit;
        }
        self.metrics.insert(sample.metric.clone());
        let step = self.state.step_of(sample.at);
        for key in keys {
            self.state.see(key, step);
        }
        let cells = match edge {
            Some(edge) => &mut self.state.edges.entry(edge).or_default().cells,
            None => &mut self.state.see(sample.subject.node(), step).cells,
        };
        if cell(cells, step).add_sample(&sample.metric, sample.value) {
            Count::Accepted
        } else {
            Count::OverLimit
        }
    }

    fn add_change(&mut self, change: ChangeEvent) -> Count {
        let changes = &self.state.changes;
        let Err(position) = changes.binary_search_by(|held| change_order(held, &change)) else {
            return Count::Duplicate;
        };
        let full = changes.len() >= self.state.params.changes_max as usize;
        let keys: Vec<&NodeKey> = change.instances.iter().chain([&change.service]).collect();
        if full || !self.has_room_for(&keys) {
            return Count::OverLimit;
        }
        let step = self.state.step_of(change.at);
        self.state.see(&change.service, step);
        for instance in &change.instances {
            let node = self.state.see(instance, step);
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
