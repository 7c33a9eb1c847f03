//! The temporal graph: an immutable snapshot of what a builder holds.

use std::collections::BTreeSet;
use std::time::Duration;

use ndarray::{Array3, Axis};
use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::cell::{CallSummary, Cell};
use crate::codec::Format;
use crate::edge::{EdgeKind, FaultFlow};
use crate::error::{CodecError, GraphError};
use crate::key::{NodeId, NodeKey, NodeKind};
use crate::name::{ChangeId, MetricName, Revision};
use crate::record::ChangeEvent;
use crate::schema::{CALL_FEATURES, Feature, REQUEST_RATE};
use crate::state::{Cells, NodeState, State};
use crate::time::{TimeRange, Timestamp};
use crate::window::Window;

const FORMAT: Format = Format {
    name: "a temporal graph",
    magic: *b"ASTNGRPH",
    version: 1,
};

/// Most steps that one window may have.
pub const WINDOW_STEPS_MAX: u64 = 1_000_000;

/// Services, what they run on and what they call, over time.
///
/// Made by a [`GraphBuilder`](crate::GraphBuilder); see there for an example. Looking up a key
/// costs `O(log n)`, its neighbours `O(degree)`.
#[derive(Debug, Clone)]
pub struct TemporalGraph {
    state: State,
    keys: Vec<NodeKey>,
    edges: DiGraph<(), EdgeKind, u32>,
}

impl TemporalGraph {
    pub(crate) fn from_state(state: State) -> Self {
        let keys: Vec<NodeKey> = state.nodes.keys().cloned().collect();
        let mut edges = DiGraph::with_capacity(keys.len(), state.edges.len());
        for _ in &keys {
            edges.add_node(());
        }
        let position = |key: &NodeKey| keys.binary_search(key).ok().map(NodeIndex::new);
        for (from, to, kind) in state.edges.keys() {
            // Both ends of an edge are always known; a damaged file may say otherwise.
            if let (Some(from), Some(to)) = (position(from), position(to)) {
                edges.add_edge(from, to, *kind);
            }
        }
        Self { state, keys, edges }
    }

    /// Number of nodes.
    pub fn node_count(&self) -> usize {
        self.keys.len()
    }

    /// Number of edges.
    pub fn edge_count(&self) -> usize {
        self.edges.edge_count()
    }

