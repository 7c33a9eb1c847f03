//! Nodes that hold the system together.

use petgraph::algo::articulation_points::articulation_points;
use petgraph::graph::UnGraph;
use petgraph::visit::EdgeRef;

use crate::graph::{TemporalGraph, node_id};
use crate::key::NodeId;

impl TemporalGraph {
    /// Nodes without which the system falls into more parts than before, taking edges of every
    /// kind from either end; sorted by key.
    ///
    /// Such a node is the only bond between two parts: whatever one part sees of the other comes
    /// through it. A rollback undoes it on its own and verifies it before going on; to a root-cause
    /// analysis it is where a fault crosses from one part to the other. What a request or a fault
    /// must pass on its way, which depends on direction, is asked of
    /// [`dominators`](Self::dominators).
    ///
    /// # Complexity
    /// `O(V + E)` (Hopcroft and Tarjan 1973).
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey};
    ///
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// for (from, to) in [("web", "bus"), ("app", "bus"), ("bus", "mail"), ("web", "app")] {
    ///     builder.declare_edge(NodeKey::service(from), NodeKey::service(to), EdgeKind::Calls);
    /// }
    /// let graph = builder.build();
    /// let bus = graph.id(&NodeKey::service("bus")).unwrap();
    /// assert_eq!(graph.articulation_points(), [bus]); // without it, nobody sends mail
    /// # Ok::<(), astern_stats::ParamError>(())
    /// ```
    pub fn articulation_points(&self) -> Vec<NodeId> {
        let mut bonds = UnGraph::<(), (), u32>::with_capacity(self.node_count(), self.edge_count());
        for _ in self.keys() {
            bonds.add_node(());
        }
        for edge in self.digraph().edge_references() {
            if edge.source() != edge.target() {
                bonds.add_edge(edge.source(), edge.target(), ());
            }
        }
        let mut points: Vec<NodeId> = articulation_points(&bonds)
            .into_iter()
            .map(node_id)
            .collect();
        points.sort_unstable();
        points
    }
}
