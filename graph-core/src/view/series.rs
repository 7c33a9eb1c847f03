//! One metric of one node, edge or slice over time.

use std::collections::BTreeSet;

use ndarray::ArrayViewMut1;

use super::fill::Steps;
use crate::edge::EdgeKind;
use crate::error::GraphError;
use crate::graph::TemporalGraph;
use crate::key::NodeKey;
use crate::name::MetricName;
use crate::store::Cells;
use crate::time::TimeRange;

impl TemporalGraph {
    /// Series of one metric of one node over the steps that a range touches; missing is `NaN`.
    ///
    /// The features of calls ([`CALL_FEATURES`](crate::schema::CALL_FEATURES)) are of the calls that
    /// the node received: where one was ever held, the request rate is 0 in steps without, and missing
    /// in steps in which no call at all was seen. A sampled metric is the mean of the samples of a
    /// step.
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
        let node = self.node(key);
        let node = node.ok_or_else(|| GraphError::UnknownNode { key: key.clone() })?;
        self.series_of(&node.cells, metric, range)
    }

    /// Series of every sampled metric of a node over the steps that a range touches, by name; missing
    /// is `NaN`. The same as [`series`](Self::series) of each, without a search for each; a metric
    /// without a sample in the range is left out, and so are the features of calls.
    ///
    /// # Errors
    /// As for [`series`](Self::series).
    ///
    /// # Complexity
    /// `O(T · M)` for T steps with samples of M metrics.
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::{GraphBuilder, GraphParams, NodeKey, Sample, TimeRange, Timestamp};
    ///
    /// let cart = NodeKey::service("cart");
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// let minute = Timestamp::from_secs(60);
    /// builder.extend([Sample::new(minute, cart.clone(), "cpu_utilisation", 0.5).into()]);
    ///
    /// let range = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(120))?;
    /// let all = builder.build().sampled_series(&cart, range)?;
    /// let (metric, series) = &all[0];
    /// assert_eq!(metric.as_str(), "cpu_utilisation");
    /// assert!(series[0].is_nan() && series[1] == 0.5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sampled_series(
        &self,
        key: &NodeKey,
        range: TimeRange,
    ) -> Result<Vec<(MetricName, Vec<f64>)>, GraphError> {
        let node = self.node(key);
        let node = node.ok_or_else(|| GraphError::UnknownNode { key: key.clone() })?;
        let (first, count) = self.checked_steps(range)?;
        Ok(Steps::new(self, first, count).sampled(&node.cells))
    }

    /// Names of all metrics of which a sample is held in a range of whole steps, of any node, edge or part of a service.
    pub fn sampled_metrics(&self, range: TimeRange) -> BTreeSet<MetricName> {
        let (first, end) = self.steps_of(range).unwrap_or_default();
        let nodes = self.nodes.iter().map(|node| &node.cells);
        let edges = self.edge_states.iter().map(|edge| &edge.cells);
        let mut metrics = BTreeSet::new();
        for (_, cell) in nodes.chain(edges).flat_map(|cells| cells.range(first, end)) {
            for metric in cell.metrics() {
                if !metrics.contains(metric) {
                    metrics.insert(metric.clone());
                }
            }
        }
        metrics
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

    fn series_of(
        &self,
        cells: &Cells,
        metric: &MetricName,
        range: TimeRange,
    ) -> Result<Vec<f64>, GraphError> {
        let (first, count) = self.checked_steps(range)?;
        let mut values = vec![f64::NAN; count];
        let steps = Steps::new(self, first, count);
        steps.fill(cells, metric, ArrayViewMut1::from(&mut values[..]));
        Ok(values)
    }
}
