//! Which nodes a model learns from, is chosen by, and is tested on.

use astern_stats::rng::seeded;
use rand::seq::SliceRandom;

use super::edge_index::check_node_count;

/// How far beyond 1 the sum of shares may lie by rounding.
const ROUNDING: f64 = 1e-9;

/// A split cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// A share is outside [0, 1], or they sum to more than 1.
    #[error("shares {shares:?} [train, validation, test] must be at least 0 and sum to at most 1")]
    Shares {
        /// Shares given.
        shares: [f64; 3],
    },
    /// More nodes than can be numbered.
    #[error("{n_nodes} nodes are too many to be numbered")]
    TooManyNodes {
        /// Nodes given.
        n_nodes: usize,
    },
    /// A node that is not there.
    #[error("the split names node {node}, there are {n_nodes} nodes")]
    NodeOutOfRange {
        /// The node it names.
        node: u32,
        /// Nodes in the graph.
        n_nodes: usize,
    },
    /// A node is in two parts, or twice in one.
    #[error("the split names node {node} more than once")]
    Repeated {
        /// The node.
        node: u32,
    },
    /// A class has fewer nodes than it has to give.
    #[error("class {class} has {size} nodes, {wanted} were asked for")]
    SmallClass {
        /// The class.
        class: u32,
        /// Its nodes.
        size: usize,
        /// Nodes asked for.
        wanted: usize,
    },
    /// Too few nodes are left for validation and test.
    #[error("{left} nodes are left for validation and test, {wanted} were asked for")]
    TooFewLeft {
        /// Nodes asked for.
        wanted: usize,
        /// Nodes that are in no other part.
        left: usize,
    },
}

/// Nodes to train on, to validate on and to test on: disjoint, each ascending. Nodes in none of
/// them are left out.
///
/// Splits are drawn by `ChaCha8` from a seed. In a graph the nodes of all parts exchange messages: a
/// split says whose labels may be looked at, not whose features.
///
/// # Example
///
/// ```
/// use astern_gnn::graph::NodeSplit;
///
/// let labels = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1];
/// let split = NodeSplit::stratified(&labels, [0.6, 0.2, 0.2], 7)?;
/// assert_eq!((split.train().len(), split.validation().len(), split.test().len()), (6, 2, 2));
/// assert_eq!(split.test_mask().len(), 10);
/// // Two nodes a class to learn from, one to validate on, four to test on.
/// let few = NodeSplit::per_class(&labels, 2, 1, 4, 7)?;
/// assert_eq!(few.train().len(), 4);
/// # Ok::<(), astern_gnn::graph::SplitError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSplit {
    n_nodes: usize,
    parts: [Vec<u32>; 3],
}

