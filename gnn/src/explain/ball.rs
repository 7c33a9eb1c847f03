//! The part of a graph that a node's score depends on, and changes of it.

use crate::error::GraphDataError;
use crate::explain::ExplainError;
use crate::graph::{Graph, k_hop};

/// Error of a scorer that a closure gives.
pub(super) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A node with what its score may depend on, under the names of the whole graph.
pub(super) struct Ball {
    pub(super) graph: Graph,
    /// Row of the node.
    pub(super) row: usize,
    /// Name of each row in the whole graph.
    nodes: Vec<u32>,
    /// Name of each edge in the whole graph.
    edge_ids: Vec<u32>,
}

impl Ball {
    /// All of `graph`, or what reaches the node within `hops`.
    pub(super) fn new(graph: &Graph, node: u32, hops: Option<usize>) -> Result<Self, ExplainError> {
        // Checks the node too.
        let part = k_hop(graph.edges(), &[node], hops.unwrap_or(0))?;
        if hops.is_some() {
            return Ok(Self {
                graph: graph.subgraph(&part)?,
                row: 0,
                nodes: part.nodes().to_vec(),
                edge_ids: part.edge_ids().to_vec(),
            });
        }
        Ok(Self {
            graph: graph.clone(),
            row: node as usize,
            nodes: (0u32..).take(graph.n_nodes()).collect(),
            edge_ids: (0u32..).take(graph.n_edges()).collect(),
        })
    }

    /// Name of a row.
    pub(super) fn node(&self, row: usize) -> u32 {
        self.nodes[row]
    }

    /// (Name, sender, receiver) of an edge of the ball.
    pub(super) fn edge(&self, e: usize) -> (u32, u32, u32) {
        let edges = self.graph.edges();
        let [source, target] =
            [edges.source(), edges.target()].map(|ends| self.node(ends[e] as usize));
        (self.edge_ids[e], source, target)
    }
}

/// `graph` without the edges `dropped[e]`, in the order of its edge index.
pub(super) fn without(graph: &Graph, dropped: &[bool]) -> Result<Graph, GraphDataError> {
    let kept: Vec<usize> = (0..graph.n_edges()).filter(|&e| !dropped[e]).collect();
    let (source, target) = (graph.edges().source(), graph.edges().target());
    let pairs = kept.iter().map(|&e| (source[e], target[e]));
    let mut rest = Graph::new(graph.x().clone(), pairs)?;
    if let Some(weights) = graph.edge_weight() {
        let weights: Vec<f64> = kept.iter().map(|&e| weights[e]).collect();
        rest = rest.with_edge_weight(&weights)?;
    }
    if let Some(attributes) = graph.edge_attr() {
        rest = rest.with_edge_attr(&attributes.select(ndarray::Axis(0), &kept))?;
    }
    if let Some(types) = graph.edge_type() {
        let types: Vec<u32> = kept.iter().map(|&e| types[e]).collect();
        rest = rest.with_edge_type(&types, graph.n_edge_types())?;
    }
    Ok(rest)
}

/// A scorer that is counted and whose answers are checked.
pub(super) struct Scorer<S> {
    score: S,
    pub(super) forwards: usize,
}

impl<S, E> Scorer<S>
where
    S: FnMut(&Graph) -> Result<Vec<f64>, E>,
    E: Into<Cause>,
{
    pub(super) fn new(score: S) -> Self {
        Self { score, forwards: 0 }
    }

    /// Scores of all nodes; `name` gives a row its name.
    pub(super) fn all(
        &mut self,
        graph: &Graph,
        name: impl Fn(usize) -> u32,
    ) -> Result<Vec<f64>, ExplainError> {
        self.forwards += 1;
        let scores = (self.score)(graph).map_err(|e| ExplainError::Scorer { cause: e.into() })?;
        let (expected, got) = (graph.n_nodes(), scores.len());
        if expected != got {
            return Err(ExplainError::ScoreCount { expected, got });
        }
        if let Some(row) = scores.iter().position(|score| !score.is_finite()) {
            let (node, score) = (name(row), scores[row]);
            return Err(ExplainError::NotFinite { node, score });
        }
        Ok(scores)
    }

    /// Score of the node of `ball`, on a graph with the ball's rows.
    pub(super) fn one(&mut self, graph: &Graph, ball: &Ball) -> Result<f64, ExplainError> {
        Ok(self.all(graph, |row| ball.node(row))?[ball.row])
    }
}

/// One value a feature, or those of `default`.
pub(super) fn per_feature(
    name: &'static str,
    given: Option<&[f64]>,
    graph: &Graph,
    default: impl FnOnce() -> Vec<f64>,
) -> Result<Vec<f64>, ExplainError> {
    let Some(given) = given else {
        return Ok(default());
    };
    let (expected, got) = (graph.n_features(), given.len());
    if expected != got {
        return Err(ExplainError::FeatureCount {
            name,
            expected,
            got,
        });
    }
    Ok(given.to_vec())
}
