//! What lies within a number of hops: the part of a graph that a sampler or a drawing takes.

use petgraph::visit::EdgeRef;

use super::Towards;
use super::walk::node_index;
use crate::edge::EdgeKind;
use crate::graph::TemporalGraph;
use crate::key::NodeId;

/// The nodes within a number of hops of some seeds, and all edges among them.
///
/// Row `i` of a tensor of node features is `nodes[i]`; edges name rows. Seeds come first and hops
/// never fall along the rows, so that the last layers of a network need only the first rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Neighbourhood {
    /// The nodes, by hops, at equal hops by key.
    pub nodes: Vec<NodeId>,
    /// Least number of hops from a seed to each node: `hops[i]` is that of `nodes[i]`.
    pub hops: Vec<u32>,
    /// Edges `(source, target, kind)` of every kind whose ends are both in `nodes`, as places in
    /// `nodes`, sorted.
    pub edges: Vec<(u32, u32, EdgeKind)>,
}

impl TemporalGraph {
    /// The neighbourhood of some seeds: what a walk reaches in at most `hops` hops, with the
    /// subgraph that it induces.
    ///
    /// The walk decides which nodes are in; of these, edges of every kind and direction are kept.
    /// Seeds given twice count once, and those that the graph does not have are left out.
    ///
    /// # Complexity
    /// `O(e log e)` for the `e` edges at the nodes that are reached, and a map of `V` places to
    /// clear; where they are a fair share of all nodes, `O(V + E log E)`.
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::topology::Towards;
    /// use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey};
    ///
    /// let [web, cart, db] = ["web", "cart", "db"].map(NodeKey::service);
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// builder.declare_edge(web.clone(), cart.clone(), EdgeKind::Calls);
    /// builder.declare_edge(cart.clone(), db, EdgeKind::Reads);
    /// let graph = builder.build();
    ///
    /// let near = graph.neighbourhood(&[graph.id(&cart).unwrap()], Towards::Callers, 1);
    /// let names: Vec<_> = near.nodes.iter().filter_map(|id| graph.key(*id)).collect();
    /// assert_eq!(names, [&cart, &web]);
    /// assert_eq!(near.hops, [0, 1]);
    /// assert_eq!(near.edges, [(1, 0, EdgeKind::Calls)]);
    /// # Ok::<(), astern_stats::ParamError>(())
    /// ```
    pub fn neighbourhood(&self, seeds: &[NodeId], towards: Towards, hops: u32) -> Neighbourhood {
        let mut reached = self.breadth_first(seeds, towards, hops);
        reached.sort_unstable_by_key(|(id, hops)| (*hops, *id));
        let mut row_of: Vec<Option<u32>> = vec![None; self.node_count()];
        for (row, (id, _)) in (0..).zip(&reached) {
            row_of[id.index()] = Some(row);
        }
        let mut edges = Vec::new();
        for (row, (id, _)) in (0..).zip(&reached) {
            for edge in self.digraph().edges(node_index(*id)) {
                if let Some(target) = row_of[edge.target().index()] {
                    edges.push((row, target, *edge.weight()));
                }
            }
        }
        edges.sort_unstable();
        let (nodes, hops) = reached.into_iter().unzip();
        Neighbourhood { nodes, hops, edges }
    }
}
