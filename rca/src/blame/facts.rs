//! What all changes of one incident are weighed with.

use std::collections::{BTreeMap, BTreeSet};

use astern_graph_core::schema::FeatureClass;
use astern_graph_core::signal::{Anomaly, Assessment, Evidence};
use astern_graph_core::{ChangeId, NodeId, NodeKey, TemporalGraph, Timestamp};
use astern_stats::order::ascending;

use crate::incident::Incident;
use crate::ranker::{Ranking, ScoreScale};

/// Weight of the lead of a change's service over the other causes.
const SCORE_WEIGHT: f64 = 0.2;

pub(super) struct Facts<'a> {
    pub(super) graph: &'a TemporalGraph,
    pub(super) incident: &'a Incident,
    /// What the scores mean.
    scale: ScoreScale,
    /// Score of each cause, and its path to the symptom.
    pub(super) causes: BTreeMap<&'a NodeKey, (f64, &'a [NodeKey])>,
    /// What speaks for each cause.
    pub(super) evidence: BTreeMap<&'a NodeKey, &'a [Evidence]>,
    /// The last assessment of each change.
    pub(super) judged: BTreeMap<&'a ChangeId, &'a Assessment>,
    /// Nodes that are anomalous in the system.
    pub(super) anomalous: BTreeSet<&'a NodeKey>,
    /// Onsets of the anomalies that users feel, by service.
    pub(super) onsets: BTreeMap<NodeId, Timestamp>,
    /// Hops from each node to the symptom, of those from which a fault can come to it.
    pub(super) hops: BTreeMap<NodeId, u32>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(
        graph: &'a TemporalGraph,
        incident: &'a Incident,
        ranking: &'a Ranking,
    ) -> Self {
        let mut causes = BTreeMap::new();
        let mut evidence = BTreeMap::new();
        for cause in &ranking.causes {
            evidence
                .entry(cause.subject.node())
                .or_insert(&cause.evidence[..]);
            let known = (cause.score, &cause.path[..]);
            causes.entry(cause.subject.node()).or_insert(known);
        }
        let of_change = |a: &'a Assessment| a.change.as_ref().map(|id| (id, a));
        let judged = incident.assessments.iter().filter_map(of_change).collect();
        let of_system = incident.assessments.iter().filter(|a| a.change.is_none());
        let anomalies: Vec<&Anomaly> = of_system.flat_map(|a| &a.anomalies).collect();
        let mut onsets = BTreeMap::new();
        for anomaly in anomalies.iter().filter(|a| is_felt(graph, a)) {
            if let Some(id) = graph.id(served_by(graph, anomaly.subject.node())) {
                let onset = onsets.entry(id).or_insert(anomaly.since);
                *onset = anomaly.since.min(*onset);
            }
        }
        let symptom = graph.id(&incident.symptom.node);
        let hops = symptom.map(|id| graph.fault_ancestry(id));
        Self {
            graph,
            incident,
            scale: ranking.scale,
            causes,
            evidence,
            judged,
            anomalous: anomalies.iter().map(|a| a.subject.node()).collect(),
            onsets,
            hops: hops.unwrap_or_default(),
        }
    }

    /// Log-odds of a change by its service's place among the causes: a share of the [`lead`](Self::lead),
    /// limited; the least for a service that is no cause. 0 where scores are no log-odds.
    pub(super) fn as_cause(&self, service: &NodeKey, limit: f64) -> f64 {
        if !self.scale.is_log_odds() {
            return 0.0;
        }
        let lead = self.lead(service);
        let log_odds = lead.map_or(-limit, |lead| SCORE_WEIGHT * lead);
        log_odds.clamp(-limit, limit)
    }

    /// By how much a node's score exceeds that of the best other cause, or falls short of it; `None`
    /// where it is no cause. The score itself says how much evidence there is, and a slow service far
    /// from the fault has much of it too.
    fn lead(&self, service: &NodeKey) -> Option<f64> {
        let (score, _) = self.causes.get(service)?;
        let others = self.causes.iter().filter(|(key, _)| **key != service);
        let best = others
            .map(|(_, (score, _))| *score)
            .max_by(|a, b| ascending(*a, *b));
        Some(best.map_or(*score, |best| score - best))
    }

    /// Nodes that a fault of this service can reach, itself included.
    pub(super) fn reached(&self, service: &NodeKey) -> BTreeSet<NodeId> {
        let radius = self.graph.id(service).map(|id| self.graph.blast_radius(id));
        radius.into_iter().flat_map(BTreeMap::into_keys).collect()
    }
}

/// The service of an instance; any other node itself.
pub(super) fn served_by<'a>(graph: &'a TemporalGraph, key: &'a NodeKey) -> &'a NodeKey {
    graph.owner(key).unwrap_or(key)
}

/// Whether users can feel an anomaly: it is in an application metric, or over all metrics.
fn is_felt(graph: &TemporalGraph, anomaly: &Anomaly) -> bool {
    let metric = anomaly.metric.as_ref();
    metric.is_none_or(|metric| graph.feature(metric).class == FeatureClass::Application)
}
