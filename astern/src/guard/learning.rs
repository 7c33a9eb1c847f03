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

/// Whether a baseline was learnt from what turns out to be an incident: a change within it made things worse. Only the first one can
/// be; later ones are learnt while no change is watched.
pub(super) fn is_spoilt(
    baseline: TimeRange,
    assessments: &[Assessment],
    changes: &[ChangeEvent],
) -> bool {
    let is_worse = |change: &ChangeEvent| {
        let mut worse = assessments
            .iter()
            .filter(|a| a.verdict == Verdict::Regressed);
        worse.any(|a| a.change.as_ref() == Some(&change.id))
    };
    let mut within = changes
        .iter()
        .filter(|change| (baseline.start..baseline.end).contains(&change.at));
    within.any(is_worse)
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
    use astern_graph_core::NodeKey;

    use super::*;

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
            let mut assessment = Assessment::new(verdict);
            assessment.change = Some(change.id.clone());
            let spoilt = is_spoilt(baseline, &[assessment], &[change]);
            assert_eq!(spoilt, expected, "{started} {verdict}");
        }
    }
}