    /// All ids, in the order of their keys.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..u32::try_from(self.keys.len()).unwrap_or(u32::MAX)).map(NodeId)
    }

    /// Dense id of a node in this graph.
    pub fn id(&self, key: &NodeKey) -> Option<NodeId> {
        let index = self.keys.binary_search(key).ok()?;
        u32::try_from(index).ok().map(NodeId)
    }

    /// Key of a node.
    pub fn key(&self, id: NodeId) -> Option<&NodeKey> {
        self.keys.get(id.index())
    }

    /// All nodes, sorted by key.
    pub fn keys(&self) -> &[NodeKey] {
        &self.keys
    }

    /// All edges `(source, target, kind)`, sorted by the keys of their ends.
    pub fn edges(&self) -> impl Iterator<Item = (NodeId, NodeId, EdgeKind)> + '_ {
        self.edges
            .edge_references()
            .map(|e| (node_id(e.source()), node_id(e.target()), *e.weight()))
    }

    /// Nodes that call this one, in the order of their ids.
    pub fn callers(&self, id: NodeId) -> impl Iterator<Item = NodeId> + use<> {
        self.neighbours(id, Direction::Incoming, |kind| kind == EdgeKind::Calls)
    }

    /// Nodes that this one calls, in the order of their ids.
    pub fn callees(&self, id: NodeId) -> impl Iterator<Item = NodeId> + use<> {
        self.neighbours(id, Direction::Outgoing, |kind| kind == EdgeKind::Calls)
    }

    /// Nodes from which a fault can have come to this one, by [`EdgeKind::fault_flow`].
    pub fn fault_origins(&self, id: NodeId) -> impl Iterator<Item = NodeId> + use<> {
        let over_source = self.neighbours(id, Direction::Incoming, flows_both_ways);
        merged(
            self.neighbours(id, Direction::Outgoing, |_| true),
            over_source,
        )
    }

    /// Nodes to which a fault at this one can go, by [`EdgeKind::fault_flow`].
    pub fn fault_targets(&self, id: NodeId) -> impl Iterator<Item = NodeId> + use<> {
        let over_target = self.neighbours(id, Direction::Outgoing, flows_both_ways);
        merged(
            self.neighbours(id, Direction::Incoming, |_| true),
            over_target,
        )
    }

    fn neighbours(
        &self,
        id: NodeId,
        direction: Direction,
        wanted: impl Fn(EdgeKind) -> bool,
    ) -> std::collections::btree_set::IntoIter<NodeId> {
        let edges = self.edges.edges_directed(NodeIndex::from(id.0), direction);
        let found: BTreeSet<NodeId> = edges
            .filter(|e| wanted(*e.weight()))
            .map(|e| {
                if direction == Direction::Incoming {
                    e.source()
                } else {
                    e.target()
                }
            })
            .map(node_id)
            .collect();
        found.into_iter()
    }

    /// Length of a step.
    pub fn step(&self) -> Duration {
        self.state.params.step
    }

    /// From the start of the first step with telemetry to the end of the last; `None` when there
    /// is none.
    pub fn extent(&self) -> Option<TimeRange> {
        let (first, last) = self.state.extent()?;
        let end = self.state.start_of(last.saturating_add(1));
        TimeRange::new(self.state.start_of(first), end).ok()
    }

    /// Steps of changes inside a range, by time.
    pub fn changes(&self, range: TimeRange) -> &[ChangeEvent] {
        let from = self.state.changes.partition_point(|c| c.at < range.start);
        let to = self.state.changes.partition_point(|c| c.at < range.end);
        &self.state.changes[from..to]
    }

    /// All steps of one change, by time.
    pub fn change_steps<'a>(&'a self, id: &'a ChangeId) -> impl Iterator<Item = &'a ChangeEvent> {
        self.state
            .changes
            .iter()
            .filter(move |change| change.id == *id)
    }

    /// The service that an instance belongs to.
    pub fn owner(&self, instance: &NodeKey) -> Option<&NodeKey> {
        self.state.nodes.get(instance)?.owner.as_ref()
    }

    /// The revision that an instance was last seen to run.
    pub fn revision(&self, instance: &NodeKey) -> Option<&Revision> {
        self.state
            .nodes
            .get(instance)?
            .revision
            .as_ref()
            .map(|(_, revision)| revision)
    }

    /// Instances of a service, sorted.
    pub fn instances<'a>(&'a self, service: &'a NodeKey) -> impl Iterator<Item = &'a NodeKey> {
        let owned = |node: &NodeState| node.owner.as_ref() == Some(service);
        self.state
            .nodes
            .iter()
            .filter(move |(_, node)| owned(node))
            .map(|(key, _)| key)
    }

    /// Calls that a node received in a range of whole steps; `None` for an unknown node.
    pub fn calls_received(&self, key: &NodeKey, range: TimeRange) -> Option<CallSummary> {
        let node = self.state.nodes.get(key)?;
        Some(CallSummary::of(self.cells_in(&node.cells, range)))
    }

    /// Calls over the edge `from → to`, as the caller saw them, in a range of whole steps; `None`
    /// for an unknown edge.
    pub fn calls_between(
        &self,
        from: &NodeKey,
        to: &NodeKey,
        range: TimeRange,
    ) -> Option<CallSummary> {
        let edge = self
            .state
            .edges
            .get(&(from.clone(), to.clone(), EdgeKind::Calls))?;
        Some(CallSummary::of(self.cells_in(&edge.cells, range)))
    }

    fn cells_in<'a>(
        &self,
        cells: &'a Cells,
        range: TimeRange,
    ) -> impl Iterator<Item = &'a Cell> + use<'a> {
        let (first, last) = self.steps_of(range);
        cells
            .range(first..=last.max(first))
            .map(|(_, cell)| cell.as_ref())
    }

    /// First and last step that a range touches.
    fn steps_of(&self, range: TimeRange) -> (i64, i64) {
        let last_instant = Timestamp::from_nanos(range.end.nanos().saturating_sub(1));
        (
            self.state.step_of(range.start),
            self.state.step_of(last_instant),
        )
    }

    /// Series of one metric of one node over the steps that a range touches; missing is `NaN`.
    ///
    /// # Errors
    /// [`GraphError::UnknownNode`] for an unknown node, [`GraphError::TooLong`] as for a window.
    pub fn series(
        &self,
        key: &NodeKey,
        metric: &MetricName,
        range: TimeRange,
    ) -> Result<Vec<f64>, GraphError> {
        let node = self.state.nodes.get(key);
        let node = node.ok_or_else(|| GraphError::UnknownNode { key: key.clone() })?;
        let (first, steps) = self.checked_steps(range)?;
        let mut values = vec![f64::NAN; steps];
        self.fill(node, metric, first, &mut values);
        Ok(values)
    }

    /// Names of the features that a node has: those of calls first, then sampled ones by name.
    pub fn metrics(&self, key: &NodeKey) -> Vec<MetricName> {
        columns(self.state.nodes.get(key).into_iter())
    }

    /// Meaning of a metric in this graph.
    pub fn feature(&self, metric: &MetricName) -> Feature {
        self.state.params.catalogue.get(metric)
    }

    /// First step of a range and the number of its steps.
    fn checked_steps(&self, range: TimeRange) -> Result<(i64, usize), GraphError> {
        let (first, last) = self.steps_of(range);
        let steps = last.abs_diff(first) + 1;
        match usize::try_from(steps) {
            Ok(n) if steps <= WINDOW_STEPS_MAX => Ok((first, n)),
            _ => Err(GraphError::TooLong {
                range,
                steps,
                limit: WINDOW_STEPS_MAX,
            }),
        }
    }

    /// Writes a node's values of one metric, from the step `first` on, into a series.
    fn fill<'a>(
        &self,
        node: &NodeState,
        metric: &MetricName,
        first: i64,
        series: impl IntoIterator<Item = &'a mut f64>,
    ) {
        let step_secs = self.state.params.step.as_secs_f64();
        let counts = metric.as_str() == REQUEST_RATE;
        let called = counts && node.cells.values().any(|cell| cell.has_calls());
        let silent = if called { 0.0 } else { f64::NAN };
        for (step, value) in (first..).zip(series) {
            let seen = node
                .cells
                .get(&step)
                .map(|cell| cell.feature(metric, step_secs));
            *value = seen.filter(|x| !x.is_nan()).unwrap_or(silent);
        }
    }

    /// Features of all nodes of a kind over the steps that a range touches.
    ///
    /// Columns: the features of calls where any node of the kind received one, then every metric
    /// that was sampled for one, sorted by name. A node that never received a call has no request
    /// rate (`NaN`); one that did has 0 in steps without calls.
    ///
    /// # Errors
    /// [`GraphError::NoNodes`] when there is no node of the kind, [`GraphError::TooLong`] when the
    /// range spans more than [`WINDOW_STEPS_MAX`] steps.
    ///
    /// # Complexity
    /// `O(T · N · F)` in time and memory.
    pub fn window(&self, kind: NodeKind, range: TimeRange) -> Result<Window, GraphError> {
        let of_kind = || {
            self.state
                .nodes
                .iter()
                .filter(move |(key, _)| key.kind == kind)
        };
        if of_kind().next().is_none() {
            return Err(GraphError::NoNodes { kind });
        }
        let (first, steps) = self.checked_steps(range)?;
        let rows: Vec<NodeKey> = of_kind().map(|(key, _)| key.clone()).collect();
        let columns = columns(of_kind().map(|(_, node)| node));
        let mut values = Array3::from_elem((steps, rows.len(), columns.len()), f64::NAN);
        for (row, (_, node)) in of_kind().enumerate() {
            for (column, name) in columns.iter().enumerate() {
                let mut plane = values.index_axis_mut(Axis(2), column);
                self.fill(node, name, first, plane.index_axis_mut(Axis(1), row));
            }
        }
        Ok(Window {
            kind,
            step: self.state.params.step,
            times: (first..)
                .take(steps)
                .map(|step| self.state.start_of(step))
                .collect(),
            rows,
            schema: columns
                .iter()
                .map(|name| self.state.params.catalogue.get(name))
                .collect(),
            values,
        })
    }

    /// The graph as bytes, with everything that it holds.
    ///
    /// # Errors
    /// [`CodecError`] when it cannot be serialised.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        FORMAT.encode(&self.state)
    }

    /// A graph from [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// [`CodecError`] for bytes of another format or version, or damaged ones.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let state: State = FORMAT.decode(bytes)?;
        let damaged = |e| CodecError::Damaged {
            format: FORMAT.name,
            source: Box::new(e),
        };
        state.params.check().map_err(damaged)?;
        Ok(Self::from_state(state))
    }

    pub(crate) fn digraph(&self) -> &DiGraph<(), EdgeKind, u32> {
        &self.edges
    }
}

