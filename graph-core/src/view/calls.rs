//! Sums of calls over a range.

use crate::call_summary::CallSummary;
use crate::edge::EdgeKind;
use crate::graph::TemporalGraph;
use crate::key::{NodeKey, NodeKind};
use crate::slice::{Slice, SliceBy};
use crate::store::Cells;
use crate::time::TimeRange;

/// The calls of one node, edge or slice: for those who ask for many ranges, each without a look-up of its key.
///
/// ```
/// use astern_graph_core::{Call, GraphBuilder, GraphParams, NodeKey, Party, TimeRange, Timestamp};
///
/// let cart = NodeKey::service("cart");
/// let call = |secs| Call::new(Timestamp::from_secs(secs), Party::new(cart.clone())).into();
/// let mut builder = GraphBuilder::new(GraphParams::default())?;
/// builder.extend([call(30), call(70), call(80)]);
/// let graph = builder.build();
/// let received = graph.received_over_time(&cart).unwrap();
/// let calls = graph.steps(graph.extent().unwrap())?.map(|step| received.during(step).calls);
/// assert_eq!(calls.collect::<Vec<_>>(), [1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct CallsOverTime<'a> {
    graph: &'a TemporalGraph,
    cells: &'a Cells,
}

impl CallsOverTime<'_> {
    /// The calls in a range of whole steps, none in an empty range.
    ///
    /// # Complexity
    /// `O(log n + k)` for `n` steps that are held and `k` in the range.
    pub fn during(&self, range: TimeRange) -> CallSummary {
        let (first, end) = self.graph.steps_of(range).unwrap_or_default();
        CallSummary::of(self.cells.shared(first, end))
    }
}

impl TemporalGraph {
    /// The calls that a node received; `None` for an unknown node.
    pub fn received_over_time(&self, key: &NodeKey) -> Option<CallsOverTime<'_>> {
        Some(self.over_time(&self.node(key)?.cells))
    }

    /// The calls over the edge `from → to` of a kind, as the caller saw them; `None` for an unknown edge.
    pub fn edge_over_time(
        &self,
        from: &NodeKey,
        to: &NodeKey,
        kind: EdgeKind,
    ) -> Option<CallsOverTime<'_>> {
        Some(self.over_time(&self.edge(from, to, kind)?.cells))
    }

    /// The slices of a service with their calls, as [`calls_by`](Self::calls_by).
    pub fn slices_over_time<'a>(
        &'a self,
        service: &'a NodeKey,
        by: SliceBy,
    ) -> impl Iterator<Item = (Slice, CallsOverTime<'a>)> {
        let slices = self.slices(service, by);
        slices.map(|(slice, cells)| (slice, self.over_time(cells)))
    }

    /// Calls that a node received in a range of whole steps, none in an empty range; `None` for an
    /// unknown node.
    pub fn calls_received(&self, key: &NodeKey, range: TimeRange) -> Option<CallSummary> {
        Some(self.received_over_time(key)?.during(range))
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
        Some(self.edge_over_time(from, to, kind)?.during(range))
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
        let slices = self.slices_over_time(service, by);
        let summaries = slices.map(|(slice, calls)| (slice, calls.during(range)));
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

    fn over_time<'a>(&'a self, cells: &'a Cells) -> CallsOverTime<'a> {
        CallsOverTime { graph: self, cells }
    }
}
