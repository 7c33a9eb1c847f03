//! Calls to a node or between two, sampled rates counted as calls.

use astern_graph_core::{CallSummary, EdgeKind, NodeKey, TemporalGraph, TimeRange};

/// No calls.
pub(super) fn none() -> CallSummary {
    CallSummary::joined([])
}

/// Calls that a node received; none for an unknown one.
pub(super) fn received(graph: &TemporalGraph, node: &NodeKey, time: TimeRange) -> CallSummary {
    let calls = graph.calls_received(node, time);
    calls.map_or_else(none, |calls| calls.counted(graph.step()))
}

/// Calls between two nodes over edges of these kinds.
pub(super) fn between(
    graph: &TemporalGraph,
    (from, to): (&NodeKey, &NodeKey),
    kinds: &[EdgeKind],
    time: TimeRange,
) -> CallSummary {
    let edges = kinds
        .iter()
        .filter_map(|kind| graph.calls_over(from, to, *kind, time));
    let edges: Vec<CallSummary> = edges.map(|calls| calls.counted(graph.step())).collect();
    CallSummary::joined(&edges)
}
