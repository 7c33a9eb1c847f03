//! Dense windows of nodes, edges and slices.

use ndarray::{Array3, Axis};

use super::columns::columns;
use super::fill::Steps;
use crate::edge::{EdgeKind, Link};
use crate::error::GraphError;
use crate::graph::TemporalGraph;
use crate::key::{NodeKey, NodeKind};
use crate::name::MetricName;
use crate::schema::{CALL_FEATURES, EDGE_FEATURES};
use crate::slice::SliceBy;
use crate::store::Cells;
use crate::time::TimeRange;
use crate::window::{EdgeWindow, Row, SliceWindow, Window};

/// Most values (steps · rows · features) that one window may have: 800 MB.
pub const WINDOW_VALUES_MAX: u64 = 100_000_000;

impl TemporalGraph {
    /// Features of all nodes of a kind over the steps that a range touches.
    ///
    /// Rows and columns are of all the time that the graph holds, whatever the range, so that all
    /// windows of one kind of one graph have the same. Columns: the features of calls where any node
    /// of the kind received one, then every metric that was sampled for one, sorted by name. A node
    /// that never received a call has no request rate (`NaN`); one that did has 0 in steps without
    /// calls to it, and `NaN` in steps in which no call at all was seen, since then silence may as
    /// well be that of the telemetry.
    ///
    /// # Errors
    /// [`GraphError::NoNodes`] when there is no node of the kind, [`GraphError::EmptyRange`] when
    /// the range holds no instant, [`GraphError::TooLong`] when it touches more than
    /// [`WINDOW_STEPS_MAX`](crate::view::WINDOW_STEPS_MAX) steps, [`GraphError::TooLarge`] when the window
    /// would have more than [`WINDOW_VALUES_MAX`] values.
    ///
    /// # Complexity
    /// Time `O(C + T · N · F)`, with C the sampled metrics of every step of every node of the kind
    /// that the graph holds, as these decide the columns; memory `O(T · N · F)`.
    pub fn window(&self, kind: NodeKind, range: TimeRange) -> Result<Window, GraphError> {
        let names = columns(self.of_kind(kind).map(|(_, cells)| cells), &CALL_FEATURES);
        self.window_of(kind, &names, range)
    }

    /// As [`window`](Self::window), with columns of your choice: any metric that is sampled or
    /// computed from calls, also those that are no column unless asked for, such as
    /// [`EXCLUSIVE_MS_P50`](crate::schema::EXCLUSIVE_MS_P50). One that nothing has is missing
    /// throughout.
    ///
    /// # Errors
    /// As [`window`](Self::window).
    pub fn window_of(
        &self,
        kind: NodeKind,
        metrics: &[MetricName],
        range: TimeRange,
    ) -> Result<Window, GraphError> {
        let rows: Vec<(NodeKey, &Cells)> = self
            .of_kind(kind)
            .map(|(key, cells)| (key.clone(), cells))
            .collect();
        if rows.is_empty() {
            return Err(GraphError::NoNodes { kind });
        }
        self.dense(kind, rows, metrics, range)
    }

    /// Features of all edges of a kind over the steps that a range touches.
    ///
    /// Columns: those of [`EDGE_FEATURES`] where any edge of the kind carried a call (rate, error
    /// rate and latency as the source saw it, latency as the target saw it, and the gap between the
    /// two), then every metric that was sampled for one, sorted by name. Otherwise as
    /// [`window`](Self::window).
    ///
    /// # Errors
    /// [`GraphError::NoEdges`] when there is no edge of the kind; the others as for
    /// [`window`](Self::window).
    ///
    /// # Complexity
    /// As [`window`](Self::window), of edges.
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use astern_graph_core::{
    ///     Call, EdgeKind, GraphBuilder, GraphParams, NodeKey, Party, TimeRange, Timestamp,
    /// };
    ///
    /// let (web, cart) = (NodeKey::service("web"), NodeKey::service("cart"));
    /// let ms = |ms| Some(Duration::from_millis(ms));
    /// let call = Call::new(Timestamp::from_secs(30), Party::new(cart))
    ///     .from(Party::new(web))
    ///     .took(ms(30), ms(10));
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// builder.extend([call.into()]);
    ///
    /// let minute = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(60))?;
    /// let window = builder.build().edge_window(EdgeKind::Calls, minute)?;
    /// assert_eq!(window.rows[0].to_string(), "service/web calls service/cart");
    /// let gap = window.column(&"gap_ms_p50".into()).unwrap();
    /// assert!((window.values[[0, 0, gap]] - 20.0).abs() < 0.2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn edge_window(&self, kind: EdgeKind, range: TimeRange) -> Result<EdgeWindow, GraphError> {
        let edges = self.links().zip(&self.edge_states);
        let rows: Vec<(Link, &Cells)> = edges
            .filter(|(link, _)| link.kind == kind)
            .map(|(link, edge)| (link, &edge.cells))
            .collect();
        if rows.is_empty() {
            return Err(GraphError::NoEdges { kind });
        }
        let names = columns(rows.iter().map(|(_, cells)| *cells), &EDGE_FEATURES);
        self.dense(kind, rows, &names, range)
    }

