//! Two builders into one.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::GraphBuilder;
use crate::error::MergeError;
use crate::ingest::IngestReport;
use crate::name::MetricName;
use crate::store::{EdgeKey, Slot, change_order};

impl GraphBuilder {
    /// Takes in all that another builder holds: the result is what one builder would have made of
    /// the records of both.
    ///
    /// For shards that each take a part of the records, such as those of some traces. Nothing is
    /// taken where the two do not fit together. The report counts, as of records, the samples for
    /// which a step had no room (`over_limit`) and the calls of revisions and segments beyond the
    /// limit on slices (`unsliced`).
    ///
    /// # Errors
    /// [`MergeError`] where the parameters differ, where both hold the same span, or where together
    /// they hold more than a limit allows.
    ///
    /// # Complexity
    /// `O(n log n)` in the nodes, edges and cells of the other.
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::{Call, GraphBuilder, GraphParams, NodeKey, Party, Timestamp};
    ///
    /// let call = |to| Call::new(Timestamp::from_secs(30), Party::new(NodeKey::service(to)));
    /// let mut west = GraphBuilder::new(GraphParams::default())?;
    /// let mut east = west.clone();
    /// let mut one = west.clone();
    /// west.extend([call("web").into()]);
    /// east.extend([call("cart").into()]);
    /// one.extend([call("web").into(), call("cart").into()]);
    /// west.merge(&east)?;
    /// assert_eq!(west.build(), one.build());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn merge(&mut self, other: &Self) -> Result<IngestReport, MergeError> {
        let metrics = self.check(other)?;
        let mut report = IngestReport::default();
        let slots = self.merge_nodes(other, &mut report);
        for ((from, to, kind), slot) in other.store.edges.entries() {
            let ends = slots.get(*from as usize).zip(slots.get(*to as usize));
            let Some(((from, to), (_, state))) = ends.zip(other.store.edges.get(slot)) else {
                continue;
            };
            let mine = self.store.edge((*from, *to, *kind));
            if let Some(mine) = self.store.edges.get_mut(mine) {
                report.over_limit += mine.merge(state);
            }
        }
        let changes = Arc::make_mut(&mut self.store.changes);
        changes.extend(other.store.changes.iter().cloned());
        changes.sort_by(change_order);
        changes.dedup();
        Arc::make_mut(&mut self.store.call_steps).extend(other.store.call_steps.iter());
        self.spans.merge(&other.spans);
        self.losses.merge(other.losses);
        self.metrics = metrics;
        if let Some(now) = self.now.max(other.now) {
            self.now = Some(now);
            self.forget(now);
        }
        Ok(report)
    }

    /// Slots here, by the slots there.
    fn merge_nodes(&mut self, other: &Self, report: &mut IngestReport) -> Vec<Slot> {
        let slices_max = self.store.params.slices_max as usize;
        let mut slots = Vec::new();
        for (key, slot) in other.store.nodes.entries() {
            let mine = self.store.node(key);
            slots.resize((slot as usize + 1).max(slots.len()), mine);
            slots[slot as usize] = mine;
            let theirs = other.store.nodes.get(slot);
            if let Some((mine, (_, theirs))) = self.store.nodes.get_mut(mine).zip(theirs) {
                let (samples, calls) = mine.merge(theirs, slices_max);
                report.over_limit += samples;
                report.unsliced += calls;
            }
        }
        slots
    }

    /// Whether the two fit together; the metrics of both.
    fn check(&self, other: &Self) -> Result<BTreeSet<MetricName>, MergeError> {
        if self.store.params != other.store.params {
            return Err(MergeError::Params);
        }
        let spans = self.spans.common(&other.spans);
        if spans > 0 {
            return Err(MergeError::SameSpans { spans });
        }
        let (mine, theirs) = (&self.store, &other.store);
        let params = &mine.params;
        let mut metrics = mine.metrics();
        metrics.extend(theirs.metrics());
        let nodes = theirs.nodes.entries();
        let nodes = nodes.filter(|(key, _)| mine.nodes.slot(key).is_none());
        let changes = theirs.changes.iter();
        let changes = changes.filter(|c| {
            mine.changes
                .binary_search_by(|held| change_order(held, c))
                .is_err()
        });
        let edges = self.new_edges(other);
        for (what, count, limit) in [
            ("nodes", mine.nodes.len() + nodes.count(), params.nodes_max),
            ("edges", mine.edges.len() + edges, params.edges_max),
            ("metrics", metrics.len(), params.metrics_max),
            (
                "change events",
                mine.changes.len() + changes.count(),
                params.changes_max,
            ),
            (
                "spans",
                self.spans.len() + other.spans.len(),
                params.spans_max,
            ),
        ] {
            if count > limit as usize {
                return Err(MergeError::TooMany { what, count, limit });
            }
        }
        Ok(metrics)
    }

    /// Number of edges that only the other has.
    fn new_edges(&self, other: &Self) -> usize {
        let here = |slot: Slot| {
            let (key, _) = other.store.nodes.get(slot)?;
            self.store.nodes.slot(key)
        };
        let known = |(from, to, kind): &EdgeKey| {
            let ends = here(*from).zip(here(*to));
            ends.and_then(|(from, to)| self.store.edges.slot(&(from, to, *kind)))
        };
        let edges = other.store.edges.entries();
        edges.filter(|(edge, _)| known(edge).is_none()).count()
    }
}
