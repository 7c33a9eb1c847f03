//! The changes that are watched, and their new instances against their old ones.

use std::collections::BTreeMap;

use astern_detect::release::{AnyReleaseJudge, ReleaseJudge as _};
use astern_graph_core::signal::Assessment;
use astern_graph_core::{
    ChangeEvent, ChangeId, ChangePhase, NodeKey, TemporalGraph, TimeRange, Timestamp,
};

use super::params::GuardParams;
use crate::error::Error;

/// First step of the last attempt of every change that is under way or ended less than `watch` ago and was not rolled
/// back; by id and service. What follows a rollback is another attempt.
pub(super) fn watched(
    params: &GuardParams,
    graph: &TemporalGraph,
    end: Timestamp,
) -> Vec<ChangeEvent> {
    let Ok(past) = TimeRange::new(Timestamp::MIN, end) else {
        return Vec::new();
    };
    let mut changes: BTreeMap<(&ChangeId, &NodeKey), (&ChangeEvent, &ChangeEvent)> =
        BTreeMap::new();
    for step in graph.changes(past) {
        let attempt = changes
            .entry((&step.id, &step.service))
            .or_insert((step, step));
        let is_again = attempt.1.phase == ChangePhase::RolledBack;
        *attempt = (if is_again { step } else { attempt.0 }, step);
    }
    let open = |(_, last): &(&ChangeEvent, &ChangeEvent)| {
        last.phase != ChangePhase::RolledBack && end.since(last.at) <= params.watch
    };
    changes
        .into_values()
        .filter(open)
        .map(|(first, _)| first.clone())
        .collect()
}

/// Judges each watched change from its start to `end`; of many, those count as worse that are certain enough among so many.
pub(super) fn judge_changes(
    judge: &AnyReleaseJudge,
    graph: &TemporalGraph,
    changes: &[ChangeEvent],
    healthy: TimeRange,
    end: Timestamp,
) -> Vec<Result<Assessment, Error>> {
    let judged = |change: &ChangeEvent| {
        let range = TimeRange::new(change.at, end).ok()?;
        let judged = judge.judge(graph, change, range, healthy);
        Some(judged.map_err(Error::from))
    };
    let mut judged: Vec<Result<Assessment, Error>> = changes.iter().filter_map(judged).collect();
    judge.adjust(judged.iter_mut().flatten());
    judged
}