    /// Features of a service over the steps that a range touches, distinguished by instance, by
    /// revision (old and new side by side) or by user segment.
    ///
    /// Columns: the features of calls where there were any; of instances also the metrics that were
    /// sampled for one. Otherwise as [`window`](Self::window).
    ///
    /// # Errors
    /// [`GraphError::UnknownNode`] for an unknown service, [`GraphError::NoSlices`] where nothing
    /// distinguishes its traffic so; the others as for [`window`](Self::window).
    ///
    /// # Complexity
    /// As [`window`](Self::window), of slices.
    pub fn slice_window(
        &self,
        service: &NodeKey,
        by: SliceBy,
        range: TimeRange,
    ) -> Result<SliceWindow, GraphError> {
        if self.node(service).is_none() {
            let key = service.clone();
            return Err(GraphError::UnknownNode { key });
        }
        let rows: Vec<_> = self.slices(service, by).collect();
        if rows.is_empty() {
            let service = service.clone();
            return Err(GraphError::NoSlices { service, by });
        }
        let names = columns(rows.iter().map(|(_, cells)| *cells), &CALL_FEATURES);
        self.dense(by, rows, &names, range)
    }

    /// Nodes of a kind, sorted, with their cells.
    fn of_kind(&self, kind: NodeKind) -> impl Iterator<Item = (&NodeKey, &Cells)> {
        let nodes = self.keys().iter().zip(&self.nodes);
        nodes
            .filter(move |(key, _)| key.kind == kind)
            .map(|(key, node)| (key, &node.cells))
    }

    fn dense<R: Row>(
        &self,
        kind: R::Kind,
        cells: Vec<(R, &Cells)>,
        metrics: &[MetricName],
        range: TimeRange,
    ) -> Result<Window<R>, GraphError> {
        let (first, count) = self.checked_steps(range)?;
        let shape = (count, cells.len(), metrics.len());
        check_size(&kind.to_string(), range, shape)?;
        let steps = Steps::new(self, first, count);
        let mut values = Array3::from_elem(shape, f64::NAN);
        let mut rows = Vec::with_capacity(cells.len());
        for (row, (key, cells)) in cells.into_iter().enumerate() {
            for (column, metric) in metrics.iter().enumerate() {
                let plane = values.index_axis_mut(Axis(2), column);
                steps.fill(cells, metric, plane.index_axis_move(Axis(1), row));
            }
            rows.push(key);
        }
        let starts = (first..).take(steps.len());
        Ok(Window {
            kind,
            step: self.params.step,
            times: starts.map(|step| self.params.start_of(step)).collect(),
            rows,
            schema: metrics.iter().map(|name| self.feature(name)).collect(),
            values,
        })
    }
}

fn check_size(
    kind: &str,
    range: TimeRange,
    (steps, rows, columns): (usize, usize, usize),
) -> Result<(), GraphError> {
    let values = [rows, columns]
        .into_iter()
        .fold(steps as u64, |all, n| all.saturating_mul(n as u64));
    if values <= WINDOW_VALUES_MAX {
        return Ok(());
    }
    Err(GraphError::TooLarge {
        kind: kind.to_owned(),
        range,
        values,
        limit: WINDOW_VALUES_MAX,
    })
}
