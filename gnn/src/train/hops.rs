//! Pairs of nodes by the number of hops between them.

use astern_stats::rng::seeded;

use super::draw::below;
use super::rule::at_least_1;
use crate::error::ConfigError;
use crate::graph::EdgeIndex;

/// Pairs `(first[i], second[i])` of class `class[i]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct HopPairs {
    /// One node.
    pub first: Vec<u32>,
    /// The other one.
    pub second: Vec<u32>,
    /// `min(hops, C) - 1`, ascending: class 0 are neighbours, class `C - 1` is far or not connected.
    pub class: Vec<u32>,
}

/// Draws pairs of nodes, equally many of each class `min(hops, C)`.
///
/// Hops are counted along edges without direction, by breadth-first search that stops before `C`
/// hops. The N² distances are never held: a class has its number of pairs counted by node, a draw
/// chooses one of these, and the search from its node tells which pair it is. So each pair of a
/// class is as likely as any other.
///
/// # Complexity
///
/// With `b` edges within `C - 2` hops of a node: made in O(E log E + N b) time; a draw takes
/// O(log N + b) a pair. Memory O(E + C N).
///
/// # Example
///
/// ```
/// use astern_gnn::EdgeIndex;
/// use astern_gnn::train::HopSampler;
///
/// // A chain of five: 4 pairs at one hop, 3 at two, 3 farther.
/// let chain = EdgeIndex::new(5, [(0, 1), (1, 2), (2, 3), (3, 4)])?;
/// let sampler = HopSampler::new(&chain, 3)?;
/// assert_eq!(sampler.counts(), [4, 3, 3]);
/// let pairs = sampler.draw(2, 7);
/// assert_eq!(pairs.class, [0, 0, 1, 1, 2, 2]);
/// assert_eq!(pairs.first[2].abs_diff(pairs.second[2]), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HopSampler {
    neighbours: EdgeIndex,
    /// `[C][N]`: ordered pairs of the class that begin at a node up to this one.
    running: Vec<Vec<usize>>,
}

impl HopSampler {
    /// For the graph of `edges`; `cutoff` is C, the first number of hops that is not distinguished from
    /// larger ones.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] for a cut-off below 2 or above the number of nodes and 2.
    pub fn new(edges: &EdgeIndex, cutoff: usize) -> Result<Self, ConfigError> {
        at_least_1("cutoff - 1", cutoff.saturating_sub(1))?;
        let n = edges.n_nodes();
        if cutoff > n.max(2) {
            return Err(ConfigError::OutOfRange {
                name: "cutoff",
                value: cutoff as f64,
                allowed: "at most the number of nodes",
            });
        }
        let neighbours = edges.neighbours();
        let mut running: Vec<Vec<usize>> = vec![Vec::with_capacity(n); cutoff];
        let mut totals = vec![0; cutoff];
        let mut walk = Walk::new(n);
        for node in (0u32..).take(n) {
            walk.search(&neighbours, node, cutoff - 1);
            for (class, (total, running)) in totals.iter_mut().zip(&mut running).enumerate() {
                *total += if class + 1 < cutoff {
                    walk.level(class + 1).len()
                } else {
                    n - walk.order.len()
                };
                running.push(*total);
            }
        }
        Ok(Self {
            neighbours,
            running,
        })
    }

    /// Number of pairs of each class, `[C]`, each pair once.
    pub fn counts(&self) -> Vec<usize> {
        let totals = self.running.iter();
        totals.map(|r| r.last().map_or(0, |n| n / 2)).collect()
    }

    /// `per_class` pairs of each class that has any, with replacement, each as likely as the others
    /// of its class.
    pub fn draw(&self, per_class: usize, seed: u64) -> HopPairs {
        let mut rng = seeded(seed, 0);
        let mut walk = Walk::new(self.neighbours.n_nodes());
        let mut pairs = HopPairs::default();
        for (class, running) in (0u32..).zip(&self.running) {
            let total = running.last().copied().unwrap_or(0);
            let wanted = if total == 0 { 0 } else { per_class };
            for _ in 0..wanted {
                let place = below(&mut rng, total);
                let node = running.partition_point(|&before| before <= place);
                let before = node.checked_sub(1).map_or(0, |i| running[i]);
                let first = u32::try_from(node).unwrap_or(u32::MAX);
                pairs.first.push(first);
                let second = self.partner(&mut walk, first, class as usize, place - before);
                pairs.second.push(second);
                pairs.class.push(class);
            }
        }
        pairs
    }

    /// The node at this place among those of the class, seen from `node`.
    fn partner(&self, walk: &mut Walk, node: u32, class: usize, place: usize) -> u32 {
        let cutoff = self.running.len();
        walk.search(&self.neighbours, node, (class + 1).min(cutoff - 1));
        if class + 1 < cutoff {
            return walk.level(class + 1)[place];
        }
        // Far nodes are those between the near ones.
        let mut near = walk.order.clone();
        near.sort_unstable();
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        near.iter()
            .fold(place, |far, &near| far + u32::from(near <= far))
    }
}

/// A breadth-first search that can be made again without new memory.
#[derive(Debug)]
struct Walk {
    seen: Vec<bool>,
    /// Nodes by hops.
    order: Vec<u32>,
    /// Where the nodes of each number of hops begin.
    starts: Vec<usize>,
}

impl Walk {
    fn new(n_nodes: usize) -> Self {
        Self {
            seen: vec![false; n_nodes],
            order: Vec::new(),
            starts: Vec::new(),
        }
    }

    /// Searches from `node` as far as `depth` hops.
    fn search(&mut self, neighbours: &EdgeIndex, node: u32, depth: usize) {
        for &node in &self.order {
            self.seen[node as usize] = false;
        }
        self.order.clear();
        self.order.push(node);
        self.seen[node as usize] = true;
        self.starts.clear();
        self.starts.extend([0, 1]);
        for hops in 1..=depth {
            for at in self.starts[hops - 1]..self.starts[hops] {
                for &next in &neighbours.source()[neighbours.incoming(self.order[at])] {
                    if !self.seen[next as usize] {
                        self.seen[next as usize] = true;
                        self.order.push(next);
                    }
                }
            }
            self.starts.push(self.order.len());
        }
    }

    /// Nodes at exactly this number of hops.
    fn level(&self, hops: usize) -> &[u32] {
        &self.order[self.starts[hops]..self.starts[hops + 1]]
    }
}
