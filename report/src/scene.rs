//! What several sections of a page share: scores, changes, the culprit, the path of the fault.

use std::collections::{BTreeMap, BTreeSet};

use astern_graph_core::signal::{Assessment, BlamedChange, RankedCause, Verdict};
use astern_graph_core::{ChangeEvent, ChangeId, NodeKey, NodeKind, TemporalGraph};
use astern_stats::order;

use super::Page;

/// A page with what follows from it.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    /// The page.
    pub(super) page: &'a Page<'a>,
    /// Greatest anomaly score of each node; instances count for their service.
    pub(super) scores: BTreeMap<&'a NodeKey, f64>,
    /// The first step of each change in the range, by time.
    pub(super) changes: Vec<&'a ChangeEvent>,
    /// The change that is blamed first, unless none explains the trouble.
    pub(super) culprit: Option<&'a BlamedChange>,
    /// Rank, from 1, of the cause that is highlighted: the best in the blamed service, or else the
    /// best of all.
    pub(super) rank: usize,
    /// How the fault travelled from there, without instances, cause first.
    pub(super) path: Vec<&'a NodeKey>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(page: &'a Page<'a>) -> Self {
        let blamed = page.diagnosis.filter(|d| d.abstained.is_none());
        let culprit = blamed.and_then(|d| d.changes.first());
        let causes = page.diagnosis.map_or(&[][..], |d| &d.causes);
        let in_culprit = |cause: &RankedCause| {
            culprit.is_some_and(|c| *home(page.graph, cause.subject.node()) == c.service)
        };
        let best = causes.iter().position(in_culprit).unwrap_or(0);
        Self {
            page,
            scores: scores(page),
            changes: changes(page),
            culprit,
            rank: best + 1,
            path: causes
                .get(best)
                .map_or_else(Vec::new, |cause| path(page.graph, cause)),
        }
    }

    /// The change that a service got first in the range.
    pub(super) fn released(&self, service: &NodeKey) -> Option<&'a ChangeEvent> {
        self.changes
            .iter()
            .find(|change| change.service == *service)
            .copied()
    }

    /// Whether a change is the one blamed first.
    pub(super) fn is_culprit(&self, change: &ChangeId) -> bool {
        self.culprit
            .is_some_and(|culprit| culprit.change == *change)
    }

    /// Whether a service got the change that is blamed first.
    pub(super) fn is_culprits(&self, service: &NodeKey) -> bool {
        self.culprit
            .is_some_and(|culprit| culprit.service == *service)
    }

    /// The verdict over the system, or else the worst over a change.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        let of_system = self.page.assessments.iter().rfind(|a| a.change.is_none());
        let all = || self.page.assessments.iter().map(|a| a.verdict);
        let worst = [
            Verdict::Regressed,
            Verdict::Inconclusive,
            Verdict::Healthy,
            Verdict::NoData,
        ];
        let of_changes = || {
            worst
                .into_iter()
                .find(|verdict| all().any(|v| v == *verdict))
        };
        of_system.map(|a| a.verdict).or_else(of_changes)
    }

    /// What was reported about a change.
    pub(super) fn assessment(&self, change: &ChangeId) -> Option<&'a Assessment> {
        self.page
            .assessments
            .iter()
            .rfind(|a| a.change.as_ref() == Some(change))
    }
}

/// The service of an instance, or the node itself.
fn home<'k>(graph: &'k TemporalGraph, key: &'k NodeKey) -> &'k NodeKey {
    match key.kind {
        NodeKind::Instance => graph.owner(key).unwrap_or(key),
        _ => key,
    }
}

/// Scores over the system; those over changes have units of their own and count only where there
/// are no others.
fn scores<'a>(page: &'a Page<'a>) -> BTreeMap<&'a NodeKey, f64> {
    let any_of_system = page.assessments.iter().any(|a| a.change.is_none());
    let counted = page
        .assessments
        .iter()
        .filter(|a| a.change.is_none() || !any_of_system);
    let mut scores = BTreeMap::new();
    for anomaly in counted.flat_map(|a| &a.anomalies) {
        let score: &mut f64 = scores
            .entry(home(page.graph, anomaly.subject.node()))
            .or_insert(anomaly.score);
        if order::ascending(*score, anomaly.score).is_lt() {
            *score = anomaly.score;
        }
    }
    scores.retain(|_, score| !score.is_nan());
    scores
}

fn changes<'a>(page: &'a Page<'a>) -> Vec<&'a ChangeEvent> {
    let mut seen = BTreeSet::new();
    let range = page.range;
    if range.end < range.start {
        return Vec::new();
    }
    let events = page.graph.changes(range).iter();
    events.filter(|event| seen.insert(&event.id)).collect()
}

fn path<'a>(graph: &'a TemporalGraph, cause: &'a RankedCause) -> Vec<&'a NodeKey> {
    let subject = std::iter::once(cause.subject.node()).filter(|_| cause.path.is_empty());
    let mut path: Vec<&NodeKey> = subject
        .chain(&cause.path)
        .map(|key| home(graph, key))
        .collect();
    path.dedup();
    path
}
