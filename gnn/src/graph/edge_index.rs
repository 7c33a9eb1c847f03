//! Directed edges in compressed form.

use std::ops::Range;

use crate::error::GraphDataError;

/// Largest number of nodes, and of edges: both are numbered by `u32`.
const LIMIT: usize = u32::MAX as usize;

/// Directed edges of a graph of `n_nodes` nodes, checked once and sorted by (target, source).
///
/// An edge `(source, target)` carries messages from source to target, as the two rows of
/// `edge_index` in `PyTorch` Geometric. Sorted by target, the edges into a node are one range
/// ([`incoming`](Self::incoming)), so that sums over them need no scatter, and results do not depend
/// on the order in which edges were given. Repeated edges and loops are kept; equal edges stay in
/// the order given. [`given`](Self::given) leads back to that order.
///
/// # Complexity
///
/// Made in time O(N + E log E); memory 12 bytes an edge and 4 bytes a node.
///
/// # Example
///
/// ```
/// use astern_gnn::EdgeIndex;
///
/// let edges = EdgeIndex::new(3, [(2, 1), (1, 0), (0, 1)])?;
/// assert_eq!(edges.pairs().collect::<Vec<_>>(), [(1, 0), (0, 1), (2, 1)]);
/// assert_eq!(edges.given(), [1, 2, 0]);
/// assert_eq!((edges.incoming(1), edges.in_degree(2)), (1..3, 0));
/// # Ok::<(), astern_gnn::GraphDataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeIndex {
    source: Vec<u32>,
    target: Vec<u32>,
    offsets: Vec<u32>,
    given: Vec<u32>,
}

impl EdgeIndex {
    /// Checks and sorts `edges`, given as (source, target).
    ///
    /// # Errors
    ///
    /// [`GraphDataError::TooManyNodes`], [`GraphDataError::TooManyEdges`] and
    /// [`GraphDataError::NodeOutOfRange`].
    pub fn new(
        n_nodes: usize,
        edges: impl IntoIterator<Item = (u32, u32)>,
    ) -> Result<Self, GraphDataError> {
        check_node_count(n_nodes)?;
        let edges: Vec<_> = edges.into_iter().collect();
        check_edges(&edges, n_nodes)?;
        Ok(Self::sorted(n_nodes, &edges))
    }

    /// Sorts edges that are known to be in range.
    pub(crate) fn sorted(n_nodes: usize, edges: &[(u32, u32)]) -> Self {
        // Whole keys side by side sort many times faster than places of keys; the last one keeps
        // equal edges in the order given.
        let places = edges.iter().zip(0u32..);
        let mut keys: Vec<_> = places.map(|(&(j, i), place)| (i, j, place)).collect();
        keys.sort_unstable();
        let source = keys.iter().map(|key| key.1).collect();
        let target = keys.iter().map(|key| key.0).collect();
        let given = keys.iter().map(|key| key.2).collect();
        Self::ordered(n_nodes, source, target, given)
    }

    /// Edges that are known to be in range and sorted; `given` is a permutation of their places.
    pub(super) fn ordered(
        n_nodes: usize,
        source: Vec<u32>,
        target: Vec<u32>,
        given: Vec<u32>,
    ) -> Self {
        let offsets = offsets(n_nodes, &target);
        Self {
            source,
            target,
            offsets,
            given,
        }
    }

    /// The same edges, as if they had been given in the order of this index.
    pub(super) fn into_own_order(mut self) -> Self {
        self.given.sort_unstable();
        self
    }

    /// Number of nodes, N.
    pub fn n_nodes(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of edges, E.
    pub fn n_edges(&self) -> usize {
        self.source.len()
    }

    /// Senders `[E]`, sorted by (target, source).
    pub fn source(&self) -> &[u32] {
        &self.source
    }

    /// Receivers `[E]`, ascending.
    pub fn target(&self) -> &[u32] {
        &self.target
    }

    /// Where the edges into each node begin, `[N + 1]`: those into `i` are
    /// `offsets[i]..offsets[i + 1]`.
    pub fn offsets(&self) -> &[u32] {
        &self.offsets
    }

    /// Position of each edge in the list that was given, `[E]`.
    pub fn given(&self) -> &[u32] {
        &self.given
    }

    /// Edges (source, target), sorted by (target, source).
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (u32, u32)> {
        self.source.iter().copied().zip(self.target.iter().copied())
    }

    /// Range of the edges into `node`; empty for a node that is not there.
    pub fn incoming(&self, node: u32) -> Range<usize> {
        let at = |i: usize| self.offsets.get(i).copied();
        let node = node as usize;
        match (at(node), at(node.saturating_add(1))) {
            (Some(start), Some(end)) => start as usize..end as usize,
            _ => 0..0,
        }
    }

    /// [`incoming`](Self::incoming) as numbers of edges.
    pub(super) fn incoming_ids(&self, node: u32) -> Range<u32> {
        let node = node as usize;
        self.offsets[node]..self.offsets[node + 1]
    }

    /// Number of edges into `node`.
    pub fn in_degree(&self, node: u32) -> usize {
        self.incoming(node).len()
    }

    /// The same edges turned round, with the given order of this index as theirs.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let mut edges = vec![(0, 0); self.n_edges()];
        for ((source, target), &given) in self.pairs().zip(&self.given) {
            edges[given as usize] = (target, source);
        }
        Self::sorted(self.n_nodes(), &edges)
    }

    /// Each pair of neighbours from both ends, without loops and repeats.
    pub(crate) fn neighbours(&self) -> Self {
        let kept = self.pairs().filter(|(source, target)| source != target);
        let mut both: Vec<_> = kept.flat_map(|(a, b)| [(a, b), (b, a)]).collect();
        both.sort_unstable();
        both.dedup();
        Self::sorted(self.n_nodes(), &both)
    }

    /// Rearranges one value an edge from the order given to the order of this index.
    pub(crate) fn arrange<T: Copy>(&self, values: &[T]) -> Vec<T> {
        self.given.iter().map(|&e| values[e as usize]).collect()
    }
}

/// `[N + 1]` starts of the runs of equal targets.
pub(super) fn offsets(n_nodes: usize, target: &[u32]) -> Vec<u32> {
    let mut offsets = vec![0; n_nodes + 1];
    for &i in target {
        offsets[i as usize + 1] += 1;
    }
    for i in 0..n_nodes {
        offsets[i + 1] += offsets[i];
    }
    offsets
}

/// Every node can be named by an edge.
pub(crate) fn check_node_count(n_nodes: usize) -> Result<(), GraphDataError> {
    if n_nodes >= LIMIT {
        return Err(GraphDataError::TooManyNodes {
            n_nodes,
            limit: LIMIT - 1,
        });
    }
    Ok(())
}

/// Every edge can be numbered, with a loop at every node added.
pub(super) fn check_edge_count(n_edges: usize, n_nodes: usize) -> Result<(), GraphDataError> {
    let limit = LIMIT.saturating_sub(n_nodes);
    if n_edges >= limit {
        return Err(GraphDataError::TooManyEdges { n_edges, limit });
    }
    Ok(())
}

/// Every edge ends at a node that is there and can be numbered.
pub(crate) fn check_edges(edges: &[(u32, u32)], n_nodes: usize) -> Result<(), GraphDataError> {
    check_edge_count(edges.len(), n_nodes)?;
    for (edge, &(source, target)) in edges.iter().enumerate() {
        for node in [source, target] {
            if node as usize >= n_nodes {
                return Err(GraphDataError::NodeOutOfRange {
                    edge,
                    node,
                    n_nodes,
                });
            }
        }
    }
    Ok(())
}
