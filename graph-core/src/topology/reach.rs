//! How far a fault reaches, and where it can have come from.

use std::collections::BTreeMap;

use super::Towards;
use crate::graph::TemporalGraph;
use crate::key::NodeId;

impl TemporalGraph {
    /// Every node that a fault at `from` can reach, with the least number of hops to it.
    ///
    /// Follows [`EdgeKind::fault_flow`](crate::EdgeKind::fault_flow): of plain calls these are the
    /// direct and indirect callers. The start itself is included with 0 hops; of a node that the
    /// graph does not have nothing is reached.
    ///
    /// # Complexity
    /// `O(V + E)`, by breadth-first search.
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey};
    ///
    /// let [web, cart, db] = ["web", "cart", "db"].map(NodeKey::service);
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// builder.declare_edge(web.clone(), cart.clone(), EdgeKind::Calls);
    /// builder.declare_edge(cart, db.clone(), EdgeKind::Calls);
    /// let graph = builder.build();
    ///
    /// let radius = graph.blast_radius(graph.id(&db).unwrap());
    /// assert_eq!(radius[&graph.id(&web).unwrap()], 2);
    /// # Ok::<(), astern_stats::ParamError>(())
    /// ```
    pub fn blast_radius(&self, from: NodeId) -> BTreeMap<NodeId, u32> {
        self.reach(from, Towards::FaultTargets)
    }

    /// Every node from which a fault can have come to `at`, with the least number of hops.
    ///
    /// Of plain calls these are the direct and indirect callees; the node itself is included with
    /// 0 hops. As [`blast_radius`](Self::blast_radius) otherwise.
    pub fn fault_ancestry(&self, at: NodeId) -> BTreeMap<NodeId, u32> {
        self.reach(at, Towards::FaultOrigins)
    }

    fn reach(&self, from: NodeId, towards: Towards) -> BTreeMap<NodeId, u32> {
        self.breadth_first(&[from], towards, u32::MAX)
            .into_iter()
            .collect()
    }
}
