//! The temporal graph: an immutable snapshot of what a builder holds.

mod change_index;
mod stored;

pub(crate) use change_index::ChangeIndex;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::codec::Format;
use crate::edge::{EdgeKind, FaultFlow, Link};
use crate::error::CodecError;
use crate::key::{NodeId, NodeKey};
use crate::name::Revision;
use crate::params::GraphParams;
use crate::record::ChangeEvent;
use crate::store::{Content, EdgeState, Layout, NodeState};
use crate::time::{TimeRange, Timestamp};

const FORMAT: Format = Format {
    name: "a temporal graph",
    magic: *b"ASTNGRPH",
    version: 7,
};

/// Services, what they run on and what they call, over time.
///
/// Made by a [`GraphBuilder`](crate::GraphBuilder); see there for an example. Looking up a key
/// costs `O(log n)`, its neighbours `O(degree)`. Equal graphs hold the same, to the last bit; so do
/// their bytes. A clone costs a reference for each node and edge. What is stored is the length of its
/// steps and the meaning of its metrics, of the builder's parameters nothing else.
#[derive(Debug, Clone)]
pub struct TemporalGraph {
    pub(crate) params: Arc<GraphParams>,
    pub(crate) layout: Arc<Layout>,
    /// In the order of the keys.
    pub(crate) nodes: Vec<Arc<NodeState>>,
    /// In the order of the edges.
    pub(crate) edge_states: Vec<Arc<EdgeState>>,
    pub(crate) changes: Arc<Vec<ChangeEvent>>,
    pub(crate) call_steps: Arc<BTreeSet<i64>>,
    /// Instances by the place of their service, made when first asked for.
    pub(crate) instances: OnceLock<Vec<Vec<NodeId>>>,
    pub(crate) change_index: ChangeIndex,
}

impl PartialEq for TemporalGraph {
    fn eq(&self, other: &Self) -> bool {
        self.params.catalogue == other.params.catalogue
            && Content::from(self) == Content::from(other)
    }
}

impl TemporalGraph {
    /// Number of nodes.
    pub fn node_count(&self) -> usize {
        self.keys().len()
    }

    /// Number of edges.
    pub fn edge_count(&self) -> usize {
        self.digraph().edge_count()
    }

