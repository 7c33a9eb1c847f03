//! Synthetic nodes for classes with few examples.

use astern_stats::rng::seeded;
use ndarray::{ArrayRef2, ArrayView1};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::draw::{shuffle, unit};
use crate::error::GraphDataError;
use crate::graph::EdgeIndex;

/// How many synthetic nodes a class gets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SmoteAmount {
    /// As many as the largest class of the labelled nodes is ahead.
    Balance,
    /// This many times its labelled nodes, rounded; above 0, at most 1000.
    Times(f64),
}

/// `GraphSMOTE`: for a class with few labelled nodes, new ones between each of them and the nearest of
/// its class in the embedding, `(1 - δ) h_v + δ h_u` with `δ` uniform in [0, 1); they are tied to
/// the neighbours of both, and take part in the loss.
///
/// 1. [`plan`](Self::plan) chooses parents and ratios from an embedding.
/// 2. [`SmotePlan::candidates`] lists the edges that the new nodes may have,
///    [`SmotePlan::edges`] makes the graph with them; `torch::train::EdgePredictor` chooses or
///    weighs them, if you like.
/// 3. `torch::train::SmoteTensors` makes the rows of the new nodes, with gradients.
/// 4. The loss is over [`SmotePlan::labels`] and [`SmotePlan::nodes`].
///
/// # Complexity
///
/// O(m² d) time for m labelled nodes of a class, exact; memory O(m + S) for S new nodes; no tensor
/// of all pairs of nodes anywhere.
///
/// # Source
///
/// Zhao, Zhang and Wang, `GraphSMOTE`, 2021 (arXiv 2103.08826). What the authors' program does
/// otherwise: in one of its modes the new nodes never reach the loss; positions within the class
/// are used as numbers of nodes, so that edges are taken from the wrong parents; one ratio serves a
/// whole class, and the minority is whatever has the last numbers. Here every new node has a ratio
/// of its own, parents are named by node, the classes are given, and all draws come from the seed.
///
/// # Example
///
/// ```
/// use astern_gnn::EdgeIndex;
/// use astern_gnn::ndarray::array;
/// use astern_gnn::train::{Smote, SmoteAmount};
///
/// // Node 2 and 4 are of the rare class 1.
/// let labels = [0, 0, 1, 0, 1];
/// let h = array![[0.0], [1.0], [5.0], [2.0], [7.0]];
/// let labelled = [0, 1, 2, 3, 4];
/// let smote = Smote::new(&[1]).amount(SmoteAmount::Balance).seed(7);
/// let plan = smote.plan(&h, &labels, &labelled)?;
/// assert_eq!(plan.synthetic().len(), 1);
/// assert_eq!(plan.labels(&labels), [0, 0, 1, 0, 1, 1]);
/// assert_eq!(plan.nodes(&labelled), [0, 1, 2, 3, 4, 5]);
///
/// let edges = EdgeIndex::new(5, [(0, 2), (4, 1)])?;
/// let candidates = plan.candidates(&edges)?;
/// assert_eq!(candidates, [(0, 5), (5, 1)]);
/// assert_eq!(plan.edges(&edges, candidates)?.n_edges(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default = "Smote::unset", deny_unknown_fields)]
#[non_exhaustive]
pub struct Smote {
    /// Classes that get new nodes.
    pub classes: Vec<u32>,
    /// How many.
    pub amount: SmoteAmount,
    /// Seed of parents and ratios.
    pub seed: u64,
}

/// One synthetic node.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Synthetic {
    /// Its class.
    pub class: u32,
    /// A labelled node of the class.
    pub parent: u32,
    /// The labelled node of the class that is nearest to the parent.
    pub partner: u32,
    /// Share of the way from parent to partner, in [0, 1).
    pub ratio: f64,
}

/// Synthetic nodes to be; node `N + i` is the `i`-th of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SmotePlan {
    n_nodes: usize,
    synthetic: Vec<Synthetic>,
}

