//! A part of a graph with names of its own, and how it grows from its seeds.

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use ndarray::Axis;

use super::{EdgeIndex, Graph};

/// A part of a graph cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NeighbourSampleError {
    /// A seed is not there.
    #[error("seed {position} is node {node}, there are {n_nodes} nodes")]
    SeedOutOfRange {
        /// Position of the seed.
        position: usize,
        /// The node it names.
        node: u32,
        /// Nodes in the graph.
        n_nodes: usize,
    },
    /// A seed is given twice: rows of the result would not be those of the seeds.
    #[error("seed {position} is node {node}, which is a seed already")]
    RepeatedSeed {
        /// Position of the second.
        position: usize,
        /// The node.
        node: u32,
    },
    /// A number that must be at least 1.
    #[error("{name} is 0, it must be at least 1")]
    Zero {
        /// Which number.
        name: &'static str,
    },
    /// The part was taken from another graph.
    #[error("{what} {id} of the subgraph is not so in this graph")]
    OtherGraph {
        /// What differs: `node` or `edge`.
        what: &'static str,
        /// Its number in the graph that the part was taken from.
        id: u32,
    },
}

/// Nodes and edges of a larger graph, numbered again.
///
/// Row `i` of the part is node [`nodes`](Self::nodes)`[i]` of the graph. Seeds come first, in the
/// order given, then the nodes of each hop by rising number. Edge `e` of
/// [`edges`](Self::edges) is edge [`edge_ids`](Self::edge_ids)`[e]` of the graph, counted in the
/// order of its [`EdgeIndex`]. [`Graph::subgraph`] brings features, weights, attributes and types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subgraph {
    nodes: Vec<u32>,
    hop_ends: Vec<usize>,
    edges: EdgeIndex,
    edge_ids: Vec<u32>,
}

impl Subgraph {
    /// Number in the graph of each node of the part.
    pub fn nodes(&self) -> &[u32] {
        &self.nodes
    }

    /// The seeds: the first rows of the part.
    pub fn seeds(&self) -> &[u32] {
        self.within(0)
    }

    /// The nodes that were reached in at most `hops` hops: the first rows of the part.
    pub fn within(&self, hops: usize) -> &[u32] {
        let hops = hops.min(self.hop_ends.len() - 1);
        &self.nodes[..self.hop_ends[hops]]
    }

    /// Edges between rows of the part.
    pub fn edges(&self) -> &EdgeIndex {
        &self.edges
    }

    /// Place in the graph's [`EdgeIndex`] of each edge of the part.
    pub fn edge_ids(&self) -> &[u32] {
        &self.edge_ids
    }
}

