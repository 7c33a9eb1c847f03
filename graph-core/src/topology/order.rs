//! Orders in which callers come before their callees.

use super::groups::Condensation;
use super::walk::node_index;
use crate::graph::TemporalGraph;
use crate::key::NodeId;

impl TemporalGraph {
    /// Groups of nodes in an order in which every caller comes before its callees; nodes that call
    /// each other in a circle share a group. Edges of every kind count. By
    /// [layer](Self::layers), at equal layers by key.
    ///
    /// Undoing changes in this order never leaves a new caller in front of an old callee.
    ///
    /// # Complexity
    /// `O(V + E)` and a sort of the groups.
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey};
    ///
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// for (from, to) in [("web", "cart"), ("cart", "auth"), ("web", "auth")] {
    ///     builder.declare_edge(NodeKey::service(from), NodeKey::service(to), EdgeKind::Calls);
    /// }
    /// let graph = builder.build();
    /// let order: Vec<_> = graph.callers_first().concat();
    /// let names: Vec<&str> = order.iter().filter_map(|id| Some(&*graph.key(*id)?.name)).collect();
    /// assert_eq!(names, ["web", "cart", "auth"]);
    /// # Ok::<(), astern_stats::ParamError>(())
    /// ```
    pub fn callers_first(&self) -> Vec<Vec<NodeId>> {
        let condensation = Condensation::of(self.digraph());
        let depth = self.depths(&condensation);
        let mut groups: Vec<(u32, Vec<NodeId>)> =
            depth.into_iter().zip(condensation.groups).collect();
        groups.sort_unstable();
        groups.into_iter().map(|(_, ids)| ids).collect()
    }

    /// Layer of each node, in hops, by [`NodeId::index`]: the length of the longest chain of
    /// dependents in front of it, a circle counting as one node. Entry points are in layer 0; every
    /// edge leads to a greater layer or stays within its circle.
    ///
    /// # Complexity
    /// `O(V + E)`.
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey};
    ///
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// for (from, to) in [("web", "cart"), ("cart", "auth"), ("web", "auth")] {
    ///     builder.declare_edge(NodeKey::service(from), NodeKey::service(to), EdgeKind::Calls);
    /// }
    /// assert_eq!(builder.build().layers(), [2, 1, 0]); // auth, cart, web
    /// # Ok::<(), astern_stats::ParamError>(())
    /// ```
    pub fn layers(&self) -> Vec<u32> {
        let condensation = Condensation::of(self.digraph());
        let depth = self.depths(&condensation);
        let groups = condensation.group_of.into_iter();
        groups.map(|group| depth[group]).collect()
    }

    /// Longest chain of groups in front of each group.
    fn depths(&self, condensation: &Condensation) -> Vec<u32> {
        let Condensation { groups, group_of } = condensation;
        let mut depth = vec![0_u32; groups.len()];
        // From callers to callees: a group's depth is final when it is its turn.
        for (group, members) in groups.iter().enumerate().rev() {
            for member in members {
                for callee in self.digraph().neighbors(node_index(*member)) {
                    let callee = group_of[callee.index()];
                    if callee != group {
                        depth[callee] = depth[callee].max(depth[group] + 1);
                    }
                }
            }
        }
        depth
    }
}
