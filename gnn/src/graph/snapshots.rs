//! Snapshots of one graph over time, checked once.

use std::ops::Range;

use ndarray::{Array3, ArrayView3, Axis, Slice};

use super::edge_index::{check_edges, check_node_count};
use super::{EdgeIndex, Graph, Missing, WindowError};
use crate::error::GraphDataError;

/// Features of the same nodes at several times, and the edges that messages run along.
///
/// * Features have shape `[T, N, F]`: snapshots, nodes, features; in the units of the data, a
///   missing value is `NaN`.
/// * An edge `(source, target)` carries messages from source to target, as in `PyTorch` Geometric.
///   Faults travel from the called service to its caller, so a call graph goes in reversed;
///   [`GraphWindow`](super::GraphWindow) does that.
/// * Edges are kept in canonical order, ascending and each once, so that sums over them and with
///   them all results do not depend on the order in which they arrived. An edge from a node to
///   itself is allowed.
///
/// # Example
///
/// ```
/// use astern_gnn::{GraphSnapshots, ndarray::Array3};
///
/// let mut x = Array3::zeros((2, 3, 1));
/// x[[1, 2, 0]] = f64::NAN;
/// let data = GraphSnapshots::new(x, [(2, 1), (1, 0), (2, 1)])?.with_feature_names(["p99_ms"])?;
/// assert_eq!(data.edges(), [(1, 0), (2, 1)]);
/// assert_eq!((data.n_snapshots(), data.n_nodes(), data.missing()), (2, 3, 1));
/// # Ok::<(), astern_gnn::GraphDataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GraphSnapshots {
    x: Array3<f64>,
    edges: Vec<(u32, u32)>,
    features: Vec<String>,
    missing: usize,
}

impl GraphSnapshots {
    /// Checks features `x` of shape `[T, N, F]` and `edges` given as (source, target).
    ///
    /// Features are named `x0`, `x1`, … until
    /// [`with_feature_names`](Self::with_feature_names) says better.
    ///
    /// # Errors
    ///
    /// [`GraphDataError::EmptyAxis`], [`GraphDataError::TooManyNodes`], [`GraphDataError::Infinite`] and
    /// [`GraphDataError::NodeOutOfRange`].
    ///
    /// # Complexity
    ///
    /// Time O(T N F + E log E), memory O(E) beside the features.
    pub fn new(
        x: Array3<f64>,
        edges: impl IntoIterator<Item = (u32, u32)>,
    ) -> Result<Self, GraphDataError> {
        let (n_snapshots, n_nodes, n_features) = x.dim();
        for (axis, n) in [
            ("snapshots", n_snapshots),
            ("nodes", n_nodes),
            ("features", n_features),
        ] {
            if n == 0 {
                return Err(GraphDataError::EmptyAxis {
                    axis,
                    shape: [n_snapshots, n_nodes, n_features],
                });
            }
        }
        check_node_count(n_nodes)?;
        let mut missing = 0;
        for ((snapshot, node, feature), &value) in x.indexed_iter() {
            if value.is_infinite() {
                return Err(GraphDataError::Infinite {
                    snapshot,
                    node,
                    feature,
                    value,
                });
            }
            missing += usize::from(value.is_nan());
        }
        let mut edges: Vec<_> = edges.into_iter().collect();
        check_edges(&edges, n_nodes)?;
        edges.sort_unstable();
        edges.dedup();
        let features = (0..n_features).map(|i| format!("x{i}")).collect();
        Ok(Self {
            x,
            edges,
            features,
            missing,
        })
    }

    /// Names the features; a fitted model takes only data with the names it was fitted on.
    ///
    /// # Errors
    ///
    /// [`GraphDataError::FeatureNames`] when there is not one name per feature.
    pub fn with_feature_names<S: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = S>,
    ) -> Result<Self, GraphDataError> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        if names.len() != self.n_features() {
            return Err(GraphDataError::FeatureNames {
                expected: self.n_features(),
                got: names.len(),
            });
        }
        self.features = names;
        Ok(self)
    }

    /// Features, shape `[T, N, F]`, missing values `NaN`.
    pub fn x(&self) -> &Array3<f64> {
        &self.x
    }

    /// Edges (source, target), ascending, each once.
    pub fn edges(&self) -> &[(u32, u32)] {
        &self.edges
    }

    /// Names of the features, one per column.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// The edges as a graph without features.
    pub fn structure(&self) -> Graph {
        Graph::of_edges(EdgeIndex::sorted(self.n_nodes(), &self.edges))
    }

    /// One snapshot as a graph with features `[N, F]`.
    ///
    /// # Errors
    ///
    /// [`WindowError::NoStep`], and [`GraphDataError::NotFinite`] for a missing value that is not
    /// filled.
    pub fn at(&self, step: usize, missing: Missing) -> Result<Graph, WindowError> {
        let steps = self.n_snapshots();
        if step >= steps {
            return Err(WindowError::NoStep { step, steps });
        }
        let x = self.x.index_axis(Axis(0), step);
        Ok(self
            .structure()
            .with_x(x.mapv(|value| missing.apply(value)))?)
    }

    /// Snapshots of a range node by node, `[N, T', F]`, as layers over time take them; missing
    /// values are `NaN`. `None` for a range that is empty or reaches beyond the last snapshot.
    pub fn sequences(&self, steps: Range<usize>) -> Option<ArrayView3<'_, f64>> {
        if steps.is_empty() || steps.end > self.n_snapshots() {
            return None;
        }
        let part = self.x.slice_axis(Axis(0), Slice::from(steps));
        Some(part.permuted_axes([1, 0, 2]))
    }

    /// Number of missing values in the features.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// Number of snapshots, T.
    pub fn n_snapshots(&self) -> usize {
        self.x.len_of(Axis(0))
    }

    /// Number of nodes, N.
    pub fn n_nodes(&self) -> usize {
        self.x.len_of(Axis(1))
    }

    /// Number of features, F.
    pub fn n_features(&self) -> usize {
        self.x.len_of(Axis(2))
    }

    /// Rows `t * N + n` that have at least one value, ascending.
    pub(crate) fn observed_rows(&self) -> Vec<usize> {
        let rows = self.x.lanes(Axis(2)).into_iter().enumerate();
        rows.filter(|(_, row)| row.iter().any(|v| !v.is_nan()))
            .map(|(i, _)| i)
            .collect()
    }
}
