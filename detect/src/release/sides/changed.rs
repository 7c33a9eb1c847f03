//! Services that change at the same time.

use std::collections::BTreeSet;

use astern_graph_core::{ChangeEvent, NodeKey, TemporalGraph, TimeRange};

/// Services with a step of a change since the healthy time before `change`: what they see may be their own doing, also where one
/// commit releases them all.
pub(super) fn changed_with<'a>(
    graph: &'a TemporalGraph,
    change: &ChangeEvent,
    (range, healthy): (TimeRange, TimeRange),
) -> BTreeSet<&'a NodeKey> {
    let since = TimeRange::new(healthy.end.min(change.at), range.end);
    let steps = since.map_or(&[][..], |since| graph.changes(since));
    steps.iter().map(|step| &step.service).collect()
}
