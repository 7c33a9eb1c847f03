//! What can be done before it is known what healthy is.

use astern_graph_core::signal::{Assessment, Verdict};
use astern_graph_core::{ChangeEvent, TemporalGraph, TimeRange, Timestamp};

use super::event::Event;
use super::params::GuardParams;

/// The steps before the first watched change, which may stand in for an old side; where there are none, all that is held.
/// `None` without telemetry.
pub(super) fn before(graph: &TemporalGraph, changes: &[ChangeEvent]) -> Option<TimeRange> {
    let extent = graph.extent()?;
    let first = changes.iter().map(|change| change.at).min();
    let before = first.and_then(|first| TimeRange::new(extent.start, first).ok());
    Some(before.unwrap_or(extent))
}

/// Steps without telemetry of anything from which on a guard that learns is blind.
const SILENT_STEPS: u32 = 3;

/// What is known of a step without a baseline: whether a change is worse, whether something should be seen and is not.
/// `Healthy` means neither, and is no claim about the system.
pub(super) fn verdict(graph: &TemporalGraph, overall: &Assessment, end: Timestamp) -> Verdict {
    let quiet = graph.step().saturating_mul(SILENT_STEPS);
    let is_silent = |extent: TimeRange| end.since(extent.end) >= quiet;
    if overall.verdict == Verdict::Regressed {
        Verdict::Regressed
    } else if !overall.missing.is_empty() || graph.extent().is_none_or(is_silent) {
        Verdict::NoData
    } else {
        Verdict::Healthy
    }
}

/// Whether a baseline was learnt from what turns out to be an incident: a change within it made things worse. One that began
/// before it, and was found worse only after it, is not told from one whose bad steps were left out.
pub(super) fn is_spoilt<'a>(
    baseline: TimeRange,
    mut judged: impl Iterator<Item = (&'a ChangeEvent, &'a Assessment)>,
) -> bool {
    judged.any(|(change, assessment)| {
        let is_within = (baseline.start..baseline.end).contains(&change.at);
        is_within && assessment.verdict == Verdict::Regressed
    })
}

/// How far the baseline is learnt: the steps since `since`, and those that are tried next.
pub(super) fn progress(
    params: &GuardParams,
    graph: &TemporalGraph,
    since: Timestamp,
    end: Timestamp,
) -> Event {
    let start = graph.extent().map_or(end, |extent| extent.start.max(since));
    let steps = end.since(start).as_nanos() / graph.step().as_nanos().max(1);
    let have = u32::try_from(steps).unwrap_or(u32::MAX);
    let mut need = params.healthy_steps;
    while need <= have && need < u32::MAX {
        need = need.saturating_mul(2);
    }
    Event::Learning { have, need }
}

#[cfg(test)]
mod tests {
    use astern_graph_core::signal::MissingEvidence;
    use astern_graph_core::{Call, GraphBuilder, GraphParams, NodeKey, Party};

    use super::*;

    #[test]
    fn without_a_baseline_a_step_is_worse_unseen_or_neither() {
        let at = Timestamp::from_secs;
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        let empty = builder.build();
        builder.extend([Call::new(at(30), Party::new(NodeKey::service("cart"))).into()]);
        let graph = builder.build();
        let nothing = Assessment::new(Verdict::NoData);
        let silent = nothing.clone().without(vec![MissingEvidence::NewSide]);
        let worse = Assessment::new(Verdict::Regressed);
        let end = |steps| graph.extent().unwrap().end.plus(graph.step() * steps);
        for (graph, overall, steps, expected) in [
            (&graph, &nothing, 0, Verdict::Healthy),
            (&graph, &nothing, 2, Verdict::Healthy),
            (&graph, &nothing, 3, Verdict::NoData),
            (&graph, &silent, 0, Verdict::NoData),
            (&graph, &worse, 3, Verdict::Regressed),
            (&empty, &nothing, 0, Verdict::NoData),
        ] {
            assert_eq!(verdict(graph, overall, end(steps)), expected, "{steps}");
        }
    }

    #[test]
    fn a_baseline_is_spoilt_by_what_became_worse_within_it_and_by_nothing_else() {
        let at = Timestamp::from_secs;
        let baseline = TimeRange::new(at(100), at(200)).unwrap();
        for (started, verdict, expected) in [
            (150, Verdict::Regressed, true),
            (150, Verdict::Inconclusive, false),
            // Its bad steps were left out, or are later.
            (99, Verdict::Regressed, false),
            (200, Verdict::Regressed, false),
        ] {
            let cart = NodeKey::service("cart");
            let change = ChangeEvent::new("cart@2", at(started), cart, None, "v2".into());
            let assessment = Assessment::new(verdict).of_change(change.id.clone());
            let spoilt = is_spoilt(baseline, [(&change, &assessment)].into_iter());
            assert_eq!(spoilt, expected, "{started} {verdict}");
        }
    }
}
