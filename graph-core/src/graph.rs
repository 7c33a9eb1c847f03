//! The temporal graph: an immutable snapshot of what a builder holds.

use std::collections::BTreeSet;
use std::time::Duration;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::codec::Format;
use crate::edge::{EdgeKind, FaultFlow};
use crate::error::CodecError;
use crate::key::{NodeId, NodeKey};
use crate::name::{ChangeId, Revision};
use crate::record::ChangeEvent;
use crate::state::{NodeState, State};
use crate::time::{TimeRange, Timestamp};

const FORMAT: Format = Format {
    name: "a temporal graph",
    magic: *b"ASTNGRPH",
    version: 1,
};

/// Services, what they run on and what they call, over time.
///
/// Made by a [`GraphBuilder`](crate::GraphBuilder); see there for an example. Looking up a key
/// costs `O(log n)`, its neighbours `O(degree)`.
#[derive(Debug, Clone)]
pub struct TemporalGraph {
    pub(crate) state: State,
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

    /// End of the last step that is over at `now`; as [`GraphParams::step_end`].
    ///
    /// [`GraphParams::step_end`]: crate::GraphParams::step_end
    pub fn step_end(&self, now: Timestamp) -> Timestamp {
        self.state.params.step_end(now)
    }

    /// From the start of the first step with telemetry to the end of the last; `None` when there
    /// is none.
    pub fn extent(&self) -> Option<TimeRange> {
        let (first, last) = self.state.extent()?;
        let end = self.state.start_of(last.saturating_add(1));
        TimeRange::new(self.state.start_of(first), end).ok()
    }

    /// Steps of changes inside a range, by time; at equal times by change, phase, service and the
    /// rest of the event. None in an empty range.
    pub fn changes(&self, range: TimeRange) -> &[ChangeEvent] {
        if range.is_empty() {
            return &[];
        }
        let from = self.state.changes.partition_point(|c| c.at < range.start);
        let to = self.state.changes.partition_point(|c| c.at < range.end);
        &self.state.changes[from..to]
    }

    /// First step of one change among all that is held: the earliest, at equal times in the order
    /// of [`changes`](Self::changes). `None` for a change that is unknown or older than the
    /// retention; of one that reaches back further, the first step that is still held. `O(changes)`.
    pub fn first_step(&self, id: &ChangeId) -> Option<&ChangeEvent> {
        self.state.changes.iter().find(|change| change.id == *id)
    }

    /// All steps of one change, in the order of [`changes`](Self::changes).
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
        FORMAT.decode(bytes).map(Self::from_state)
    }

    pub(crate) fn digraph(&self) -> &DiGraph<(), EdgeKind, u32> {
        &self.edges
    }
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
