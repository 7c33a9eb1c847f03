//! Counterfactual edge deletion.

use std::fmt;

use ndarray::ArrayRef2;
use serde::{Deserialize, Serialize};

use super::ExplainError;
use super::ball::{Ball, Cause, Scorer, without};
use crate::error::ConfigError;
use crate::graph::Graph;

/// Looks for few edges without which the score of a node falls below a threshold.
///
/// Greedy by exact ablation: each step takes out the edge without which the score is lowest, until
/// it is below the threshold. Then each edge is put back, and left in where the score stays below,
/// until none can be. Last, a fresh forward over the *whole* graph without the edges decides whether
/// the answer is valid. The first step tries every single edge, so an answer of one edge is found
/// where there is one; larger answers may have more edges than need be, and none may be found where
/// there is one. To flip a class, let the score be [`class_margin`] and the threshold 0.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `hops` | all of the graph | only edges of the [`k_hop`](crate::graph::k_hop) ball are tried |
/// | `max_edges` | no limit | largest number of edges |
/// | `max_forwards` | 100,000 | scores asked for before the search gives up; putting edges back comes on top |
///
/// # Complexity
///
/// At most `k E + k² + 3` forwards for `k` edges taken out of E in the ball.
///
/// # Source
///
/// The question, minimal deletions within the ball, is that of CF-GNNExplainer (Lucic et al., 2022,
/// arXiv 2102.03322). Deviations: the search is greedy and exact in place of a learned mask, each
/// direction of an edge is an edge of its own, and a score falls below a threshold in place of a
/// class that flips.
///
/// # Example
///
/// ```
/// use astern_gnn::explain::{CounterfactualParams, ExplainError, Search};
/// use astern_gnn::{Graph, ndarray::array};
///
/// let graph = Graph::new(array![[1.0], [4.0], [3.0], [0.5]], [(1, 0), (2, 0), (3, 0)])?;
/// let score = |g: &Graph| {
///     let mut h = g.x().column(0).to_vec();
///     g.edges().pairs().for_each(|(j, i)| h[i as usize] += g.x()[[j as usize, 0]]);
///     Ok::<_, ExplainError>(h)
/// };
/// let found = CounterfactualParams::new(2.0).hops(1).run(&graph, 0, score)?;
/// assert_eq!(found.search, Search::Found);
/// assert_eq!(found.edges.iter().map(|e| e.source).collect::<Vec<_>>(), [1, 2]);
/// assert_eq!((found.score, found.score_without), (8.5, 1.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default = "CounterfactualParams::unset", deny_unknown_fields)]
#[non_exhaustive]
pub struct CounterfactualParams {
    /// The score must fall below it.
    pub threshold: f64,
    /// Size of the ball; `None` is all of the graph.
    pub hops: Option<usize>,
    /// Largest number of edges to take out.
    pub max_edges: usize,
    /// Scores asked for before the search gives up.
    pub max_forwards: usize,
}

/// An edge that is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Deletion {
    /// Place of the edge in the graph's [`EdgeIndex`](crate::EdgeIndex).
    pub edge: u32,
    /// Its sender.
    pub source: u32,
    /// Its receiver.
    pub target: u32,
}

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Search {
    /// The score is below the threshold as it is; nothing is taken out.
    AlreadyBelow,
    /// Without the edges the score of the whole graph is below the threshold, and putting any one
    /// of them back brings it to the threshold or above.
    Found,
    /// Every edge of the ball was taken out, one after the other, and none of those sets will do.
    /// Another order might find one.
    Exhausted,
    /// `max_edges` or `max_forwards` was reached.
    OutOfBudget,
    /// The ball's score falls below the threshold, the whole graph's does not: the scorer reaches
    /// further than `hops`.
    BallTooSmall,
}

/// What [`CounterfactualParams::run`] found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EdgeCounterfactual {
    /// The node.
    pub node: u32,
    /// The threshold.
    pub threshold: f64,
    /// Score of the node in the whole graph.
    pub score: f64,
    /// Score in the whole graph without the edges.
    pub score_without: f64,
    /// The edges, by place; none unless [`Search::Found`] or [`Search::BallTooSmall`].
    pub edges: Vec<Deletion>,
    /// How the search ended.
    pub search: Search,
    /// How often the scorer was asked.
    pub forwards: usize,
}

astern_stats::setters!(CounterfactualParams {
    /// Tries only edges whose messages reach the node within this many hops.
    hops: usize,
    /// Sets the largest number of edges to take out.
    max_edges: usize,
    /// Sets how many scores are asked for before the search gives up.
    max_forwards: usize,
});

impl CounterfactualParams {
    /// The score must fall below `threshold`.
    pub fn new(threshold: f64) -> Self {
        Self {
            threshold,
            hops: None,
            max_edges: usize::MAX,
            max_forwards: 100_000,
        }
    }

    /// What a file leaves out; the check refuses the threshold.
    fn unset() -> Self {
        Self::new(f64::NAN)
    }

