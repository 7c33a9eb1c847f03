//! Pairs of nodes without an edge.

use astern_stats::rng::seeded;
use rand_chacha::ChaCha8Rng;

use super::draw::below;
use crate::graph::EdgeIndex;

/// Pairs `(node[i], other[i])` without an edge in either direction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NonEdges {
    /// The node that the pair was drawn for, ascending.
    pub node: Vec<u32>,
    /// Its partner.
    pub other: Vec<u32>,
}

/// Draws non-edges: for each node, partners that no edge joins to it in either direction.
///
/// # Complexity
///
/// Made in O(N + E log E); a draw of `k` a node takes O(E + k N log E) expected time: a node with
/// edges to half of the others or more has what is left listed, which its edges pay for.
///
/// # Example
///
/// ```
/// use astern_gnn::EdgeIndex;
/// use astern_gnn::train::NegativeSampler;
///
/// let sampler = NegativeSampler::new(&EdgeIndex::new(4, [(0, 1), (0, 2)])?);
/// let pairs = sampler.draw(2, 7);
/// assert_eq!(pairs.node, [0, 0, 1, 1, 2, 2, 3, 3]);
/// // Only 3 is no neighbour of 0.
/// assert_eq!(pairs.other[..2], [3, 3]);
/// # Ok::<(), astern_gnn::GraphDataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NegativeSampler {
    /// Neighbours without direction, repeats and loops.
    neighbours: EdgeIndex,
}

impl NegativeSampler {
    /// For the graph of `edges`.
    pub fn new(edges: &EdgeIndex) -> Self {
        Self {
            neighbours: edges.neighbours(),
        }
    }

    /// Number of nodes, N.
    pub fn n_nodes(&self) -> usize {
        self.neighbours.n_nodes()
    }

    /// Pairs with an edge, each from both ends, ascending by the first.
    pub fn pairs(&self) -> impl Iterator<Item = (u32, u32)> {
        self.neighbours.pairs().map(|(other, node)| (node, other))
    }

    /// `k` partners for each node, each drawn evenly from all that are none of its neighbours, with
    /// replacement; none for a node with edges to all others. Each node has a stream of its own.
    pub fn draw(&self, k: usize, seed: u64) -> NonEdges {
        let mut pairs = NonEdges::default();
        for node in (0u32..).take(self.n_nodes()) {
            let mut rng = seeded(seed, node.into());
            let before = pairs.other.len();
            self.draw_for(node, k, &mut rng, &mut pairs.other);
            let drawn = pairs.other.len() - before;
            pairs.node.extend(std::iter::repeat_n(node, drawn));
        }
        pairs
    }

    fn draw_for(&self, node: u32, k: usize, rng: &mut ChaCha8Rng, out: &mut Vec<u32>) {
        let n = self.n_nodes();
        let near = &self.neighbours.source()[self.neighbours.incoming(node)];
        let is_near = |other: u32| other == node || near.binary_search(&other).is_ok();
        if 2 * (near.len() + 1) >= n {
            let rest: Vec<u32> = (0u32..).take(n).filter(|&o| !is_near(o)).collect();
            if !rest.is_empty() {
                out.extend((0..k).map(|_| rest[below(rng, rest.len())]));
            }
            return;
        }
        for _ in 0..k {
            // More than half of all nodes will do: two trials on average at most.
            let mut other = node;
            while is_near(other) {
                other = u32::try_from(below(rng, n)).unwrap_or(node);
            }
            out.push(other);
        }
    }
}
