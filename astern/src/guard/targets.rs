//! Where a change can go back to if nobody says what it replaced.

use astern_graph_core::{Artefact, ChangeEvent, Revision, TemporalGraph, TimeRange};

/// The steps of the watched changes. Those of a release that does not state what it replaced get the one revision that
/// the service was seen to run right before it, if that one served while the baseline was learnt, and telemetry knows the
/// new one by the name that the release has.
pub(super) fn steps_with_targets(
    graph: &TemporalGraph,
    changes: &[ChangeEvent],
    healthy: Option<TimeRange>,
) -> Vec<ChangeEvent> {
    let with_target = |change: &ChangeEvent| {
        let mut steps: Vec<ChangeEvent> =
            graph.attempt_steps(change).into_iter().cloned().collect();
        if steps.iter().all(|step| step.from.is_none()) {
            let target = healthy.and_then(|healthy| served_before(graph, &steps, healthy));
            for step in &mut steps {
                step.from.clone_from(&target);
            }
        }
        steps
    };
    changes.iter().flat_map(with_target).collect()
}

fn served_before(
    graph: &TemporalGraph,
    steps: &[ChangeEvent],
    healthy: TimeRange,
) -> Option<Revision> {
    let first = steps.first()?;
    let service = &first.service;
    let before = graph.revision_before(service, first.at)?;
    let was_healthy = graph.revisions_in(service, healthy).contains(before);
    let since = TimeRange {
        start: first.at,
        end: graph.extent()?.end,
    };
    let is_known = graph.revisions_in(service, since).contains(&first.to);
    let is_release = first.kind.artefact() == Artefact::Code && *before != first.to;
    (is_release && was_healthy && is_known).then(|| before.clone())
}
