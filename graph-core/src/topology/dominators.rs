//! What every path must pass.

use std::cmp::Reverse;

use petgraph::algo::dominators::simple_fast;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use super::Towards;
use super::groups::Condensation;
use super::walk::node_index;
use crate::graph::{TemporalGraph, node_id};
use crate::key::NodeId;

/// Which nodes every walk must pass: `a` dominates `b` when each walk from an entry to `b` passes
/// `a`. A node dominates itself. Made by [`TemporalGraph::dominators`].
///
/// The dominators of a node form a chain, from the node itself to the one that is farthest from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dominators {
    /// The nearest other dominator of each node.
    immediate: Vec<Option<NodeId>>,
    /// How many dominators each node has, itself among them; 0 where no entry leads to it.
    count: Vec<u32>,
}

/// A node without which others are cut off from every entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChokePoint {
    /// The node.
    pub node: NodeId,
    /// How many other nodes no entry reaches without it; at least 1.
    pub cuts_off: usize,
}

impl TemporalGraph {
    /// What every walk must pass on its way from any entry: a node to which no hop of the walk
    /// leads, or any member of a circle to which none leads from outside.
    ///
    /// - Towards [callees](Towards::Callees): what every request must pass. The
    ///   [choke points](Dominators::choke_points) are the services without which users cannot reach
    ///   others: poor canaries, and to be rolled back in small batches, because while one is away
    ///   all that it cuts off is away too.
    /// - Towards [fault targets](Towards::FaultTargets): what every fault from the depths of the
    ///   system must pass; see [`common_dominators`](Self::common_dominators).
    ///
    /// # Complexity
    /// `O((V + E) D)` with the length `D` of the longest chain of dominators, and once more for each
    /// level of circles within circles: at worst `O(V²)`, near `O(V + E)` in the shallow systems
    /// that there are (Cooper, Harvey and Kennedy 2001, "A Simple, Fast Dominance Algorithm").
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::topology::Towards;
    /// use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey};
    ///
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// for (from, to) in [("web", "api"), ("app", "api"), ("api", "cart"), ("api", "ads")] {
    ///     builder.declare_edge(NodeKey::service(from), NodeKey::service(to), EdgeKind::Calls);
    /// }
    /// let graph = builder.build();
    /// let choke_points = graph.dominators(Towards::Callees).choke_points();
    /// assert_eq!(choke_points.len(), 1);
    /// assert_eq!(choke_points[0].node, graph.id(&NodeKey::service("api")).unwrap());
    /// assert_eq!(choke_points[0].cuts_off, 2); // cart and ads
    /// # Ok::<(), astern_stats::ParamError>(())
    /// ```
    pub fn dominators(&self, towards: Towards) -> Dominators {
        let hops = self.walked(towards);
        let entries = entries(&hops);
        Dominators::of(hops, &entries)
    }

    /// As [`dominators`](Self::dominators), from these entries alone: what a request to one of them
    /// must pass. Nodes to which none of them leads have no dominators; entries that the graph does
    /// not have are left out.
    pub fn dominators_from(&self, entries: &[NodeId], towards: Towards) -> Dominators {
        let known = entries.iter().filter(|id| self.key(**id).is_some());
        let entries: Vec<NodeIndex> = known.map(|id| node_index(*id)).collect();
        Dominators::of(self.walked(towards), &entries)
    }

    /// Nodes that every fault from the depths of the system must pass to reach all of these
    /// symptoms, nearest to them first.
    ///
    /// Such a node is a strong candidate for the cause, or stands in front of it: what lies behind
    /// it shows through it alone, and to mend or shield it is to mend all symptoms. The converse
    /// does not hold: of two services that each explain all symptoms neither dominates. Empty when
    /// there is no symptom, or the graph does not have one of them. Complexity of
    /// [`dominators`](Self::dominators).
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey};
    ///
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// for (from, to) in [("web", "cart"), ("app", "cart"), ("cart", "db")] {
    ///     builder.declare_edge(NodeKey::service(from), NodeKey::service(to), EdgeKind::Calls);
    /// }
    /// let graph = builder.build();
    /// let [web, app, cart, db] =
    ///     ["web", "app", "cart", "db"].map(|name| graph.id(&NodeKey::service(name)).unwrap());
    /// assert_eq!(graph.common_dominators(&[web, app]), [cart, db]);
    /// # Ok::<(), astern_stats::ParamError>(())
    /// ```
    pub fn common_dominators(&self, symptoms: &[NodeId]) -> Vec<NodeId> {
        self.dominators(Towards::FaultTargets).common(symptoms)
    }
}