/// Why no synthetic nodes can be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SmoteError {
    /// The number of times is outside its range.
    #[error("times is {times}, allowed is above 0, at most 1000")]
    Times {
        /// The number.
        times: f64,
    },
    /// Embedding, labels or edges are of another number of nodes.
    #[error("{name} of {got} nodes, expected {expected}")]
    NodeCount {
        /// What was given.
        name: &'static str,
        /// Nodes expected.
        expected: usize,
        /// Nodes given.
        got: usize,
    },
    /// A labelled node is not there.
    #[error("labelled node {node}, there are {n_nodes} nodes")]
    NoSuchNode {
        /// The node.
        node: u32,
        /// Nodes there are.
        n_nodes: usize,
    },
    /// A class needs two labelled nodes to lie between.
    #[error("class {class} has {labelled} labelled nodes, at least 2 are needed")]
    SmallClass {
        /// The class.
        class: u32,
        /// Its labelled nodes.
        labelled: usize,
    },
    /// The embedding of a labelled node is not finite.
    #[error("the embedding of node {node} is not finite")]
    NotFinite {
        /// The node.
        node: u32,
    },
}

astern_stats::setters!(Smote {
    /// Sets how many new nodes there are.
    amount: SmoteAmount,
    /// Sets the seed.
    seed: u64,
});

impl Smote {
    /// As many new nodes as labelled ones, for each of `classes`.
    pub fn new(classes: &[u32]) -> Self {
        Self {
            classes: classes.to_vec(),
            amount: SmoteAmount::Times(1.0),
            seed: 0,
        }
    }

    /// What a file leaves out: no class gets new nodes.
    fn unset() -> Self {
        Self::new(&[])
    }

    /// Chooses parents and ratios from the `labelled` nodes; `embedding` is `[N, d]`, `labels` has
    /// a class for each of the N nodes.
    ///
    /// Parents take turns in an order of their own for each class. Of equally near nodes the one
    /// with the smaller number is the partner.
    ///
    /// # Errors
    ///
    /// [`SmoteError`].
    pub fn plan(
        &self,
        embedding: &ArrayRef2<f64>,
        labels: &[u32],
        labelled: &[u32],
    ) -> Result<SmotePlan, SmoteError> {
        let n_nodes = labels.len();
        if let SmoteAmount::Times(times) = self.amount
            && !(times > 0.0 && times <= 1000.0)
        {
            return Err(SmoteError::Times { times });
        }
        check_count("embedding", n_nodes, embedding.nrows())?;
        if let Some(&node) = labelled.iter().find(|&&node| node as usize >= n_nodes) {
            return Err(SmoteError::NoSuchNode { node, n_nodes });
        }
        let members = |class: u32| -> Vec<u32> {
            let of_class = |&&node: &&u32| labels[node as usize] == class;
            let mut members: Vec<u32> = labelled.iter().filter(of_class).copied().collect();
            members.sort_unstable();
            members.dedup();
            members
        };
        let mut classes: Vec<u32> = labelled.iter().map(|&n| labels[n as usize]).collect();
        classes.sort_unstable();
        classes.dedup();
        let largest = classes.iter().map(|&c| members(c).len()).max().unwrap_or(0);
        let mut wanted = self.classes.clone();
        wanted.sort_unstable();
        wanted.dedup();
        let mut synthetic = Vec::new();
        for class in wanted {
            let members = members(class);
            check_members(class, &members, embedding)?;
            let n_new = match self.amount {
                SmoteAmount::Balance => largest - members.len(),
                SmoteAmount::Times(times) => rounded(times * members.len() as f64),
            };
            // Each class draws from a stream of its own.
            let mut rng = seeded(self.seed, class.into());
            between(class, &members, n_new, embedding, &mut rng, &mut synthetic);
        }
        Ok(SmotePlan { n_nodes, synthetic })
    }
}

fn check_count(name: &'static str, expected: usize, got: usize) -> Result<(), SmoteError> {
    if expected == got {
        return Ok(());
    }
    Err(SmoteError::NodeCount {
        name,
        expected,
        got,
    })
}

fn check_members(
    class: u32,
    members: &[u32],
    embedding: &ArrayRef2<f64>,
) -> Result<(), SmoteError> {
    let labelled = members.len();
    if labelled < 2 {
        return Err(SmoteError::SmallClass { class, labelled });
    }
    let broken = |&&node: &&u32| embedding.row(node as usize).iter().any(|v| !v.is_finite());
    match members.iter().find(broken) {
        Some(&node) => Err(SmoteError::NotFinite { node }),
        None => Ok(()),
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "above 0 and at most 1000 times a number of nodes"
)]
fn rounded(n: f64) -> usize {
    n.round() as usize
}

