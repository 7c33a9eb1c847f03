//! Neighbours by lot.

use astern_stats::rng::seeded;
use rand::seq::{SliceRandom, index};

use super::EdgeIndex;
use super::subgraph::{NeighbourSampleError, Subgraph, check_seeds, grow};

/// Word of the stream from which seeds are shuffled: no node has this number.
const SHUFFLE: u32 = u32::MAX;

/// Takes at most a fixed number of the edges into each node, so that the cost of a seed does not
/// depend on how many senders there are.
///
/// Hop `h` takes at most `fanouts[h]` edges into each node that hop `h` starts from, without
/// replacement and with equal chances. A node is asked once, at the least number of hops from any
/// seed, as by `NeighborLoader` of `PyTorch` Geometric. Parallel edges count each. With
/// `usize::MAX` as every fan-out the part is that of [`k_hop`](super::k_hop).
///
/// What is drawn at a node depends on the seed, the node, its fan-out and `draw` (the epoch, say),
/// and on nothing else: neither on the order of seeds nor on what was drawn before.
///
/// The mean over a sample is an unbiased estimate of the mean over all (`GraphSAGE`); sums and the
/// coefficients of a GCN are not estimated without bias. Score with [`k_hop`](super::k_hop).
///
/// # Source
///
/// Hamilton, Ying and Leskovec, Inductive Representation Learning on Large Graphs, 2017 (arXiv
/// 1706.02216). Deviation: neighbours are drawn without replacement.
///
/// # Example
///
/// ```
/// use astern_gnn::graph::NeighbourSampler;
/// use astern_gnn::EdgeIndex;
///
/// // Node 0 receives from a hundred others.
/// let star = EdgeIndex::new(101, (1..=100).map(|leaf| (leaf, 0)))?;
/// let sampler = NeighbourSampler::new(&[10, 5], 7)?;
/// let part = sampler.sample(&star, &[0], 0)?;
/// assert_eq!((part.nodes().len(), part.edges().n_edges()), (11, 10));
///
/// let seeds: Vec<u32> = (0..101).collect();
/// for epoch in 0..2 {
///     let batches = sampler.batches(&star, &seeds, 32, epoch)?;
///     assert_eq!(batches.map(|part| part.seeds().len()).collect::<Vec<_>>(), [32, 32, 32, 5]);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeighbourSampler {
    fanouts: Vec<usize>,
    seed: u64,
}

impl NeighbourSampler {
    /// A sampler of one hop for each of `fanouts`, from the seeds outwards.
    ///
    /// # Errors
    ///
    /// [`NeighbourSampleError::Zero`] for a fan-out of 0.
    pub fn new(fanouts: &[usize], seed: u64) -> Result<Self, NeighbourSampleError> {
        if fanouts.contains(&0) {
            return Err(NeighbourSampleError::Zero { name: "fanout" });
        }
        let fanouts = fanouts.to_vec();
        Ok(Self { fanouts, seed })
    }

    /// What the seeds receive in one draw.
    ///
    /// # Errors
    ///
    /// [`NeighbourSampleError::SeedOutOfRange`] and [`NeighbourSampleError::RepeatedSeed`].
    ///
    /// # Complexity
    ///
    /// Time O(n log n + e log e), memory O(n + e) for `n` nodes and `e` edges of the part, whatever
    /// the size of the graph and the degrees of its nodes.
    pub fn sample(
        &self,
        edges: &EdgeIndex,
        seeds: &[u32],
        draw: u32,
    ) -> Result<Subgraph, NeighbourSampleError> {
        check_seeds(seeds, edges.n_nodes())?;
        Ok(self.draw(edges, seeds, draw))
    }

    /// Goes once through `seeds` in an order by lot, `size` at a time, the last time those that are
    /// left.
    ///
    /// # Errors
    ///
    /// [`NeighbourSampleError::Zero`] for a size of 0, and those of [`sample`](Self::sample).
    ///
    /// # Complexity
    ///
    /// `O(seeds)` in time and memory at the start, then that of [`sample`](Self::sample) a batch.
    pub fn batches<'a>(
        &'a self,
        edges: &'a EdgeIndex,
        seeds: &[u32],
        size: usize,
        draw: u32,
    ) -> Result<impl ExactSizeIterator<Item = Subgraph> + use<'a>, NeighbourSampleError> {
        if size == 0 {
            return Err(NeighbourSampleError::Zero { name: "batch size" });
        }
        check_seeds(seeds, edges.n_nodes())?;
        let mut seeds = seeds.to_vec();
        seeds.shuffle(&mut seeded(self.seed, stream(draw, SHUFFLE)));
        let count = seeds.len().div_ceil(size);
        Ok((0..count).map(move |batch| {
            let start = batch * size;
            let end = start.saturating_add(size).min(seeds.len());
            self.draw(edges, &seeds[start..end], draw)
        }))
    }

    fn draw(&self, edges: &EdgeIndex, seeds: &[u32], draw: u32) -> Subgraph {
        grow(edges, seeds, self.fanouts.len(), |node, hop, taken| {
            let (degree, fanout) = (edges.in_degree(node), self.fanouts[hop]);
            if degree <= fanout {
                taken.extend(edges.incoming_ids(node));
                return;
            }
            let mut rng = seeded(self.seed, stream(draw, node));
            let mut drawn = index::sample(&mut rng, degree, fanout).into_vec();
            drawn.sort_unstable();
            let start = edges.offsets()[node as usize];
            // Places are below the degree, which is below the number of edges: a `u32`.
            let places = drawn
                .into_iter()
                .filter_map(|place| u32::try_from(place).ok());
            taken.extend(places.map(|place| start + place));
        })
    }
}

fn stream(draw: u32, node: u32) -> u64 {
    u64::from(draw) << 32 | u64::from(node)
}
