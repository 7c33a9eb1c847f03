//! Sums of calls over a range.

use crate::call_summary::CallSummary;
use crate::edge::EdgeKind;
use crate::graph::TemporalGraph;
use crate::key::{NodeKey, NodeKind};
use crate::slice::{Slice, SliceBy};
use crate::store::Cells;
use crate::time::TimeRange;

impl TemporalGraph {
    /// Calls that a node received in a range of whole steps, none in an empty range; `None` for an
    /// unknown node.
    pub fn calls_received(&self, key: &NodeKey, range: TimeRange) -> Option<CallSummary> {
        Some(self.summary(&self.node(key)?.cells, range))
    }

    /// Calls over the edge `from → to`, as the caller saw them, in a range of whole steps, none in
    /// an empty range; `None` for an unknown edge.
    pub fn calls_between(
        &self,
        from: &NodeKey,
        to: &NodeKey,
        range: TimeRange,
    ) -> Option<CallSummary> {
        self.calls_over(from, to, EdgeKind::Calls, range)
    }

    /// As [`calls_between`](Self::calls_between), for an edge of any kind: reads, writes, messages.
    pub fn calls_over(
        &self,
        from: &NodeKey,
        to: &NodeKey,
        kind: EdgeKind,
        range: TimeRange,
    ) -> Option<CallSummary> {
        Some(self.summary(&self.edge(from, to, kind)?.cells, range))
    }

    /// Calls that a service received in a range of whole steps, distinguished by instance, by revision
    /// (old and new side by side) or by user segment; sorted by name. Empty for an unknown service.
    ///
    /// Calls whose instance, revision or segment was not known are in no slice, so the slices may
    /// sum to less than [`calls_received`](Self::calls_received).
    ///
    /// ```
    /// use astern_graph_core::{
    ///     Call, GraphBuilder, GraphParams, NodeKey, Party, SliceBy, TimeRange, Timestamp,
    /// };
    ///
    /// let cart = |pod, version: &str| {
    ///     Party::new(NodeKey::service("cart")).on(NodeKey::instance(pod), version.into())
    /// };
    /// let at = Timestamp::from_secs(30);
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// builder.extend([
    ///     Call::new(at, cart("cart-0", "v1")).into(),
    ///     Call::new(at, cart("cart-1", "v1")).into(),
    ///     Call::new(at, cart("cart-2", "v2")).into(),
    /// ]);
    /// let graph = builder.build();
    /// let minute = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(60))?;
    /// let by = graph.calls_by(&NodeKey::service("cart"), SliceBy::Revision, minute);
    /// assert_eq!((by[0].1.calls, by[1].1.calls), (2, 1));
    /// assert_eq!(by[1].0.to_string(), "revision v2");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn calls_by(
        &self,
        service: &NodeKey,
        by: SliceBy,
        range: TimeRange,
    ) -> Vec<(Slice, CallSummary)> {
        let slices = self.slices(service, by);
        let summaries = slices.map(|(slice, cells)| (slice, self.summary(cells, range)));
        summaries.collect()
    }

    /// Slices of a service and their cells, sorted by name.
    pub(super) fn slices<'a>(
        &'a self,
        service: &'a NodeKey,
        by: SliceBy,
    ) -> Box<dyn Iterator<Item = (Slice, &'a Cells)> + 'a> {
        let node = self.node(service).into_iter();
        match by {
            SliceBy::Instance => {
                let instances = self.instances(service);
                let held = instances.filter_map(|key| Some((key, self.node(key)?)));
                // A service may own a node of another kind by mistake of a record.
                let held = held.filter(|(key, _)| key.kind == NodeKind::Instance);
                Box::new(held.map(move |(key, n)| (Slice::new(by, key.name.clone()), &n.cells)))
            }
            SliceBy::Revision => Box::new(
                node.flat_map(|node| &node.by_revision)
                    .map(move |(name, cells)| (Slice::new(by, name.as_str()), cells)),
            ),
            SliceBy::Segment => Box::new(
                node.flat_map(|node| &node.by_segment)
                    .map(move |(name, cells)| (Slice::new(by, name.clone()), cells)),
            ),
        }
    }

    fn summary(&self, cells: &Cells, range: TimeRange) -> CallSummary {
        let (first, end) = self.steps_of(range).unwrap_or_default();
        CallSummary::of(cells.shared(first, end))
    }
}
