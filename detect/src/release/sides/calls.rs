//! Calls to a node or between two, sampled rates counted as calls.

use astern_graph_core::view::CallsOverTime;
use astern_graph_core::{CallSummary, EdgeKind, NodeKey, TemporalGraph, TimeRange};

/// No calls.
pub(super) fn none() -> CallSummary {
    CallSummary::joined([])
}

/// The calls of one node, edge or slice; none for an unknown one.
pub(super) fn counted(
    graph: &TemporalGraph,
    calls: Option<CallsOverTime<'_>>,
    time: TimeRange,
) -> CallSummary {
    calls.map_or_else(none, |calls| calls.during(time).counted(graph.step()))
}

/// The calls of all of these together.
pub(super) fn sum(
    graph: &TemporalGraph,
    all: &[CallsOverTime<'_>],
    time: TimeRange,
) -> CallSummary {
    let all = all.iter().map(|calls| counted(graph, Some(*calls), time));
    CallSummary::joined(&all.collect::<Vec<_>>())
}

/// Calls that a node received; none for an unknown one.
pub(super) fn received(graph: &TemporalGraph, node: &NodeKey, time: TimeRange) -> CallSummary {
    counted(graph, graph.received_over_time(node), time)
}

/// The edges of these kinds from one node to another.
pub(super) fn edges<'a>(
    graph: &'a TemporalGraph,
    (from, to): (&NodeKey, &NodeKey),
    kinds: &[EdgeKind],
) -> Vec<CallsOverTime<'a>> {
    let edges = kinds.iter();
    edges
        .filter_map(|kind| graph.edge_over_time(from, to, *kind))
        .collect()
}