/// `n_new` nodes between members of one class.
fn between(
    class: u32,
    members: &[u32],
    n_new: usize,
    embedding: &ArrayRef2<f64>,
    rng: &mut ChaCha8Rng,
    out: &mut Vec<Synthetic>,
) {
    let mut turns = members.to_vec();
    shuffle(&mut turns, rng);
    turns.truncate(n_new);
    let pairs: Vec<(u32, u32)> = turns
        .into_iter()
        .map(|parent| (parent, nearest(parent, members, embedding)))
        .collect();
    let rounds = pairs.iter().cycle().take(n_new);
    out.extend(rounds.map(|&(parent, partner)| Synthetic {
        class,
        parent,
        partner,
        ratio: unit(rng),
    }));
}

/// The member that is nearest to `node`, by Euclidean distance.
fn nearest(node: u32, members: &[u32], embedding: &ArrayRef2<f64>) -> u32 {
    let own = embedding.row(node as usize);
    let squared = |other: ArrayView1<'_, f64>| -> f64 {
        let away = own.iter().zip(other).map(|(a, b)| (a - b) * (a - b));
        away.sum()
    };
    let (mut best, mut least) = (node, f64::INFINITY);
    for &other in members.iter().filter(|&&other| other != node) {
        let distance = squared(embedding.row(other as usize));
        // The first is taken even if it is infinitely far.
        if best == node || distance < least {
            (best, least) = (other, distance);
        }
    }
    best
}

impl SmotePlan {
    /// The synthetic nodes.
    pub fn synthetic(&self) -> &[Synthetic] {
        &self.synthetic
    }

    /// Number of nodes with them.
    pub fn n_nodes(&self) -> usize {
        self.n_nodes.saturating_add(self.synthetic.len())
    }

    /// Number of nodes without them.
    pub fn n_original(&self) -> usize {
        self.n_nodes
    }

    /// Numbers and descriptions of the synthetic nodes.
    fn numbered(&self) -> impl Iterator<Item = (u32, &Synthetic)> {
        let first = u32::try_from(self.n_nodes).unwrap_or(u32::MAX);
        (first..).zip(&self.synthetic)
    }

    /// Classes of all nodes, the new ones last.
    pub fn labels(&self, labels: &[u32]) -> Vec<u32> {
        let new = self.synthetic.iter().map(|s| s.class);
        labels.iter().copied().chain(new).collect()
    }

    /// Nodes of the loss: those `labelled`, and all new ones.
    pub fn nodes(&self, labelled: &[u32]) -> Vec<u32> {
        let new = self.numbered().map(|(node, _)| node);
        labelled.iter().copied().chain(new).collect()
    }

    /// Edges that new nodes may have: those of parent and partner, in their directions, loops left
    /// out; in order of the new nodes, each edge once.
    ///
    /// # Errors
    ///
    /// [`SmoteError::NodeCount`] for edges of another graph.
    ///
    /// # Complexity
    ///
    /// O(E log E) and the degrees of the parents.
    pub fn candidates(&self, edges: &EdgeIndex) -> Result<Vec<(u32, u32)>, SmoteError> {
        check_count("edges", self.n_nodes, edges.n_nodes())?;
        let reversed = edges.reversed();
        let mut candidates = Vec::new();
        for (node, new) in self.numbered() {
            let mut own = Vec::new();
            for parent in [new.parent, new.partner] {
                let senders = &edges.source()[edges.incoming(parent)];
                let receivers = &reversed.source()[reversed.incoming(parent)];
                let into = senders.iter().filter(|&&s| s != parent);
                own.extend(into.map(|&sender| (sender, node)));
                let out = receivers.iter().filter(|&&r| r != parent);
                own.extend(out.map(|&receiver| (node, receiver)));
            }
            own.sort_unstable();
            own.dedup();
            candidates.extend(own);
        }
        Ok(candidates)
    }

    /// The graph with new nodes and `chosen` of the [`candidates`](Self::candidates). The edges
    /// there were come first in the order given, so that weights and attributes can be continued.
    ///
    /// # Errors
    ///
    /// [`GraphDataError`] for an edge that ends at no node, or too many.
    pub fn edges(
        &self,
        edges: &EdgeIndex,
        chosen: impl IntoIterator<Item = (u32, u32)>,
    ) -> Result<EdgeIndex, GraphDataError> {
        let mut all = vec![(0, 0); edges.n_edges()];
        for (pair, &given) in edges.pairs().zip(edges.given()) {
            all[given as usize] = pair;
        }
        all.extend(chosen);
        EdgeIndex::new(self.n_nodes(), all)
    }
}
