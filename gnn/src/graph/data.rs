//! One graph with what is known of its nodes and edges.

use ndarray::{Array2, ArrayRef2};

use super::EdgeIndex;
use crate::error::GraphDataError;

/// A graph: features `x` of its nodes, edges, and optionally weights, attributes and types of the
/// edges.
///
/// | part | shape | meaning |
/// |---|---|---|
/// | `x` | `[N, F]` | features of the nodes |
/// | `edges` | `[E]` | (source, target), see [`EdgeIndex`] |
/// | `edge_weight` | `[E]` | at least 0; used by GCN |
/// | `edge_attr` | `[E, D]` | used by GAT and `GATv2` |
/// | `edge_type` | `[E]` | relation below `n_edge_types`; used by R-GCN |
///
/// What belongs to edges is given in the order in which the edges were given, and kept and read in
/// the order of the [`EdgeIndex`]. Every value is finite: fill what is missing before.
///
/// # Example
///
/// ```
/// use astern_gnn::{Graph, ndarray::array};
///
/// let graph = Graph::new(array![[1.0], [2.0], [3.0]], [(2, 1), (1, 0)])?
///     .with_edge_attr(&array![[20.0], [10.0]])?;
/// assert_eq!(graph.edges().pairs().collect::<Vec<_>>(), [(1, 0), (2, 1)]);
/// assert_eq!(graph.edge_attr(), Some(&array![[10.0], [20.0]]));
/// # Ok::<(), astern_gnn::GraphDataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    pub(super) x: Array2<f64>,
    pub(super) edges: EdgeIndex,
    pub(super) edge_weight: Option<Vec<f64>>,
    pub(super) edge_attr: Option<Array2<f64>>,
    pub(super) edge_type: Option<Vec<u32>>,
    pub(super) n_edge_types: usize,
}

impl Graph {
    /// Checks features `x` of shape `[N, F]` and `edges` (source, target).
    ///
    /// # Errors
    ///
    /// [`GraphDataError::NotFinite`] and those of [`EdgeIndex::new`].
    pub fn new(
        x: Array2<f64>,
        edges: impl IntoIterator<Item = (u32, u32)>,
    ) -> Result<Self, GraphDataError> {
        check_finite("x", &x)?;
        let graph = Self::of_edges(EdgeIndex::new(x.nrows(), edges)?);
        Ok(Self { x, ..graph })
    }

    /// A graph whose nodes have no features, `[N, 0]`.
    pub fn of_edges(edges: EdgeIndex) -> Self {
        Self {
            x: Array2::zeros((edges.n_nodes(), 0)),
            edges,
            edge_weight: None,
            edge_attr: None,
            edge_type: None,
            n_edge_types: 1,
        }
    }

    /// Gives every edge a weight, in the order in which the edges were given.
    ///
    /// # Errors
    ///
    /// [`GraphDataError::EdgeCount`], and [`GraphDataError::Weight`] for one that is negative or not
    /// finite.
    pub fn with_edge_weight(mut self, weights: &[f64]) -> Result<Self, GraphDataError> {
        self.check_count("edge_weight", weights.len())?;
        let bad = |w: &f64| !w.is_finite() || *w < 0.0;
        if let Some(edge) = weights.iter().position(bad) {
            let value = weights[edge];
            return Err(GraphDataError::Weight { edge, value });
        }
        self.edge_weight = Some(self.edges.arrange(weights));
        Ok(self)
    }

    /// Gives every edge attributes, shape `[E, D]`, in the order in which the edges were given.
    ///
    /// # Errors
    ///
    /// [`GraphDataError::EdgeCount`] and [`GraphDataError::NotFinite`].
    pub fn with_edge_attr(mut self, attr: &ArrayRef2<f64>) -> Result<Self, GraphDataError> {
        self.check_count("edge_attr", attr.nrows())?;
        check_finite("edge_attr", attr)?;
        let order = self.edges.given();
        let rows = Array2::from_shape_fn(attr.dim(), |(e, f)| attr[[order[e] as usize, f]]);
        self.edge_attr = Some(rows);
        Ok(self)
    }

    /// Gives every edge one of `n_types` relations, in the order in which the edges were given.
    ///
    /// # Errors
    ///
    /// [`GraphDataError::EdgeCount`] and [`GraphDataError::EdgeType`].
    pub fn with_edge_type(mut self, types: &[u32], n_types: usize) -> Result<Self, GraphDataError> {
        self.check_count("edge_type", types.len())?;
        if let Some(edge) = types.iter().position(|&t| t as usize >= n_types) {
            let edge_type = types[edge];
            return Err(GraphDataError::EdgeType {
                edge,
                edge_type,
                n_types,
            });
        }
        self.edge_type = Some(self.edges.arrange(types));
        self.n_edge_types = n_types.max(1);
        Ok(self)
    }

    /// The same edges with other features of the nodes, shape `[N, F']`.
    ///
    /// # Errors
    ///
    /// [`GraphDataError::NodeCount`] and [`GraphDataError::NotFinite`].
    pub fn with_x(mut self, x: Array2<f64>) -> Result<Self, GraphDataError> {
        if x.nrows() != self.n_nodes() {
            return Err(GraphDataError::NodeCount {
                expected: self.n_nodes(),
                got: x.nrows(),
            });
        }
        check_finite("x", &x)?;
        self.x = x;
        Ok(self)
    }

    fn check_count(&self, name: &'static str, got: usize) -> Result<(), GraphDataError> {
        let edges = self.n_edges();
        if got == edges {
            return Ok(());
        }
        Err(GraphDataError::EdgeCount { name, edges, got })
    }

    /// Features of the nodes, `[N, F]`.
    pub fn x(&self) -> &Array2<f64> {
        &self.x
    }

    /// The edges.
    pub fn edges(&self) -> &EdgeIndex {
        &self.edges
    }

    /// Weights of the edges `[E]`, in the order of [`edges`](Self::edges).
    pub fn edge_weight(&self) -> Option<&[f64]> {
        self.edge_weight.as_deref()
    }

    /// Attributes of the edges `[E, D]`, in the order of [`edges`](Self::edges).
    pub fn edge_attr(&self) -> Option<&Array2<f64>> {
        self.edge_attr.as_ref()
    }

    /// Relations of the edges `[E]`, in the order of [`edges`](Self::edges).
    pub fn edge_type(&self) -> Option<&[u32]> {
        self.edge_type.as_deref()
    }

    /// Number of relations; 1 without edge types.
    pub fn n_edge_types(&self) -> usize {
        self.n_edge_types
    }

    /// Number of nodes, N.
    pub fn n_nodes(&self) -> usize {
        self.edges.n_nodes()
    }

    /// Number of edges, E.
    pub fn n_edges(&self) -> usize {
        self.edges.n_edges()
    }

    /// Number of features of a node, F.
    pub fn n_features(&self) -> usize {
        self.x.ncols()
    }
}

/// Layers know no missing values: one would spread to every node within reach.
pub(super) fn check_finite(
    name: &'static str,
    values: &ArrayRef2<f64>,
) -> Result<(), GraphDataError> {
    let bad = values.indexed_iter().find(|(_, v)| !v.is_finite());
    match bad {
        Some(((row, column), &value)) => Err(GraphDataError::NotFinite {
            name,
            row,
            column,
            value,
        }),
        None => Ok(()),
    }
}