impl Dominators {
    fn of(mut hops: DiGraph<(), (), u32>, entries: &[NodeIndex]) -> Self {
        let nodes = hops.node_count();
        let root = hops.add_node(());
        for entry in entries {
            hops.add_edge(root, *entry, ());
        }
        let tree = simple_fast(&hops, root);
        let parent: Vec<Option<NodeIndex>> = (0..nodes)
            .map(|node| tree.immediate_dominator(NodeIndex::new(node)))
            .collect();
        let immediate = parent
            .iter()
            .map(|parent| parent.filter(|parent| *parent != root).map(node_id))
            .collect();
        Self {
            immediate,
            count: depths(&parent),
        }
    }

    /// The nearest other node that dominates this one.
    pub fn immediate(&self, id: NodeId) -> Option<NodeId> {
        *self.immediate.get(id.index())?
    }

    /// All nodes that dominate this one: itself first, the farthest last. None when no entry leads
    /// to it. `O(1)` each.
    pub fn chain(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let reached = Some(id).filter(|id| self.count(*id) > 0);
        std::iter::successors(reached, |id| self.immediate(*id))
    }

    /// Whether every walk to `b` passes `a`; false when no entry leads to `b`. `O(D)` with the
    /// length `D` of the chain of `b`.
    pub fn dominates(&self, a: NodeId, b: NodeId) -> bool {
        self.chain(b).any(|dominator| dominator == a)
    }

    /// Nodes that dominate every one of these, nearest first: empty for no node, and when no entry
    /// leads to one of them. `O(n D)` for `n` nodes with chains of length `D`.
    pub fn common(&self, ids: &[NodeId]) -> Vec<NodeId> {
        let mut rest = ids.iter().copied();
        let first = rest.next();
        let nearest = rest.fold(first, |nearest, id| self.meet(nearest?, id));
        nearest.map_or_else(Vec::new, |id| self.chain(id).collect())
    }

    /// Nodes without which others are cut off from every entry, those that cut off most first, ties
    /// by key. `O(V log V)`.
    pub fn choke_points(&self) -> Vec<ChokePoint> {
        let ids = (0..self.count.len()).map(|node| node_id(NodeIndex::new(node)));
        let mut inmost_first: Vec<NodeId> = ids.collect();
        inmost_first.sort_by_key(|id| Reverse(self.count(*id)));
        let mut cuts_off = vec![0_usize; self.count.len()];
        for id in inmost_first {
            if let Some(dominator) = self.immediate(id) {
                cuts_off[dominator.index()] += cuts_off[id.index()] + 1;
            }
        }
        let mut points: Vec<ChokePoint> = cuts_off
            .into_iter()
            .enumerate()
            .filter(|(_, cuts_off)| *cuts_off > 0)
            .map(|(node, cuts_off)| ChokePoint {
                node: node_id(NodeIndex::new(node)),
                cuts_off,
            })
            .collect();
        points.sort_by_key(|point| (Reverse(point.cuts_off), point.node));
        points
    }

    fn count(&self, id: NodeId) -> u32 {
        self.count.get(id.index()).copied().unwrap_or(0)
    }

    /// The nearest node that dominates both.
    fn meet(&self, a: NodeId, b: NodeId) -> Option<NodeId> {
        let (mut a, mut b) = (a, b);
        while a != b {
            if self.count(a) < self.count(b) {
                b = self.immediate(b)?;
            } else {
                a = self.immediate(a)?;
            }
        }
        Some(a)
    }
}

/// Where walks begin: members of the groups to which no hop leads from another.
fn entries(hops: &DiGraph<(), (), u32>) -> Vec<NodeIndex> {
    let Condensation { groups, group_of } = Condensation::of(hops);
    let mut entered = vec![false; groups.len()];
    for hop in hops.edge_references() {
        let (from, to) = (
            group_of[hop.source().index()],
            group_of[hop.target().index()],
        );
        entered[to] |= from != to;
    }
    hops.node_indices()
        .filter(|node| !entered[group_of[node.index()]])
        .collect()
}

/// Depth of each node in a tree given by parents, 1 below the root; 0 for nodes without a parent.
/// The root is a parent beyond the end.
fn depths(parent: &[Option<NodeIndex>]) -> Vec<u32> {
    let mut depth = vec![0_u32; parent.len()];
    let mut path = Vec::new();
    for start in 0..parent.len() {
        let mut at = start;
        while let Some(Some(above)) = parent.get(at)
            && depth[at] == 0
        {
            path.push(at);
            at = above.index();
        }
        let mut above = depth.get(at).copied().unwrap_or(0);
        while let Some(node) = path.pop() {
            above += 1;
            depth[node] = above;
        }
    }
    depth
}