impl Graph {
    /// The part of this graph that `part` says: features of its nodes, and weights, attributes and
    /// types of its edges.
    ///
    /// # Errors
    ///
    /// [`NeighbourSampleError::OtherGraph`] where `part` was taken from other edges than those of this graph.
    ///
    /// # Complexity
    ///
    /// Time and memory linear in the part, whatever the size of the graph.
    ///
    /// # Example
    ///
    /// ```
    /// use astern_gnn::graph::k_hop;
    /// use astern_gnn::{Graph, ndarray::array};
    ///
    /// let chain = Graph::new(array![[0.0], [1.0], [2.0], [3.0]], [(3, 2), (2, 1), (1, 0)])?
    ///     .with_edge_weight(&[0.3, 0.2, 0.1])?;
    /// let part = chain.subgraph(&k_hop(chain.edges(), &[1], 1)?)?;
    /// assert_eq!(part.x(), array![[1.0], [2.0]]);
    /// assert_eq!(part.edge_weight(), Some(&[0.2][..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn subgraph(&self, part: &Subgraph) -> Result<Self, NeighbourSampleError> {
        self.check_part(part)?;
        let nodes: Vec<usize> = part.nodes.iter().map(|&node| node as usize).collect();
        let edges: Vec<usize> = part.edge_ids.iter().map(|&edge| edge as usize).collect();
        let attributes = self.edge_attr();
        Ok(Self {
            x: self.x().select(Axis(0), &nodes),
            edges: part.edges.clone(),
            edge_weight: self.edge_weight().map(|all| pick(all, &edges)),
            edge_attr: attributes.map(|all| all.select(Axis(0), &edges)),
            edge_type: self.edge_type().map(|all| pick(all, &edges)),
            n_edge_types: self.n_edge_types(),
        })
    }

    fn check_part(&self, part: &Subgraph) -> Result<(), NeighbourSampleError> {
        let absent = |node: &&u32| **node as usize >= self.n_nodes();
        if let Some(&id) = part.nodes.iter().find(absent) {
            return Err(NeighbourSampleError::OtherGraph { what: "node", id });
        }
        for (&id, (source, target)) in part.edge_ids.iter().zip(part.edges.pairs()) {
            let here = |ends: &[u32]| ends.get(id as usize).copied();
            let there = |row: u32| part.nodes.get(row as usize).copied();
            let edges = self.edges();
            if here(edges.source()) != there(source) || here(edges.target()) != there(target) {
                return Err(NeighbourSampleError::OtherGraph { what: "edge", id });
            }
        }
        Ok(())
    }
}

fn pick<T: Copy>(all: &[T], places: &[usize]) -> Vec<T> {
    places.iter().map(|&place| all[place]).collect()
}

/// Seeds are there, each once. `O(seeds)`.
pub(super) fn check_seeds(seeds: &[u32], n_nodes: usize) -> Result<(), NeighbourSampleError> {
    let mut seen = HashSet::with_capacity(seeds.len());
    for (position, &node) in seeds.iter().enumerate() {
        if node as usize >= n_nodes {
            return Err(NeighbourSampleError::SeedOutOfRange {
                position,
                node,
                n_nodes,
            });
        }
        if !seen.insert(node) {
            return Err(NeighbourSampleError::RepeatedSeed { position, node });
        }
    }
    Ok(())
}

/// Walks against the edges from seeds that were checked: `choose` adds to its list the edges into
/// a node that are taken, given the number of hops from the seeds. Each node is asked about once,
/// and not at all where it is `hops` away.
pub(super) fn grow(
    edges: &EdgeIndex,
    seeds: &[u32],
    hops: usize,
    mut choose: impl FnMut(u32, usize, &mut Vec<u32>),
) -> Subgraph {
    let mut nodes = seeds.to_vec();
    let mut row: HashMap<u32, u32> = HashMap::with_capacity(seeds.len());
    row.extend(seeds.iter().copied().zip(0u32..));
    let mut hop_ends = vec![nodes.len()];
    let (mut taken, mut pairs) = (Vec::new(), Vec::new());
    let mut front = 0..nodes.len();
    for hop in 0..hops {
        if front.is_empty() {
            break;
        }
        let before = taken.len();
        for &node in &nodes[front.clone()] {
            choose(node, hop, &mut taken);
        }
        let sources = taken[before..].iter().map(|&e| edges.source()[e as usize]);
        let mut reached: Vec<u32> = sources.filter(|node| !row.contains_key(node)).collect();
        reached.sort_unstable();
        reached.dedup();
        front = nodes.len()..nodes.len() + reached.len();
        row.extend(reached.iter().copied().zip((0u32..).skip(front.start)));
        nodes.extend(reached);
        hop_ends.push(nodes.len());
    }
    pairs.extend(taken.iter().map(|&e| {
        let [source, target] = [edges.source(), edges.target()].map(|ends| ends[e as usize]);
        (row[&source], row[&target])
    }));
    let index = EdgeIndex::sorted(nodes.len(), &pairs);
    Subgraph {
        nodes,
        hop_ends,
        edge_ids: index.arrange(&taken),
        edges: index.into_own_order(),
    }
}