/// Features that these nodes have: those of calls first, then sampled metrics by name.
fn columns<'a>(nodes: impl Iterator<Item = &'a NodeState>) -> Vec<MetricName> {
    let mut any_calls = false;
    let mut sampled = BTreeSet::new();
    for cell in nodes.flat_map(|node| node.cells.values()) {
        any_calls |= cell.has_calls();
        for metric in cell.metrics() {
            if !sampled.contains(metric) {
                sampled.insert(metric.clone());
            }
        }
    }
    let mut columns: Vec<MetricName> = CALL_FEATURES
        .iter()
        .filter(|_| any_calls)
        .map(|name| (*name).into())
        .collect();
    sampled.retain(|metric| !columns.contains(metric));
    columns.extend(sampled);
    columns
}

fn flows_both_ways(kind: EdgeKind) -> bool {
    kind.fault_flow() == FaultFlow::Both
}

fn merged(
    a: impl Iterator<Item = NodeId>,
    b: impl Iterator<Item = NodeId>,
) -> std::collections::btree_set::IntoIter<NodeId> {
    a.chain(b).collect::<BTreeSet<NodeId>>().into_iter()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the graph's own index type is u32"
)]
pub(crate) fn node_id(index: NodeIndex<u32>) -> NodeId {
    NodeId(index.index() as u32)
}
