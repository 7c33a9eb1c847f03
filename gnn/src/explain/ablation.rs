//! Exact ablation: take one thing away, score again.

use std::fmt;

use astern_stats::order::descending;
use serde::{Deserialize, Serialize};

use super::ExplainError;
use super::ball::{Ball, Cause, Scorer, per_feature, without};
use crate::graph::Graph;

/// What each edge and each feature in reach does to the score of one node, by brute force.
///
/// For an edge `e` the change is `s(G without e) − s(G)`, for feature `f` of node `u` it is
/// `s(G with x_uf = baseline_f) − s(G)`. A negative change says that the edge or value raises the
/// score. No approximation is made; what two edges do together is not seen.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `hops` | all of the graph | only the [`k_hop`](crate::graph::k_hop) ball is scored |
/// | `baseline` | 0, the mean of standardised features | value that says nothing, one a feature |
///
/// With `hops` the number of layers the ball gives the same score as the graph; a GCN needs one hop
/// more, see [`k_hop`](crate::graph::k_hop).
///
/// # Complexity
///
/// `1 + E + N F` forwards over the ball of N nodes and E edges; a value that is its baseline already
/// takes none.
///
/// # Source
///
/// Occlusion, Zeiler and Fergus, 2014 (arXiv 1311.2901), on edges and features. It is exact,
/// has no settings that matter and repeats bit for bit; a learned mask costs less on large
/// neighbourhoods, and says less.
///
/// # Example
///
/// `web` receives from `cart`, which receives from `db`; the score is what two rounds of sums bring.
///
/// ```
/// use astern_gnn::explain::{AblationParams, ExplainError};
/// use astern_gnn::{Graph, ndarray::array};
///
/// let (web, cart, db) = (0, 1, 2);
/// let graph = Graph::new(array![[0.0], [1.0], [5.0]], [(cart, web), (db, cart)])?;
/// let score = |g: &Graph| {
///     let mut h = g.x().column(0).to_vec();
///     for _ in 0..2 {
///         let before = h.clone();
///         g.edges().pairs().for_each(|(j, i)| h[i as usize] += before[j as usize]);
///     }
///     Ok::<_, ExplainError>(h)
/// };
///
/// let why = AblationParams::default().hops(2).run(&graph, web, score)?;
/// assert_eq!(why.score, 7.0);
/// assert_eq!((why.edges[0].source, why.edges[0].change), (cart, -7.0));
/// assert_eq!((why.features[0].node, why.features[0].change), (db, -5.0));
/// println!("{why}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AblationParams {
    /// Size of the ball; `None` is all of the graph.
    pub hops: Option<usize>,
    /// Baseline of each feature; `None` is 0.
    pub baseline: Option<Vec<f64>>,
}

/// What one edge does to a score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EdgeEffect {
    /// Place of the edge in the graph's [`EdgeIndex`](crate::EdgeIndex).
    pub edge: u32,
    /// Its sender.
    pub source: u32,
    /// Its receiver.
    pub target: u32,
    /// Score without it less score with it.
    pub change: f64,
}

/// What one feature of one node does to a score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FeatureEffect {
    /// The node.
    pub node: u32,
    /// The feature.
    pub feature: usize,
    /// Score with the baseline less score with the value.
    pub change: f64,
}

/// What [`AblationParams::run`] found, the largest change first; ties by edge, node and feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ablation {
    /// The node whose score is explained.
    pub node: u32,
    /// Its score.
    pub score: f64,
    /// Every edge of the ball.
    pub edges: Vec<EdgeEffect>,
    /// Every feature of every node of the ball.
    pub features: Vec<FeatureEffect>,
    /// How often the scorer was asked.
    pub forwards: usize,
}

astern_stats::setters!(AblationParams {
    /// Scores only what reaches the node within this many hops.
    hops: usize,
    /// Sets the value of each feature that says nothing.
    baseline: Vec<f64>,
});

impl AblationParams {
    /// Explains the score of `node`; `scorer` gives every node of a graph its score.
    ///
    /// # Errors
    ///
    /// [`ExplainError`] for a node that is not there, a baseline that does not fit, and what the
    /// scorer says.
    pub fn run<E: Into<Cause>>(
        &self,
        graph: &Graph,
        node: u32,
        scorer: impl FnMut(&Graph) -> Result<Vec<f64>, E>,
    ) -> Result<Ablation, ExplainError> {
        let ball = Ball::new(graph, node, self.hops)?;
        let width = graph.n_features();
        let zeros = || vec![0.0; width];
        let baseline = per_feature("baseline", self.baseline.as_deref(), graph, zeros)?;
        let mut scorer = Scorer::new(scorer);
        let score = scorer.one(&ball.graph, &ball)?;
        let mut edges = edge_effects(&ball, score, &mut scorer)?;
        edges.sort_by(|a, b| descending(a.change.abs(), b.change.abs()).then(a.edge.cmp(&b.edge)));
        let mut features = feature_effects(&ball, score, &baseline, &mut scorer)?;
        features.sort_by(|a, b| {
            let ties = (a.node, a.feature).cmp(&(b.node, b.feature));
            descending(a.change.abs(), b.change.abs()).then(ties)
        });
        Ok(Ablation {
            node,
            score,
            edges,
            features,
            forwards: scorer.forwards,
        })
    }
}

fn edge_effects<S, E>(
    ball: &Ball,
    score: f64,
    scorer: &mut Scorer<S>,
) -> Result<Vec<EdgeEffect>, ExplainError>
where
    S: FnMut(&Graph) -> Result<Vec<f64>, E>,
    E: Into<Cause>,
{
    let mut dropped = vec![false; ball.graph.n_edges()];
    let mut effects = Vec::with_capacity(dropped.len());
    for e in 0..dropped.len() {
        dropped[e] = true;
        let changed = scorer.one(&without(&ball.graph, &dropped)?, ball)?;
        dropped[e] = false;
        let (edge, source, target) = ball.edge(e);
        effects.push(EdgeEffect {
            edge,
            source,
            target,
            change: changed - score,
        });
    }
    Ok(effects)
}

fn feature_effects<S, E>(
    ball: &Ball,
    score: f64,
    baseline: &[f64],
    scorer: &mut Scorer<S>,
) -> Result<Vec<FeatureEffect>, ExplainError>
where
    S: FnMut(&Graph) -> Result<Vec<f64>, E>,
    E: Into<Cause>,
{
    let x = ball.graph.x();
    let mut probe = ball.graph.clone();
    let mut effects = Vec::with_capacity(x.len());
    for ((row, feature), &value) in x.indexed_iter() {
        // The same graph has the same score.
        let change = if (value - baseline[feature]).abs() <= 0.0 {
            0.0
        } else {
            let mut changed = x.clone();
            changed[[row, feature]] = baseline[feature];
            probe = probe.with_x(changed)?;
            scorer.one(&probe, ball)? - score
        };
        effects.push(FeatureEffect {
            node: ball.node(row),
            feature,
            change,
        });
    }
    Ok(effects)
}

impl fmt::Display for Ablation {
    /// The five edges and features that matter most.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} scores {:.4}", self.node, self.score)?;
        for e in self.edges.iter().take(5) {
            let change = e.change;
            write!(
                f,
                "\n  without edge {} -> {}: {change:+.4}",
                e.source, e.target
            )?;
        }
        for x in self.features.iter().take(5) {
            let change = x.change;
            write!(
                f,
                "\n  without feature {} of node {}: {change:+.4}",
                x.feature, x.node
            )?;
        }
        Ok(())
    }
}
