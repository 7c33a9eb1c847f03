//! Which way a walk goes, and the one breadth-first search.

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{EdgeRef, VisitMap, Visitable};

use crate::edge::{EdgeKind, FaultFlow};
use crate::graph::{TemporalGraph, node_id};
use crate::key::NodeId;

/// A front of more than one in so many nodes is wide.
const WIDE: usize = 16;

/// Which neighbours of a node a walk goes to next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Towards {
    /// Those that call it.
    Callers,
    /// Those that it calls: the way of a request.
    Callees,
    /// Those from which a fault can have come, by [`EdgeKind::fault_flow`].
    FaultOrigins,
    /// Those to which a fault can go, by [`EdgeKind::fault_flow`].
    FaultTargets,
    /// All, over edges of every kind, from either end.
    Neighbours,
}

impl Towards {
    /// Whether the walk leaves a node over one of its edges: an outgoing one from source to
    /// target, an incoming one from target to source.
    fn crosses(self, kind: EdgeKind, direction: Direction) -> bool {
        let both_ways = kind.fault_flow() == FaultFlow::Both;
        match self {
            Self::Callers => kind == EdgeKind::Calls && direction == Direction::Incoming,
            Self::Callees => kind == EdgeKind::Calls && direction == Direction::Outgoing,
            Self::FaultOrigins => both_ways || direction == Direction::Outgoing,
            Self::FaultTargets => both_ways || direction == Direction::Incoming,
            Self::Neighbours => true,
        }
    }
}

impl TemporalGraph {
    /// All nodes within a number of hops of any seed, each with the least number of hops to it, by
    /// rising hops, at equal hops in no order of meaning. Seeds that the graph does not have are
    /// left out.
    ///
    /// Breadth-first search: the edges at what is reached, and `V` bits. Where one hop's nodes are a
    /// fair share of all, the next are found in one pass over the list of all edges, which memory
    /// serves much faster than the lists of each node (after Beamer, Asanović and Patterson 2012);
    /// a search has fewer than [`WIDE`] such hops, so `O(V + E)` holds.
    pub(super) fn breadth_first(
        &self,
        seeds: &[NodeId],
        towards: Towards,
        hops_max: u32,
    ) -> Vec<(NodeId, u32)> {
        let mut seen = self.digraph().visit_map();
        let known = seeds.iter().filter(|seed| self.key(**seed).is_some());
        let mut front: Vec<NodeIndex> = known.map(|seed| node_index(*seed)).collect();
        front.retain(|seed| seen.visit(*seed));
        let mut reached = Vec::new();
        for hops in 0..=hops_max {
            if front.is_empty() {
                break;
            }
            reached.extend(front.iter().map(|node| (node_id(*node), hops)));
            if hops < hops_max {
                let is_new = |node| seen.visit(node);
                front = if front.len() > self.node_count() / WIDE {
                    self.next_by_edge(&front, towards, is_new)
                } else {
                    self.next_by_node(&front, towards, is_new)
                };
            }
        }
        reached
    }

    /// New nodes one hop from the front, from the lists of edges at its nodes.
    fn next_by_node(
        &self,
        front: &[NodeIndex],
        towards: Towards,
        mut is_new: impl FnMut(NodeIndex) -> bool,
    ) -> Vec<NodeIndex> {
        let mut next = Vec::new();
        for node in front {
            for direction in [Direction::Outgoing, Direction::Incoming] {
                for edge in self.digraph().edges_directed(*node, direction) {
                    let other = match direction {
                        Direction::Outgoing => edge.target(),
                        Direction::Incoming => edge.source(),
                    };
                    if towards.crosses(*edge.weight(), direction) && is_new(other) {
                        next.push(other);
                    }
                }
            }
        }
        next
    }

    /// New nodes one hop from the front, from the list of all edges.
    fn next_by_edge(
        &self,
        front: &[NodeIndex],
        towards: Towards,
        mut is_new: impl FnMut(NodeIndex) -> bool,
    ) -> Vec<NodeIndex> {
        let mut in_front = self.digraph().visit_map();
        for node in front {
            in_front.visit(*node);
        }
        let mut next = Vec::new();
        for edge in self.digraph().edge_references() {
            let (source, target, kind) = (edge.source(), edge.target(), *edge.weight());
            for (from, to, direction) in [
                (source, target, Direction::Outgoing),
                (target, source, Direction::Incoming),
            ] {
                if in_front.is_visited(&from) && towards.crosses(kind, direction) && is_new(to) {
                    next.push(to);
                }
            }
        }
        next
    }

    /// The graph whose edges are the hops of a walk. Steps from a node to itself are left out:
    /// they lead nowhere. `O(V + E)`.
    pub(super) fn walked(&self, towards: Towards) -> DiGraph<(), (), u32> {
        let mut hops = DiGraph::with_capacity(self.node_count(), self.edge_count());
        for _ in self.keys() {
            hops.add_node(());
        }
        for edge in self.digraph().edge_references() {
            let (source, target, kind) = (edge.source(), edge.target(), *edge.weight());
            if source == target {
                continue;
            }
            if towards.crosses(kind, Direction::Outgoing) {
                hops.add_edge(source, target, ());
            }
            if towards.crosses(kind, Direction::Incoming) {
                hops.add_edge(target, source, ());
            }
        }
        hops
    }
}

pub(super) fn node_index(id: NodeId) -> NodeIndex<u32> {
    NodeIndex::new(id.index())
}
