//! Nodes that depend on each other in a circle.

use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;

use crate::graph::{TemporalGraph, node_id};
use crate::key::NodeId;

/// The strongly connected groups of a graph: seen as single nodes they are free of circles.
#[derive(Debug)]
pub(super) struct Condensation {
    /// Members sorted; a group comes after all groups that it has edges to.
    pub(super) groups: Vec<Vec<NodeId>>,
    /// The place in `groups` of each node's group.
    pub(super) group_of: Vec<usize>,
}

impl Condensation {
    /// Kosaraju's algorithm, because petgraph's is iterative where its Tarjan's is recursive.
    pub(super) fn of<E>(graph: &DiGraph<(), E, u32>) -> Self {
        let mut group_of = vec![0; graph.node_count()];
        let groups = kosaraju_scc(graph)
            .into_iter()
            .enumerate()
            .map(|(group, members)| {
                let mut ids: Vec<NodeId> = members.into_iter().map(node_id).collect();
                ids.sort_unstable();
                for id in &ids {
                    group_of[id.index()] = group;
                }
                ids
            })
            .collect();
        Self { groups, group_of }
    }
}

impl TemporalGraph {
    /// The strongly connected groups: two nodes share a group when each can be reached from the
    /// other along edges of any kind, from source to target. Members are sorted, groups are in the
    /// order of their first members.
    ///
    /// A group of more than one is a circle of dependencies: no order of undoing suits all of its
    /// members (see [`feedback_arcs`](Self::feedback_arcs) for where to cut), and a fault in one
    /// comes back to it.
    ///
    /// # Complexity
    /// `O(V + E)` and a sort (Kosaraju 1978, published by Sharir 1981).
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey};
    ///
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// for (from, to) in [("web", "cart"), ("cart", "stock"), ("stock", "cart")] {
    ///     builder.declare_edge(NodeKey::service(from), NodeKey::service(to), EdgeKind::Calls);
    /// }
    /// let graph = builder.build();
    /// let sizes: Vec<usize> = graph.strong_groups().iter().map(Vec::len).collect();
    /// assert_eq!(sizes, [2, 1]); // cart and stock; web
    /// # Ok::<(), astern_stats::ParamError>(())
    /// ```
    pub fn strong_groups(&self) -> Vec<Vec<NodeId>> {
        let mut groups = Condensation::of(self.digraph()).groups;
        groups.sort_unstable();
        groups
    }
}
