//! A few confirmed anomalies, and nodes that nothing is known of.

use astern_stats::rng::seeded;
use rand_chacha::ChaCha8Rng;

use super::draw::shuffle;
use crate::error::ConfigError;

/// Nodes with a label, for a step of training.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LabelledNodes {
    /// The nodes.
    pub nodes: Vec<u32>,
    /// Whether each is a confirmed anomaly; the others are taken as healthy.
    pub anomalous: Vec<bool>,
}

/// A few confirmed anomalies of a graph, and nodes without a label, that are taken as healthy: most
/// of them are.
///
/// # Example
///
/// ```
/// use astern_gnn::train::FewLabels;
///
/// let labels = FewLabels::new(100, vec![3, 17, 40, 41], (50..100).collect())?;
/// let batch = labels.batch(8, 7);
/// assert_eq!(batch.anomalous.iter().filter(|&&a| a).count(), 4);
/// assert_eq!(batch.nodes.len(), 4 + 8);
/// let [support, query] = labels.support_and_query(8, 7);
/// assert_eq!(support.nodes.len(), 2 + 8);
/// assert!(query.nodes.iter().all(|node| !support.nodes.contains(node)));
/// # Ok::<(), astern_gnn::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FewLabels {
    anomalies: Vec<u32>,
    unlabelled: Vec<u32>,
}

impl FewLabels {
    /// Labels of a graph of `n_nodes` nodes.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] with fewer than two nodes of either kind, for a node that is not
    /// there, or one that is named twice.
    pub fn new(
        n_nodes: usize,
        anomalies: Vec<u32>,
        unlabelled: Vec<u32>,
    ) -> Result<Self, ConfigError> {
        let wrong = |name, value: f64, allowed| ConfigError::OutOfRange {
            name,
            value,
            allowed,
        };
        for (name, nodes) in [("anomalies", &anomalies), ("unlabelled", &unlabelled)] {
            if nodes.len() < 2 {
                return Err(wrong(name, nodes.len() as f64, "at least 2 nodes"));
            }
        }
        let mut all = [&anomalies[..], &unlabelled].concat();
        all.sort_unstable();
        if let Some(&node) = all.last().filter(|&&node| node as usize >= n_nodes) {
            return Err(wrong("node", node.into(), "below the number of nodes"));
        }
        if let Some(pair) = all.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(wrong("node", pair[0].into(), "named once"));
        }
        Ok(Self {
            anomalies,
            unlabelled,
        })
    }

    /// The confirmed anomalies, as given.
    pub fn anomalies(&self) -> &[u32] {
        &self.anomalies
    }

    /// The nodes without a label, as given.
    pub fn unlabelled(&self) -> &[u32] {
        &self.unlabelled
    }

    /// At most `per_kind` anomalies and as many nodes without a label, without replacement.
    pub fn batch(&self, per_kind: usize, seed: u64) -> LabelledNodes {
        let mut rng = seeded(seed, 0);
        let [anomalies, unlabelled] = self.shuffled(&mut rng);
        let first = |nodes: &[u32]| nodes[..per_kind.min(nodes.len())].to_vec();
        labelled(first(&anomalies), first(&unlabelled))
    }

    /// Two batches without a node in common: of each kind at most `per_kind` nodes each, and at most
    /// half of all.
    pub fn support_and_query(&self, per_kind: usize, seed: u64) -> [LabelledNodes; 2] {
        let mut rng = seeded(seed, 0);
        let [anomalies, unlabelled] = self.shuffled(&mut rng);
        let part = |nodes: &[u32], which: usize| {
            let n = per_kind.min(nodes.len() / 2);
            nodes[which * n..(which + 1) * n].to_vec()
        };
        [0, 1].map(|which| labelled(part(&anomalies, which), part(&unlabelled, which)))
    }

    fn shuffled(&self, rng: &mut ChaCha8Rng) -> [Vec<u32>; 2] {
        [&self.anomalies, &self.unlabelled].map(|nodes| {
            let mut nodes = nodes.clone();
            shuffle(&mut nodes, rng);
            nodes
        })
    }
}

fn labelled(anomalies: Vec<u32>, unlabelled: Vec<u32>) -> LabelledNodes {
    let mut anomalous = vec![true; anomalies.len()];
    anomalous.resize(anomalies.len() + unlabelled.len(), false);
    LabelledNodes {
        nodes: [anomalies, unlabelled].concat(),
        anomalous,
    }
}
