//! The series that rankers compare: one metric of each candidate, healthy and abnormal.

use astern_graph_core::{Feature, FeatureClass, MetricName, NodeId, NodeKey, TemporalGraph};
use astern_stats::robust;

use crate::error::RankError;
use crate::incident::Incident;

/// One candidate's series of one metric.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) id: NodeId,
    pub(crate) key: NodeKey,
    pub(crate) feature: Feature,
    pub(crate) healthy: Vec<f64>,
    pub(crate) abnormal: Vec<f64>,
}

/// Where a candidate stands: how far from healthy, in units and in standard deviations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shift {
    pub(crate) median: f64,
    pub(crate) observed: f64,
    /// How much worse than the median, in the metric's unit; never negative.
    pub(crate) excess: f64,
    /// `excess` over the healthy spread.
    pub(crate) z: f64,
}

impl Candidate {
    /// Deviation at the `upper` quantile of badness over the abnormal steps; `None` with fewer
    /// than 5 healthy values or no abnormal one.
    ///
    /// A quantile near the worst step, not the median: an incident's range begins before its onset.
    pub(crate) fn shift(&self, upper: f64) -> Option<Shift> {
        if self.healthy.iter().filter(|x| x.is_finite()).count() < 5 {
            return None;
        }
        let median = robust::median(&self.healthy)?;
        let spread = robust::spread(&self.healthy)?.max(self.feature.noise_floor(median));
        let bad: Vec<f64> = self
            .abnormal
            .iter()
            .map(|x| self.feature.worse.badness(x - median))
            .collect();
        let excess = robust::quantile(&bad, upper)?.max(0.0);
        let direction = if self.feature.worse.badness(1.0) < 0.0 {
            -1.0
        } else {
            1.0
        };
        Some(Shift {
            median,
            observed: median + direction * excess,
            excess,
            z: excess / spread,
        })
    }
}

/// The series of one metric of one node over both ranges; `None` when nothing of it was seen.
pub(crate) fn candidate(
    graph: &TemporalGraph,
    incident: &Incident,
    id: NodeId,
    metric: &MetricName,
) -> Result<Option<Candidate>, RankError> {
    let Some(key) = graph.key(id) else {
        return Ok(None);
    };
    let healthy = graph.series(key, metric, incident.healthy)?;
    let abnormal = graph.series(key, metric, incident.abnormal)?;
    let seen = |series: &[f64]| series.iter().any(|x| x.is_finite());
    let feature = graph.feature(metric);
    Ok((seen(&healthy) || seen(&abnormal)).then(|| Candidate {
        id,
        key: key.clone(),
        feature,
        healthy,
        abnormal,
    }))
}

/// The candidate's series of the symptom's metric or, where it has none, of the application metric
/// in which it deviates most.
pub(crate) fn best_candidate(
    graph: &TemporalGraph,
    incident: &Incident,
    id: NodeId,
    upper: f64,
) -> Result<Option<Candidate>, RankError> {
    if let Some(same) = candidate(graph, incident, id, &incident.symptom.metric)? {
        return Ok(Some(same));
    }
    let Some(key) = graph.key(id) else {
        return Ok(None);
    };
    let mut best: Option<(f64, Candidate)> = None;
    for metric in graph.metrics(key) {
        if graph.feature(&metric).class != FeatureClass::Application {
            continue;
        }
        let Some(other) = candidate(graph, incident, id, &metric)? else {
            continue;
        };
        let z = other.shift(upper).map_or(0.0, |shift| shift.z);
        if best.as_ref().is_none_or(|(least, _)| z > *least) {
            best = Some((z, other));
        }
    }
    Ok(best.map(|(_, candidate)| candidate))
}

/// The symptom's own series.
pub(crate) fn symptom(graph: &TemporalGraph, incident: &Incident) -> Result<Candidate, RankError> {
    let node = &incident.symptom.node;
    let unknown = || astern_graph_core::GraphError::UnknownNode { key: node.clone() };
    let id = graph.id(node).ok_or_else(unknown)?;
    candidate(graph, incident, id, &incident.symptom.metric)?
        .filter(|c| c.abnormal.iter().any(|x| x.is_finite()))
        .ok_or_else(|| RankError::NoSymptom {
            node: node.clone(),
            metric: incident.symptom.metric.clone(),
            range: incident.abnormal,
        })
}

/// Missing values replaced by the mean of the others; empty when there is none.
pub(crate) fn filled(series: &[f64]) -> Vec<f64> {
    match robust::mean(series) {
        Some(mean) => series
            .iter()
            .map(|x| if x.is_finite() { *x } else { mean })
            .collect(),
        None => Vec::new(),
    }
}
