//! Where to cut circles of dependencies, and the order that is left.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use petgraph::Direction;
use petgraph::algo::greedy_feedback_arc_set;
use petgraph::graph::{DiGraph, EdgeIndex, NodeIndex};
use petgraph::visit::EdgeRef;

use super::walk::node_index;
use crate::edge::EdgeKind;
use crate::graph::TemporalGraph;
use crate::key::NodeId;

impl TemporalGraph {
    /// Edges `(source, target, kind)` whose removal leaves a graph without circles, in the order of
    /// [`edges`](Self::edges): those that do not go forward in [`call_order`](Self::call_order).
    /// Every edge is part of a circle; an edge from a node to itself is always among them.
    ///
    /// To find the fewest such edges is NP-hard; these are few: of the edges between two members of
    /// a strong group at most half are cut, where several kinds count as one. To a rollback they are the edges over
    /// which an old callee will for a while be called by a new caller: the ones to check for
    /// compatibility.
    ///
    /// # Complexity
    /// `O(V log V + E log E)` (greedy sequence of Eades, Lin and Smyth 1993). Deviations: it runs
    /// within each [strong group](Self::strong_groups) by itself, so that no other edge is cut and
    /// a change elsewhere changes nothing; edges of several kinds between two nodes count as one;
    /// and the order that is left is rebuilt by key, which can only spare edges.
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey};
    ///
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// for (from, to) in [("web", "cart"), ("cart", "stock"), ("stock", "audit"), ("audit", "cart")] {
    ///     builder.declare_edge(NodeKey::service(from), NodeKey::service(to), EdgeKind::Calls);
    /// }
    /// let graph = builder.build();
    /// assert_eq!(graph.feedback_arcs().len(), 1);
    /// # Ok::<(), astern_stats::ParamError>(())
    /// ```
    pub fn feedback_arcs(&self) -> Vec<(NodeId, NodeId, EdgeKind)> {
        let mut place = vec![0_usize; self.node_count()];
        for (at, id) in self.call_order().into_iter().enumerate() {
            place[id.index()] = at;
        }
        let backward =
            |(from, to, _): &(NodeId, NodeId, EdgeKind)| place[to.index()] <= place[from.index()];
        self.edges().filter(backward).collect()
    }

    /// All nodes, callers before callees: [`callers_first`](Self::callers_first) with the members
    /// of each circle put in order too, as if its [feedback arcs](Self::feedback_arcs) were not
    /// there. Within a circle ties are broken by key. Complexity as there.
    pub fn call_order(&self) -> Vec<NodeId> {
        let mut row_of = vec![NodeIndex::end(); self.node_count()];
        let mut order = Vec::with_capacity(self.node_count());
        for group in self.callers_first() {
            match group.as_slice() {
                [alone] => order.push(*alone),
                circle => order.extend(self.cut_order(circle, &mut row_of)),
            }
        }
        order
    }

    /// The members of one circle in an order that few of its edges oppose. `row_of` has no row
    /// before and none after.
    fn cut_order(&self, circle: &[NodeId], row_of: &mut [NodeIndex<u32>]) -> Vec<NodeId> {
        let mut arcs = DiGraph::<(), (), u32>::with_capacity(circle.len(), circle.len());
        for id in circle {
            row_of[id.index()] = arcs.add_node(());
        }
        for id in circle {
            let mut callees: Vec<NodeIndex> = self
                .digraph()
                .neighbors(node_index(*id))
                .map(|callee| row_of[callee.index()])
                .filter(|row| *row != NodeIndex::end() && *row != row_of[id.index()])
                .collect();
            callees.sort_unstable();
            callees.dedup();
            for callee in callees {
                arcs.add_edge(row_of[id.index()], callee, ());
            }
        }
        let mut cut = vec![false; arcs.edge_count()];
        for arc in greedy_feedback_arc_set(&arcs) {
            cut[arc.id().index()] = true;
        }
        for id in circle {
            row_of[id.index()] = NodeIndex::end();
        }
        let rows = first_by_key(&arcs, |arc| cut[arc.index()]);
        rows.into_iter().map(|row| circle[row.index()]).collect()
    }
}

/// Topological order of a graph without the edges that are cut; of the nodes that may come next the
/// one of least index comes next (Kahn 1962).
fn first_by_key(
    graph: &DiGraph<(), (), u32>,
    cut: impl Fn(EdgeIndex<u32>) -> bool,
) -> Vec<NodeIndex<u32>> {
    let kept = |node, direction| {
        let edges = graph.edges_directed(node, direction);
        edges.filter(|edge| !cut(edge.id()))
    };
    let mut waiting: Vec<usize> = graph
        .node_indices()
        .map(|node| kept(node, Direction::Incoming).count())
        .collect();
    let mut ready: BinaryHeap<Reverse<NodeIndex>> = graph
        .node_indices()
        .filter(|node| waiting[node.index()] == 0)
        .map(Reverse)
        .collect();
    let mut order = Vec::with_capacity(graph.node_count());
    while let Some(Reverse(node)) = ready.pop() {
        order.push(node);
        for edge in kept(node, Direction::Outgoing) {
            let target = edge.target();
            waiting[target.index()] -= 1;
            if waiting[target.index()] == 0 {
                ready.push(Reverse(target));
            }
        }
    }
    order
}
