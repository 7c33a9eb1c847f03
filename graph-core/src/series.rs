//! What a graph tells about values over time: calls, series, windows.

use std::collections::BTreeSet;

use ndarray::{Array3, ArrayViewMut1, Axis};

use crate::cell::{CallSummary, Cell};
use crate::edge::EdgeKind;
use crate::error::GraphError;
use crate::graph::TemporalGraph;
use crate::key::{NodeKey, NodeKind};
use crate::name::MetricName;
use crate::schema::{CALL_FEATURES, Feature, REQUEST_RATE};
use crate::state::{Cells, EdgeState, NodeState};
use crate::time::{TimeRange, Timestamp};
use crate::window::Window;

/// Most steps that one window or series may have.
pub const WINDOW_STEPS_MAX: u64 = 1_000_000;

/// Most values (steps · nodes · features) that one window may have: 800 MB.
pub const WINDOW_VALUES_MAX: u64 = 100_000_000;

impl TemporalGraph {
    /// Calls that a node received in a range of whole steps, none in an empty range; `None` for an
    /// unknown node.
    pub fn calls_received(&self, key: &NodeKey, range: TimeRange) -> Option<CallSummary> {
        let node = self.state.nodes.get(key)?;
        Some(CallSummary::of(self.cells_in(&node.cells, range)))
    }

    /// Calls over the edge `from → to`, as the caller saw them, in a range of whole steps, none in
    /// an empty range; `None` for an unknown edge.
    pub fn calls_between(
        &self,
        from: &NodeKey,
        to: &NodeKey,
        range: TimeRange,
    ) -> Option<CallSummary> {
        let edge = self.edge(from, to, EdgeKind::Calls)?;
        Some(CallSummary::of(self.cells_in(&edge.cells, range)))
    }

    /// Series of one metric of one node over the steps that a range touches; missing is `NaN`.
    ///
    /// The features of calls ([`CALL_FEATURES`](crate::schema::CALL_FEATURES)) are of the calls that
    /// the node received: where one was ever held, the request rate is 0 in steps without. A sampled
    /// metric is the mean of the samples of a step.
    ///
    /// # Errors
    /// [`GraphError::UnknownNode`] for an unknown node, [`GraphError::EmptyRange`] and
    /// [`GraphError::TooLong`] as for a window. A metric that the node does not have is no error: it
    /// is missing in every step.
    pub fn series(
        &self,
        key: &NodeKey,
        metric: &MetricName,
        range: TimeRange,
    ) -> Result<Vec<f64>, GraphError> {
        let node = self.state.nodes.get(key);
        let node = node.ok_or_else(|| GraphError::UnknownNode { key: key.clone() })?;
        self.series_of(&node.cells, metric, range)
    }

    /// Series of one metric of the edge `from → to` of a kind over the steps that a range touches;
    /// missing is `NaN`.
    ///
    /// As [`series`](Self::series), but the features of calls are of the calls over this edge, with
    /// durations as the caller saw them, and samples are those whose subject is the edge.
    ///
    /// # Errors
    /// [`GraphError::UnknownEdge`] for an unknown edge, and the others as for
    /// [`series`](Self::series).
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::{
    ///     EdgeKind, GraphBuilder, GraphParams, NodeKey, Sample, Subject, TimeRange, Timestamp,
    /// };
    ///
    /// let (web, cart) = (NodeKey::service("web"), NodeKey::service("cart"));
    /// let kind = EdgeKind::Calls;
    /// let link = Subject::Edge { from: web.clone(), to: cart.clone(), kind };
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// builder.extend([Sample::new(Timestamp::from_secs(70), link, "retries", 3.0).into()]);
    ///
    /// let range = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(120))?;
    /// let retries = builder.build().edge_series(&web, &cart, kind, &"retries".into(), range)?;
    /// assert!(retries[0].is_nan() && retries[1] == 3.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn edge_series(
        &self,
        from: &NodeKey,
        to: &NodeKey,
        kind: EdgeKind,
        metric: &MetricName,
        range: TimeRange,
    ) -> Result<Vec<f64>, GraphError> {
        let edge = self.edge(from, to, kind);
        let edge = edge.ok_or_else(|| GraphError::UnknownEdge {
            from: from.clone(),
            to: to.clone(),
            kind,
        })?;
        self.series_of(&edge.cells, metric, range)
    }

    /// Names of the features that a node has in all the time that is held: those of calls first,
    /// then sampled ones by name.
    pub fn metrics(&self, key: &NodeKey) -> Vec<MetricName> {
        columns(self.state.nodes.get(key).into_iter())
    }

    /// Meaning of a metric in this graph.
    pub fn feature(&self, metric: &MetricName) -> Feature {
        self.state.params.catalogue.get(metric)
    }

