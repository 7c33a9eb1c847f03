//! Feature windows: a dense `[T, N, F]` array of one kind of node, with its axes.

use std::time::Duration;

use ndarray::{Array3, ArrayView1, Axis};

use crate::error::GraphError;
use crate::key::{NodeKey, NodeKind};
use crate::name::MetricName;
use crate::schema::Feature;
use crate::time::Timestamp;

/// Features of all nodes of one kind over consecutive steps.
///
/// `values` has the shape `[T, N, F]`: steps, rows (nodes sorted by key; a row is not a
/// [`NodeId`](crate::NodeId)), features in the order of `schema`. Missing is `NaN`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Window {
    /// Kind of the nodes.
    pub kind: NodeKind,
    /// Length of a step.
    pub step: Duration,
    /// Start of each step, `[T]`.
    pub times: Vec<Timestamp>,
    /// Nodes, `[N]`, sorted.
    pub rows: Vec<NodeKey>,
    /// Features, `[F]`.
    pub schema: Vec<Feature>,
    /// Values, `[T, N, F]`.
    pub values: Array3<f64>,
}

impl Window {
    /// Row of a node.
    pub fn row(&self, key: &NodeKey) -> Option<usize> {
        self.rows.binary_search(key).ok()
    }

    /// Column of a feature.
    pub fn column(&self, metric: &MetricName) -> Option<usize> {
        self.schema
            .iter()
            .position(|feature| feature.name == *metric)
    }

    /// Series `[T]` of one feature of one node; `None` when there is no such row or column.
    pub fn series(&self, row: usize, column: usize) -> Option<ArrayView1<'_, f64>> {
        let (_, n, f) = self.values.dim();
        (row < n && column < f).then(|| {
            self.values
                .index_axis(Axis(2), column)
                .index_axis_move(Axis(1), row)
        })
    }

    /// Number of steps.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is no step. Windows from a graph always have one.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Number of missing values.
    pub fn missing(&self) -> usize {
        self.values.iter().filter(|x| x.is_nan()).count()
    }

    /// The steps that begin before `at`, and the others.
    ///
    /// # Errors
    /// [`GraphError::EmptySide`] when one of the two would have no step.
    pub fn split_at(&self, at: Timestamp) -> Result<(Self, Self), GraphError> {
        let cut = self.times.partition_point(|t| *t < at);
        if cut == 0 || cut == self.len() {
            return Err(GraphError::EmptySide { at });
        }
        let (before, after) = self.values.view().split_at(Axis(0), cut);
        let part = |times: &[Timestamp], values: ndarray::ArrayView3<'_, f64>| Self {
            kind: self.kind,
            step: self.step,
            times: times.to_vec(),
            rows: self.rows.clone(),
            schema: self.schema.clone(),
            values: values.to_owned(),
        };
        Ok((
            part(&self.times[..cut], before),
            part(&self.times[cut..], after),
        ))
    }
}