    /// All ids, in the order of their keys.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..u32::try_from(self.keys().len()).unwrap_or(u32::MAX)).map(NodeId)
    }

    /// Dense id of a node in this graph.
    pub fn id(&self, key: &NodeKey) -> Option<NodeId> {
        self.layout.id(key)
    }

    /// Key of a node.
    pub fn key(&self, id: NodeId) -> Option<&NodeKey> {
        self.keys().get(id.index())
    }

    /// All nodes, sorted by key.
    pub fn keys(&self) -> &[NodeKey] {
        &self.layout.keys
    }

    /// All edges `(source, target, kind)`, sorted by the keys of their ends.
    pub fn edges(&self) -> impl Iterator<Item = (NodeId, NodeId, EdgeKind)> + '_ {
        self.digraph()
            .edge_references()
            .map(|e| (node_id(e.source()), node_id(e.target()), *e.weight()))
    }

    /// All edges by their stable identity, in the same order.
    pub fn links(&self) -> impl Iterator<Item = Link> + '_ {
        let end = |id: NodeId| self.keys()[id.index()].clone();
        self.edges()
            .map(move |(from, to, kind)| Link::new(end(from), end(to), kind))
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
        let edges = self
            .digraph()
            .edges_directed(NodeIndex::from(id.0), direction);
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
        self.params.step
    }

    /// End of the last step that is over at `now`; as [`GraphParams::step_end`].
    ///
    /// [`GraphParams::step_end`]: crate::GraphParams::step_end
    pub fn step_end(&self, now: Timestamp) -> Timestamp {
        self.params.step_end(now)
    }

    /// From the start of the first step with telemetry to the end of the last; `None` when there
    /// is none.
    pub fn extent(&self) -> Option<TimeRange> {
        let nodes = self.nodes.iter().map(|node| &node.cells);
        let edges = self.edge_states.iter().map(|edge| &edge.cells);
        let ends = nodes.chain(edges).filter_map(|cells| {
            let mut measured = cells.iter().filter(|(_, cell)| cell.is_measured());
            let (first, _) = measured.next()?;
            Some((first, measured.next_back().map_or(first, |(last, _)| last)))
        });
        let (first, last) = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        let end = self.params.start_of(last.saturating_add(1));
        TimeRange::new(self.params.start_of(first), end).ok()
    }

    /// Steps of changes inside a range, by time; at equal times by change, phase, service and the
    /// rest of the event. None in an empty range.
    pub fn changes(&self, range: TimeRange) -> &[ChangeEvent] {
        if range.is_empty() {
            return &[];
        }
        let from = self.changes.partition_point(|c| c.at < range.start);
        let to = self.changes.partition_point(|c| c.at < range.end);
        &self.changes[from..to]
    }

    /// The service that an instance belongs to.
    pub fn owner(&self, instance: &NodeKey) -> Option<&NodeKey> {
        self.node(instance)?.owner()
    }

    /// The revision that an instance was last seen to run.
    pub fn revision(&self, instance: &NodeKey) -> Option<&Revision> {
        self.node(instance)?.newest_revision()
    }

    /// The revisions that an instance was seen to run, in order, each from the first step in which
    /// it was the last one seen up to the end of the last such step before another was.
    pub fn revisions(&self, instance: &NodeKey) -> Vec<(&Revision, TimeRange)> {
        let mut runs: Vec<(&Revision, TimeRange)> = Vec::new();
        let held = self.node(instance).into_iter().flat_map(|n| &n.revisions);
        for (step, (_, revision)) in held {
            let [start, end] = [*step, step.saturating_add(1)].map(|s| self.params.start_of(s));
            match runs.last_mut() {
                Some((same, run)) if *same == revision => run.end = end,
                _ => runs.push((revision, TimeRange { start, end })),
            }
        }
        runs
    }

    /// The hosts that an instance or a service was seen to run on, sorted.
    pub fn hosts(&self, guest: &NodeKey) -> Vec<&NodeKey> {
        let runs_on = |id| self.neighbours(id, Direction::Outgoing, |k| k == EdgeKind::RunsOn);
        let hosts = self.id(guest).into_iter().flat_map(runs_on);
        hosts.filter_map(|id| self.key(id)).collect()
    }

    /// Instances of a service, sorted.
    pub fn instances(&self, service: &NodeKey) -> impl Iterator<Item = &NodeKey> + use<'_> {
        let owned = self.instances.get_or_init(|| self.owned());
        let place = self.id(service).map(NodeId::index);
        let ids = place.and_then(|place| owned.get(place));
        ids.into_iter().flatten().filter_map(|id| self.key(*id))
    }

    fn owned(&self) -> Vec<Vec<NodeId>> {
        let mut owned = vec![Vec::new(); self.node_count()];
        for (id, node) in self.ids().zip(&self.nodes) {
            let owner = node.owner().and_then(|owner| self.id(owner));
            if let Some(owner) = owner {
                owned[owner.index()].push(id);
            }
        }
        owned
    }

    /// The graph as bytes, with everything that it holds.
    ///
    /// # Errors
    /// [`CodecError`] when it cannot be serialised.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        FORMAT.encode(self)
    }

    /// A graph from [`to_bytes`](Self::to_bytes). It takes at most a hundred times the memory of the bytes, whatever
    /// they say.
    ///
    /// # Errors
    /// [`CodecError`] for bytes of another format or version, or damaged ones.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        FORMAT.decode(bytes)
    }

    pub(crate) fn digraph(&self) -> &DiGraph<(), EdgeKind, u32> {
        &self.layout.digraph
    }

    pub(crate) fn node(&self, key: &NodeKey) -> Option<&NodeState> {
        let place = self.id(key)?.index();
        self.nodes.get(place).map(AsRef::as_ref)
    }

    pub(crate) fn edge(&self, from: &NodeKey, to: &NodeKey, kind: EdgeKind) -> Option<&EdgeState> {
        let place = self.layout.edge(from, to, kind)?;
        self.edge_states.get(place).map(AsRef::as_ref)
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
