//! All nodes whose messages arrive within a number of hops.

use super::EdgeIndex;
use super::subgraph::{NeighbourSampleError, Subgraph, check_seeds, grow};

/// The nodes whose messages reach the seeds within `hops` hops, and the edges that carry them.
///
/// The walk goes against the edges. An edge is in where it leads into a node at most `hops - 1`
/// hops from a seed: the nodes at the rim send, and what they receive themselves is left out (other
/// than in `k_hop_subgraph` of `PyTorch` Geometric, which adds the edges among them).
///
/// # How many hops for how many layers
///
/// With `hops` the number of layers, the rows of the seeds are those of the whole graph, up to the
/// order of sums, for layers that depend on no more than the edges into each node: `GraphSAGE`,
/// GAT, `GATv2`, R-GCN. A GCN also divides by the root of the *sender's* in-degree, so it needs one
/// hop more than it has layers.
///
/// # Errors
///
/// [`NeighbourSampleError::SeedOutOfRange`] and [`NeighbourSampleError::RepeatedSeed`].
///
/// # Complexity
///
/// Time O(n log n + e log e), memory O(n + e) for `n` nodes and `e` edges of the part, whatever the
/// size of the graph.
///
/// # Example
///
/// ```
/// use astern_gnn::graph::k_hop;
/// use astern_gnn::EdgeIndex;
///
/// let edges = EdgeIndex::new(5, [(4, 3), (3, 1), (2, 1), (1, 0)])?;
/// let near = k_hop(&edges, &[1], 1)?;
/// assert_eq!(near.nodes(), [1, 2, 3]);
/// assert_eq!(near.edges().pairs().collect::<Vec<_>>(), [(1, 0), (2, 0)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn k_hop(
    edges: &EdgeIndex,
    seeds: &[u32],
    hops: usize,
) -> Result<Subgraph, NeighbourSampleError> {
    check_seeds(seeds, edges.n_nodes())?;
    Ok(grow(edges, seeds, hops, |node, _, taken| {
        taken.extend(edges.incoming_ids(node));
    }))
}