impl NodeSplit {
    /// A split that was made elsewhere: nodes to train on, to validate on and to test on, in any
    /// order.
    ///
    /// # Errors
    ///
    /// [`SplitError::TooManyNodes`], [`SplitError::NodeOutOfRange`] and [`SplitError::Repeated`].
    pub fn new(
        n_nodes: usize,
        train: Vec<u32>,
        validation: Vec<u32>,
        test: Vec<u32>,
    ) -> Result<Self, SplitError> {
        check_count(n_nodes)?;
        let split = Self::of(n_nodes, [train, validation, test]);
        let mut all = split.parts.concat();
        all.sort_unstable();
        if let Some(&node) = all.last().filter(|&&node| node as usize >= n_nodes) {
            return Err(SplitError::NodeOutOfRange { node, n_nodes });
        }
        match all.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(SplitError::Repeated { node: pair[0] }),
            None => Ok(split),
        }
    }

    /// Deals `n` nodes at random, by `shares` of [train, validation, test] whose sum is at most 1.
    ///
    /// The parts together have the nearest whole number of nodes to their share of `n`, and so has
    /// train, and train with validation; a sum of 1 deals every node.
    ///
    /// # Errors
    ///
    /// [`SplitError::Shares`] and [`SplitError::TooManyNodes`].
    ///
    /// # Complexity
    ///
    /// `O(n log n)`.
    pub fn random(n: usize, shares: [f64; 3], seed: u64) -> Result<Self, SplitError> {
        check_count(n)?;
        check_shares(shares)?;
        let mut nodes: Vec<u32> = (0u32..).take(n).collect();
        nodes.shuffle(&mut seeded(seed, 0));
        let mut parts = Default::default();
        deal(&nodes, shares, &mut parts);
        Ok(Self::of(n, parts))
    }

    /// [`random`](Self::random) within every class, so that each part has the classes in about
    /// the same proportions. `labels` has the class of each node.
    ///
    /// Numbers are rounded class by class: a class of one node goes to one part as a whole.
    ///
    /// # Errors
    ///
    /// [`SplitError::Shares`] and [`SplitError::TooManyNodes`].
    ///
    /// # Complexity
    ///
    /// `O(n log n)`.
    pub fn stratified(labels: &[u32], shares: [f64; 3], seed: u64) -> Result<Self, SplitError> {
        check_count(labels.len())?;
        check_shares(shares)?;
        let mut rng = seeded(seed, 0);
        let mut parts = Default::default();
        let mut nodes = by_class(labels);
        for class in nodes.chunk_by_mut(|a, b| labels[*a as usize] == labels[*b as usize]) {
            class.shuffle(&mut rng);
            deal(class, shares, &mut parts);
        }
        Ok(Self::of(labels.len(), parts))
    }

    /// A few labelled nodes of each class to train on, then `n_validation` and `n_test` of all the
    /// others, at random. `labels` has the class of each node.
    ///
    /// # Errors
    ///
    /// [`SplitError::TooManyNodes`], [`SplitError::SmallClass`] and [`SplitError::TooFewLeft`].
    ///
    /// # Complexity
    ///
    /// `O(n log n)`.
    ///
    /// # Source
    ///
    /// Yang, Cohen and Salakhutdinov, Revisiting Semi-Supervised Learning with Graph Embeddings,
    /// 2016 (the Planetoid splits: 20 a class, 500, 1,000). Deviation: what is unavailable is an
    /// error, where `RandomNodeSplit` of `PyTorch` Geometric takes what there is.
    pub fn per_class(
        labels: &[u32],
        per_class: usize,
        n_validation: usize,
        n_test: usize,
        seed: u64,
    ) -> Result<Self, SplitError> {
        check_count(labels.len())?;
        let mut rng = seeded(seed, 0);
        let (mut train, mut rest) = (Vec::new(), Vec::new());
        let mut nodes = by_class(labels);
        for class in nodes.chunk_by_mut(|a, b| labels[*a as usize] == labels[*b as usize]) {
            if class.len() < per_class {
                return Err(SplitError::SmallClass {
                    class: labels[class[0] as usize],
                    size: class.len(),
                    wanted: per_class,
                });
            }
            class.shuffle(&mut rng);
            let (labelled, others) = class.split_at(per_class);
            train.extend_from_slice(labelled);
            rest.extend_from_slice(others);
        }
        let (wanted, left) = (n_validation.saturating_add(n_test), rest.len());
        if wanted > left {
            return Err(SplitError::TooFewLeft { wanted, left });
        }
        rest.shuffle(&mut rng);
        rest.truncate(wanted);
        let test = rest.split_off(n_validation);
        Ok(Self::of(labels.len(), [train, rest, test]))
    }

    fn of(n_nodes: usize, mut parts: [Vec<u32>; 3]) -> Self {
        for part in &mut parts {
            part.sort_unstable();
        }
        Self { n_nodes, parts }
    }

    /// Number of nodes of the graph, N.
    pub fn n_nodes(&self) -> usize {
        self.n_nodes
    }

    /// Nodes to train on, ascending.
    pub fn train(&self) -> &[u32] {
        &self.parts[0]
    }

    /// Nodes to validate on, ascending.
    pub fn validation(&self) -> &[u32] {
        &self.parts[1]
    }

    /// Nodes to test on, ascending.
    pub fn test(&self) -> &[u32] {
        &self.parts[2]
    }

    /// Whether each node is one to train on, `[N]`.
    pub fn train_mask(&self) -> Vec<bool> {
        self.mask(self.train())
    }

    /// Whether each node is one to validate on, `[N]`.
    pub fn validation_mask(&self) -> Vec<bool> {
        self.mask(self.validation())
    }

    /// Whether each node is one to test on, `[N]`.
    pub fn test_mask(&self) -> Vec<bool> {
        self.mask(self.test())
    }

    fn mask(&self, part: &[u32]) -> Vec<bool> {
        let mut mask = vec![false; self.n_nodes];
        for &node in part {
            mask[node as usize] = true;
        }
        mask
    }
}

fn check_count(n_nodes: usize) -> Result<(), SplitError> {
    check_node_count(n_nodes).map_err(|_| SplitError::TooManyNodes { n_nodes })
}

fn check_shares(shares: [f64; 3]) -> Result<(), SplitError> {
    let sum: f64 = shares.iter().sum();
    // Written so that NaN does not pass.
    if shares.iter().all(|&share| share >= 0.0) && sum <= 1.0 + ROUNDING {
        return Ok(());
    }
    Err(SplitError::Shares { shares })
}

/// Nodes by class, within a class ascending.
fn by_class(labels: &[u32]) -> Vec<u32> {
    let mut nodes: Vec<u32> = (0u32..).take(labels.len()).collect();
    nodes.sort_by_key(|&node| labels[node as usize]);
    nodes
}

/// Cuts shuffled nodes at the running sums of the shares.
fn deal(nodes: &[u32], shares: [f64; 3], parts: &mut [Vec<u32>; 3]) {
    let (mut sum, mut start) = (0.0, 0);
    for (share, part) in shares.into_iter().zip(parts) {
        sum += share;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at least 0, and cut off at the number of nodes"
        )]
        let end = (sum * nodes.len() as f64).round() as usize;
        let end = end.clamp(start, nodes.len());
        part.extend_from_slice(&nodes[start..end]);
        start = end;
    }
}
