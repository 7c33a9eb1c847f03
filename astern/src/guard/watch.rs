//! The changes that are watched, and their new instances against their old ones.

use astern_detect::release::{AnyReleaseJudge, ReleaseJudge as _};
use astern_graph_core::signal::Assessment;
use astern_graph_core::view::Attempt;
use astern_graph_core::{ChangeEvent, TemporalGraph, TimeRange, Timestamp};

use super::params::GuardParams;
use crate::error::Error;

/// First step of the last attempt of every change that is open or was closed at most `watch` ago, and was not rolled back; by id
/// and service. None is watched for longer than its steps are held.
pub(super) fn watched(
    params: &GuardParams,
    graph: &TemporalGraph,
    end: Timestamp,
) -> Vec<ChangeEvent> {
    let is_watched = |attempt: &Attempt<'_>| {
        let closed = attempt.closed_since(end);
        !attempt.is_rolled_back() && closed.is_none_or(|since| end.since(since) <= params.watch)
    };
    let attempts = graph.last_attempts(end).into_iter();
    let watched = attempts.filter(is_watched);
    watched.map(|attempt| attempt.start().clone()).collect()
}

/// Judges each watched change from its start to `end`; of many, those count as worse that are certain enough among so many.
pub(super) fn judge_changes<'a>(
    judge: &AnyReleaseJudge,
    graph: &TemporalGraph,
    changes: &'a [ChangeEvent],
    healthy: TimeRange,
    end: Timestamp,
) -> Vec<(&'a ChangeEvent, Result<Assessment, Error>)> {
    let judged = |change: &'a ChangeEvent| {
        let range = TimeRange::new(change.at, end).ok()?;
        let judged = judge.judge(graph, change, range, healthy);
        Some((change, judged.map_err(Error::from)))
    };
    let mut judged: Vec<_> = changes.iter().filter_map(judged).collect();
    judge.adjust(judged.iter_mut().flat_map(|(_, judged)| judged));
    judged
}