    /// Looks for edges without which the score of `node` is below the threshold.
    ///
    /// # Errors
    ///
    /// [`ExplainError`] for a node that is not there, a threshold that is `NaN`, and what the scorer
    /// says.
    pub fn run<E: Into<Cause>>(
        &self,
        graph: &Graph,
        node: u32,
        scorer: impl FnMut(&Graph) -> Result<Vec<f64>, E>,
    ) -> Result<EdgeCounterfactual, ExplainError> {
        if self.threshold.is_nan() {
            let (name, value) = ("threshold", self.threshold);
            let allowed = "a number";
            let error = ConfigError::OutOfRange {
                name,
                value,
                allowed,
            };
            return Err(error.into());
        }
        let ball = Ball::new(graph, node, self.hops)?;
        let whole = Ball::new(graph, node, None)?;
        let mut scorer = Scorer::new(scorer);
        let score = scorer.one(graph, &whole)?;
        let mut found = EdgeCounterfactual {
            node,
            threshold: self.threshold,
            score,
            score_without: score,
            edges: Vec::new(),
            search: Search::AlreadyBelow,
            forwards: 0,
        };
        if score >= self.threshold {
            let (dropped, search) = self.search(&ball, &mut scorer)?;
            found.search = search;
            if search == Search::Found {
                let mut all = vec![false; graph.n_edges()];
                for e in (0..dropped.len()).filter(|&e| dropped[e]) {
                    let (edge, source, target) = ball.edge(e);
                    all[edge as usize] = true;
                    found.edges.push(Deletion {
                        edge,
                        source,
                        target,
                    });
                }
                found.edges.sort_by_key(|deletion| deletion.edge);
                found.score_without = scorer.one(&without(graph, &all)?, &whole)?;
                if found.score_without >= self.threshold {
                    found.search = Search::BallTooSmall;
                }
            }
        }
        found.forwards = scorer.forwards;
        Ok(found)
    }

    /// Which edges of the ball to take out; those of the last step where none will do.
    fn search<S, E>(
        &self,
        ball: &Ball,
        scorer: &mut Scorer<S>,
    ) -> Result<(Vec<bool>, Search), ExplainError>
    where
        S: FnMut(&Graph) -> Result<Vec<f64>, E>,
        E: Into<Cause>,
    {
        let mut dropped = vec![false; ball.graph.n_edges()];
        for taken in 0..dropped.len() {
            let left = dropped.len() - taken;
            if taken >= self.max_edges || scorer.forwards.saturating_add(left) > self.max_forwards {
                return Ok((dropped, Search::OutOfBudget));
            }
            let mut best: Option<(usize, f64)> = None;
            for e in 0..dropped.len() {
                if dropped[e] {
                    continue;
                }
                dropped[e] = true;
                let score = scorer.one(&without(&ball.graph, &dropped)?, ball)?;
                dropped[e] = false;
                if best.is_none_or(|(_, lowest)| score < lowest) {
                    best = Some((e, score));
                }
            }
            let Some((e, score)) = best else { break };
            dropped[e] = true;
            if score < self.threshold {
                self.put_back(ball, scorer, &mut dropped)?;
                return Ok((dropped, Search::Found));
            }
        }
        Ok((dropped, Search::Exhausted))
    }

    /// Puts edges back as long as the score stays below.
    fn put_back<S, E>(
        &self,
        ball: &Ball,
        scorer: &mut Scorer<S>,
        dropped: &mut [bool],
    ) -> Result<(), ExplainError>
    where
        S: FnMut(&Graph) -> Result<Vec<f64>, E>,
        E: Into<Cause>,
    {
        // After a change every edge is tried again: an edge that was needed may no longer be.
        let mut changed = true;
        while changed {
            changed = false;
            for e in 0..dropped.len() {
                if !dropped[e] {
                    continue;
                }
                dropped[e] = false;
                if scorer.one(&without(&ball.graph, dropped)?, ball)? < self.threshold {
                    changed = true;
                } else {
                    dropped[e] = true;
                }
            }
        }
        Ok(())
    }
}

/// By how much the logit of `class` exceeds the largest of the others, for each row of `[N, C]`:
/// below 0 another class is predicted.
///
/// Infinite where there is no other class, `NaN` where there is no such class.
///
/// ```
/// use astern_gnn::{explain::class_margin, ndarray::array};
/// assert_eq!(class_margin(&array![[2.0, 1.0, 0.5], [0.0, 3.0, 1.0]], 0), [1.0, -3.0]);
/// ```
pub fn class_margin(logits: &ArrayRef2<f64>, class: usize) -> Vec<f64> {
    let margin = |row: ndarray::ArrayView1<'_, f64>| {
        let own = row.get(class).copied().unwrap_or(f64::NAN);
        let others = row.iter().enumerate().filter(|(c, _)| *c != class);
        own - others.fold(f64::NEG_INFINITY, |best, (_, &l)| best.max(l))
    };
    logits.rows().into_iter().map(margin).collect()
}

impl fmt::Display for EdgeCounterfactual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (node, score, threshold) = (self.node, self.score, self.threshold);
        write!(
            f,
            "node {node} scores {score:.4}, threshold {threshold:.4}: "
        )?;
        match self.search {
            Search::AlreadyBelow => write!(f, "below already"),
            Search::Exhausted => write!(f, "no edges found"),
            Search::OutOfBudget => write!(f, "no edges found within the budget"),
            Search::Found | Search::BallTooSmall => {
                write!(f, "{:.4} without", self.score_without)?;
                for e in &self.edges {
                    write!(f, " {} -> {}", e.source, e.target)?;
                }
                if self.search == Search::BallTooSmall {
                    write!(f, ", which is not enough: the scorer reaches further")?;
                }
                Ok(())
            }
        }
    }
}