    /// Features of all nodes of a kind over the steps that a range touches.
    ///
    /// Rows and columns are of all the time that the graph holds, whatever the range, so that all
    /// windows of one kind of one graph have the same. Columns: the features of calls where any node
    /// of the kind received one, then every metric that was sampled for one, sorted by name. A node
    /// that never received a call has no request rate (`NaN`); one that did has 0 in steps without
    /// calls.
    ///
    /// # Errors
    /// [`GraphError::NoNodes`] when there is no node of the kind, [`GraphError::EmptyRange`] when
    /// the range holds no instant, [`GraphError::TooLong`] when it touches more than
    /// [`WINDOW_STEPS_MAX`] steps, [`GraphError::TooLarge`] when the window would have more than
    /// [`WINDOW_VALUES_MAX`] values.
    ///
    /// # Complexity
    /// Time `O(C + T · N · F)`, with C the sampled metrics of every step of every node of the kind
    /// that the graph holds, as these decide the columns; memory `O(T · N · F)`.
    pub fn window(&self, kind: NodeKind, range: TimeRange) -> Result<Window, GraphError> {
        let of_kind = || {
            self.state
                .nodes
                .iter()
                .filter(move |(key, _)| key.kind == kind)
        };
        if of_kind().next().is_none() {
            return Err(GraphError::NoNodes { kind });
        }
        let (first, steps) = self.checked_steps(range)?;
        let rows: Vec<NodeKey> = of_kind().map(|(key, _)| key.clone()).collect();
        let columns = columns(of_kind().map(|(_, node)| node));
        let shape = (steps, rows.len(), columns.len());
        check_size(kind, range, shape)?;
        let mut values = Array3::from_elem(shape, f64::NAN);
        for (row, (_, node)) in of_kind().enumerate() {
            for (column, name) in columns.iter().enumerate() {
                let plane = values.index_axis_mut(Axis(2), column);
                let series = plane.index_axis_move(Axis(1), row);
                self.fill(&node.cells, name, first, series);
            }
        }
        Ok(Window {
            kind,
            step: self.state.params.step,
            times: (first..)
                .take(steps)
                .map(|step| self.state.start_of(step))
                .collect(),
            rows,
            schema: columns.iter().map(|name| self.feature(name)).collect(),
            values,
        })
    }

    fn edge(&self, from: &NodeKey, to: &NodeKey, kind: EdgeKind) -> Option<&EdgeState> {
        self.state.edges.get(&(from.clone(), to.clone(), kind))
    }

    fn cells_in<'a>(
        &self,
        cells: &'a Cells,
        range: TimeRange,
    ) -> impl Iterator<Item = &'a Cell> + use<'a> {
        let (first, end) = self.steps_of(range).unwrap_or_default();
        cells.range(first..end).map(|(_, cell)| cell.as_ref())
    }

    /// First step that a range touches, and the first after it; `None` when it is empty.
    fn steps_of(&self, range: TimeRange) -> Option<(i64, i64)> {
        if range.is_empty() {
            return None;
        }
        let last_instant = Timestamp::from_nanos(range.end.nanos().saturating_sub(1));
        let first = self.state.step_of(range.start);
        Some((first, self.state.step_of(last_instant).saturating_add(1)))
    }

    /// First step of a range and the number of its steps.
    fn checked_steps(&self, range: TimeRange) -> Result<(i64, usize), GraphError> {
        let (first, end) = self
            .steps_of(range)
            .ok_or(GraphError::EmptyRange { range })?;
        let steps = end.abs_diff(first);
        match usize::try_from(steps) {
            Ok(n) if steps <= WINDOW_STEPS_MAX => Ok((first, n)),
            _ => Err(GraphError::TooLong {
                range,
                steps,
                limit: WINDOW_STEPS_MAX,
            }),
        }
    }

    fn series_of(
        &self,
        cells: &Cells,
        metric: &MetricName,
        range: TimeRange,
    ) -> Result<Vec<f64>, GraphError> {
        let (first, steps) = self.checked_steps(range)?;
        let mut values = vec![f64::NAN; steps];
        self.fill(cells, metric, first, ArrayViewMut1::from(&mut values[..]));
        Ok(values)
    }

    /// Writes the values of one metric, from the step `first` on, into a series.
    fn fill(
        &self,
        cells: &Cells,
        metric: &MetricName,
        first: i64,
        mut series: ArrayViewMut1<'_, f64>,
    ) {
        let step_secs = self.state.params.step.as_secs_f64();
        let counts = metric.as_str() == REQUEST_RATE;
        if counts && cells.values().any(|cell| cell.has_calls()) {
            series.fill(0.0);
        }
        for (step, cell) in cells.range(first..) {
            let place = usize::try_from(step.abs_diff(first)).ok();
            let Some(value) = place.and_then(|place| series.get_mut(place)) else {
                break;
            };
            let seen = cell.feature(metric, step_secs);
            if !seen.is_nan() {
                *value = seen;
            }
        }
    }
}

fn check_size(
    kind: NodeKind,
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
        kind,
        range,
        values,
        limit: WINDOW_VALUES_MAX,
    })
}

/// Features that these nodes have: those of calls first, then sampled metrics by name.
fn columns<'a>(nodes: impl Iterator<Item = &'a NodeState>) -> Vec<MetricName> {
    let mut any_calls = false;
    let mut sampled = BTreeSet::new();
    for cell in nodes.flat_map(|node| node.cells.values()) {
        any_calls |= cell.has_calls();
        for metric in cell.metrics() {
            if !sampled.contains(metric) {
                sampled.insert(metric.clone());
            }
        }
    }
    let mut columns: Vec<MetricName> = CALL_FEATURES
        .iter()
        .filter(|_| any_calls)
        .map(|name| (*name).into())
        .collect();
    sampled.retain(|metric| !columns.contains(metric));
    columns.extend(sampled);
    columns
}
