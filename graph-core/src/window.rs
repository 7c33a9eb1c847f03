//! Feature windows: a dense `[T, N, F]` array of rows of one kind, with its axes.

use std::fmt::{Debug, Display};
use std::time::Duration;

use ndarray::{Array3, ArrayView1, ArrayView3, Axis};

use crate::edge::{EdgeKind, Link};
use crate::error::GraphError;
use crate::key::{NodeKey, NodeKind};
use crate::name::MetricName;
use crate::schema::Feature;
use crate::slice::{Slice, SliceBy};
use crate::time::Timestamp;

/// What the rows of a [`Window`] are: nodes, edges, or slices of a service.
pub trait Row: Clone + Debug + Ord {
    /// Kind of rows; those of one window share it.
    type Kind: Copy + Debug + Display + Eq;
}

impl Row for NodeKey {
    type Kind = NodeKind;
}

impl Row for Link {
    type Kind = EdgeKind;
}

impl Row for Slice {
    type Kind = SliceBy;
}

/// Features of all edges of one kind over consecutive steps: a [`Window`] whose rows are edges.
pub type EdgeWindow = Window<Link>;

/// Features of a service distinguished by instance, revision or segment over consecutive steps: a
/// [`Window`] whose rows are those.
pub type SliceWindow = Window<Slice>;

/// Features of all rows (nodes, unless stated otherwise) of one kind over consecutive steps.
///
/// `values` has the shape `[T, N, F]`: steps, rows (sorted by key; the row of a node is not its
/// [`NodeId`](crate::NodeId)), features in the order of `schema`. Missing is `NaN`.
///
/// The fields are public to be read: `times`, `rows` and `schema` name the axes of `values`, and
/// other crates index by them. Change the values if you must, but not the length or the order of
/// an axis. The methods here do not panic where that was done all the same; they then answer as if
/// the step, row or column that does not fit were not there.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Window<R: Row = NodeKey> {
    /// Kind of the rows.
    pub kind: R::Kind,
    /// Length of a step.
    pub step: Duration,
    /// Start of each step, `[T]`.
    pub times: Vec<Timestamp>,
    /// Rows, `[N]`, sorted.
    pub rows: Vec<R>,
    /// Features, `[F]`.
    pub schema: Vec<Feature>,
    /// Values, `[T, N, F]`.
    pub values: Array3<f64>,
}

impl<R: Row> Window<R> {
    /// Row of a key.
    pub fn row(&self, key: &R) -> Option<usize> {
        let row = self.rows.binary_search(key).ok()?;
        (row < self.values.len_of(Axis(1))).then_some(row)
    }
    /// Column of a feature.
    pub fn column(&self, metric: &MetricName) -> Option<usize> {
        let is_wanted = |feature: &Feature| feature.name == *metric;
        let column = self.schema.iter().position(is_wanted)?;
        (column < self.values.len_of(Axis(2))).then_some(column)
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
        let steps = self.len().min(self.values.len_of(Axis(0)));
        if cut == 0 || cut >= steps {
            return Err(GraphError::EmptySide { at });
        }
        let (values, _) = self.values.view().split_at(Axis(0), steps);
        let (before, after) = values.split_at(Axis(0), cut);
        let part = |times: &[Timestamp], values: ArrayView3<'_, f64>| Self {
            kind: self.kind,
            step: self.step,
            times: times.to_vec(),
            rows: self.rows.clone(),
            schema: self.schema.clone(),
            values: values.to_owned(),
        };
        Ok((
            part(&self.times[..cut], before),
            part(&self.times[cut..steps], after),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{FeatureClass, Unit, Worse};

    fn window() -> Window {
        let feature =
            |name| Feature::new(name, Unit::Other, FeatureClass::Application, Worse::Both);
        Window {
            kind: NodeKind::Service,
            step: Duration::from_secs(1),
            times: (0..4).map(Timestamp::from_secs).collect(),
            rows: ["a", "b"].map(NodeKey::service).to_vec(),
            schema: ["x", "y"].map(feature).to_vec(),
            values: Array3::zeros((4, 2, 2)),
        }
    }

    #[test]
    fn both_sides_of_a_split_have_their_steps() {
        let (before, after) = window().split_at(Timestamp::from_secs(1)).unwrap();
        assert_eq!((before.len(), after.len()), (1, 3));
        assert_eq!(after.values.dim(), (3, 2, 2));
        for at in [0, 4] {
            let at = Timestamp::from_secs(at);
            let refused = window().split_at(at);
            assert_eq!(refused, Err(GraphError::EmptySide { at }));
        }
    }

    #[test]
    fn a_window_whose_axes_were_changed_does_not_panic() {
        let mut short = window();
        short.values = Array3::zeros((2, 1, 1));
        assert_eq!(short.row(&NodeKey::service("b")), None);
        assert_eq!(short.column(&"y".into()), None);
        assert!(short.series(1, 0).is_none() && short.series(0, 1).is_none());
        let (before, after) = short.split_at(Timestamp::from_secs(1)).unwrap();
        assert_eq!((before.len(), after.len()), (1, 1));
        assert!(short.split_at(Timestamp::from_secs(2)).is_err());

        let mut long = window();
        long.times.truncate(2);
        long.rows.clear();
        long.schema.clear();
        assert_eq!(long.row(&NodeKey::service("a")), None);
        let (_, after) = long.split_at(Timestamp::from_secs(1)).unwrap();
        assert_eq!(after.values.dim(), (1, 2, 2));
        assert!(long.series(1, 1).is_some());
    }
}
