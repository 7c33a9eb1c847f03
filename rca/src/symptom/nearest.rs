//! What users notice first, where nobody named it.

use std::collections::BTreeSet;

use astern_graph_core::schema::FeatureClass;
use astern_graph_core::signal::{Anomaly, Assessment};
use astern_graph_core::{
    GraphError, MetricName, NodeKey, NodeKind, TemporalGraph, TimeRange, Timestamp,
};
use astern_stats::order;

use crate::candidates::{UPPER_QUANTILE, candidate};
use crate::error::RankError;
use crate::incident::{Incident, Symptom};

/// Deviation in healthy standard deviations from which a series counts where there was no detector.
const ANOMALOUS_Z: f64 = 3.0;

/// Where and since when something shows to users.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sighting {
    pub(super) symptom: Symptom,
    pub(super) onset: Timestamp,
}

/// Of what detectors reported the application anomaly nearest to the users; without an anomaly of the system
/// that of a regressed change. The onset is the earliest of the system's. `None` where nothing that users feel
/// is anomalous.
pub(super) fn detected(graph: &TemporalGraph, assessments: &[Assessment]) -> Option<Sighting> {
    let anomalies = |of_system: bool| {
        let wanted = assessments
            .iter()
            .filter(move |a| a.change.is_none() == of_system);
        wanted
            .flat_map(|a| &a.anomalies)
            .filter(|a| is_application(graph, a))
    };
    let of_system: Vec<&Anomaly> = anomalies(true).collect();
    let found = nearest(graph, &of_system).or_else(|| greatest(anomalies(false)))?;
    let onset = of_system.iter().map(|a| a.since).min();
    Some(Sighting {
        symptom: symptom_of(found)?,
        onset: onset.unwrap_or(found.since),
    })
}

/// Without a detector: of the application metrics of services that became worse by 3 healthy standard
/// deviations or more, the one nearest to the users. `O(N · M · T log T)` for M metrics of N services over T
/// steps.
pub(super) fn measured(
    graph: &TemporalGraph,
    healthy: TimeRange,
    abnormal: TimeRange,
) -> Result<Option<Symptom>, GraphError> {
    let mut anomalies = Vec::new();
    for (id, key) in graph.ids().zip(graph.keys()) {
        if key.kind != NodeKind::Service {
            continue;
        }
        for metric in graph.metrics(key) {
            let incident = Incident::new(key.clone(), metric.clone(), healthy, abnormal);
            let series = match candidate(graph, &incident, id, &metric) {
                Ok(series) => series,
                Err(RankError::Graph(error)) => return Err(error),
                Err(_) => None,
            };
            let Some(series) = series else { continue };
            let steps = 0..series.abnormal.len();
            let shift = series.shift(UPPER_QUANTILE, &steps);
            if let Some(shift) = shift.filter(|shift| shift.z >= ANOMALOUS_Z) {
                let mut anomaly = Anomaly::new(key.clone(), shift.z, abnormal.start);
                anomaly.metric = Some(metric);
                anomalies.push(anomaly);
            }
        }
    }
    let felt: Vec<&Anomaly> = anomalies
        .iter()
        .filter(|a| is_application(graph, a))
        .collect();
    Ok(nearest(graph, &felt).and_then(symptom_of))
}

/// Of the nodes of which no caller is anomalous the anomaly with the highest score; of all where each has an
/// anomalous caller, as in a circle.
fn nearest<'a>(graph: &TemporalGraph, anomalies: &[&'a Anomaly]) -> Option<&'a Anomaly> {
    let anomalous: BTreeSet<&NodeKey> = anomalies.iter().map(|a| a.subject.node()).collect();
    let all = anomalies.iter().copied();
    let ends = all
        .clone()
        .filter(|a| !has_anomalous_caller(graph, a, &anomalous));
    greatest(ends).or_else(|| greatest(all))
}

fn greatest<'a>(anomalies: impl Iterator<Item = &'a Anomaly>) -> Option<&'a Anomaly> {
    anomalies.max_by(|a, b| {
        let by_score = order::ascending(a.score, b.score);
        by_score.then_with(|| (&b.subject, &b.metric).cmp(&(&a.subject, &a.metric)))
    })
}

fn symptom_of(anomaly: &Anomaly) -> Option<Symptom> {
    let metric = anomaly.metric.clone()?;
    Some(Symptom::new(anomaly.subject.node().clone(), metric))
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
