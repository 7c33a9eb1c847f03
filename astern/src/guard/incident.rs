//! From assessments to the incident that a ranker explains.

use std::collections::BTreeSet;

use astern_graph_core::signal::{Anomaly, Assessment};
use astern_graph_core::{FeatureClass, MetricName, NodeKey, TemporalGraph, TimeRange, Timestamp};
use astern_rca::Incident;

use super::params::GuardParams;

/// Steps from before the onset that an incident includes: a cause moves with the symptom, which
/// shows only when both are seen before and after.
const STEPS_BEFORE_ONSET: u32 = 8;

/// The incident of an anomalous tick, `None` when nothing is anomalous.
///
/// The symptom is the service level indicator where the user named one. Otherwise it is the
/// application anomaly nearest to the users: of a node of which no caller is anomalous, the one
/// with the highest score. Without an anomaly of the system it is that of a regressed change.
pub(super) fn incident(
    params: &GuardParams,
    graph: &TemporalGraph,
    assessments: &[Assessment],
    healthy: TimeRange,
    end: Timestamp,
) -> Option<Incident> {
    let anomalies = |of_system: bool| {
        let wanted = assessments
            .iter()
            .filter(move |a| a.change.is_none() == of_system);
        wanted
            .flat_map(|a| &a.anomalies)
            .filter(|a| is_application(graph, a))
    };
    let of_system: Vec<&Anomaly> = anomalies(true).collect();
    let anomalous: BTreeSet<&NodeKey> = of_system.iter().map(|a| a.subject.node()).collect();
    let nearest = of_system
        .iter()
        .copied()
        .filter(|a| !has_anomalous_caller(graph, a, &anomalous));
    let found = best(nearest).or_else(|| best(of_system.iter().copied()));
    let found = found.or_else(|| best(anomalies(false)))?;
    let onset = of_system
        .iter()
        .map(|a| a.since)
        .min()
        .unwrap_or(found.since);
    let (node, metric) = match &params.symptom {
        Some(symptom) => (symptom.node.clone(), symptom.metric.clone()),
        None => symptom(found)?,
    };
    let start = onset.minus(graph.step() * STEPS_BEFORE_ONSET);
    let abnormal = TimeRange::new(start, end).ok()?;
    let calm = TimeRange::new(healthy.start, healthy.end.min(start)).unwrap_or(healthy);
    Some(Incident::new(node, metric, calm, abnormal).assessed(assessments.to_vec()))
}

fn symptom(anomaly: &Anomaly) -> Option<(NodeKey, MetricName)> {
    Some((anomaly.subject.node().clone(), anomaly.metric.clone()?))
}

fn best<'a>(anomalies: impl Iterator<Item = &'a Anomaly>) -> Option<&'a Anomaly> {
    anomalies.max_by(|a, b| {
        let by_score = astern_stats::order::ascending(a.score, b.score);
        by_score.then_with(|| (&b.subject, &b.metric).cmp(&(&a.subject, &a.metric)))
    })
}

fn is_application(graph: &TemporalGraph, anomaly: &Anomaly) -> bool {
    let class = |metric: &MetricName| graph.feature(metric).class;
    anomaly
        .metric
        .as_ref()
        .is_some_and(|metric| class(metric) == FeatureClass::Application)
}

fn has_anomalous_caller(
    graph: &TemporalGraph,
    anomaly: &Anomaly,
    anomalous: &BTreeSet<&NodeKey>,
) -> bool {
    let Some(id) = graph.id(anomaly.subject.node()) else {
        return false;
    };
    let mut targets = graph.fault_targets(id).filter(|target| *target != id);
    targets.any(|t| graph.key(t).is_some_and(|key| anomalous.contains(key)))
}
