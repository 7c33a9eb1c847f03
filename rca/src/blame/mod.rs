//! From causes to changes: which release, flag or configuration change did it?

mod params;

use std::collections::{BTreeMap, BTreeSet};

use astern_graph_core::signal::{
    Abstention, Anomaly, Assessment, BlamedChange, Diagnosis, Evidence, Verdict,
};
use astern_graph_core::{
    ChangeEvent, ChangeId, ChangePhase, FeatureClass, NodeId, NodeKey, TemporalGraph, TimeRange,
    Timestamp,
};
use astern_stats::order;

use crate::incident::Incident;

pub use params::BlameParams;

/// Gives each active change a probability of being the cause.
///
/// The log-odds of a change add up from: its service's score as a cause (a quarter of it, limited);
/// the verdict on its new instances against its old ones; the time from its start to the onset of
/// the fault, with a veto for faults that are older than it (as in Gandalf, Li et al. 2020, and
/// `ChangeRCA`, Yu et al. 2024). The probabilities of all changes and of "no change" sum to 1.
///
/// A change is active when a step of it lies in the incident's time and it is not rolled back at
/// the end. It starts with its first step, however long before the incident that was, or with the
/// first one after it was rolled back.
///
/// Of several assessments of one change only the last in the incident counts (the newest is
/// last): they look at mostly the same data, and adding them up would count it twice.
///
/// The onset is the earliest of the system's anomalies in an application metric, or over all
/// metrics, of nodes that a fault of the change's service can reach. More load, or trouble
/// elsewhere, says nothing of when this change's fault began. Without such an anomaly, time is no
/// evidence. An instance counts as its service.
///
/// # Complexity
/// `O(S log S + N log N + C · ((V + E) log V + A log V))` for S steps of changes held, N causes, C
/// active changes, A anomalies and a graph of V nodes and E edges.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeBlame {
    params: BlameParams,
}

/// Everything that all changes of one incident are weighed with.
struct Facts<'a> {
    graph: &'a TemporalGraph,
    /// Score of each cause.
    scores: BTreeMap<&'a NodeKey, f64>,
    /// The last assessment of each change.
    judged: BTreeMap<&'a ChangeId, &'a Assessment>,
    /// Nodes that are anomalous in the system.
    anomalous: BTreeSet<&'a NodeKey>,
    /// Onsets of the anomalies that users feel, by service.
    onsets: BTreeMap<NodeId, Timestamp>,
}

impl<'a> Facts<'a> {
    fn of(graph: &'a TemporalGraph, incident: &'a Incident, diagnosis: &'a Diagnosis) -> Self {
        let mut scores = BTreeMap::new();
        for cause in &diagnosis.causes {
            scores.entry(cause.subject.node()).or_insert(cause.score);
        }
        let of_change = |a: &'a Assessment| a.change.as_ref().map(|id| (id, a));
        let judged = incident.assessments.iter().filter_map(of_change).collect();
        let of_system = incident.assessments.iter().filter(|a| a.change.is_none());
        let anomalies: Vec<&Anomaly> = of_system.flat_map(|a| &a.anomalies).collect();
        let mut onsets = BTreeMap::new();
        for anomaly in anomalies.iter().filter(|a| is_felt(graph, a)) {
            let key = anomaly.subject.node();
            if let Some(id) = graph.id(graph.owner(key).unwrap_or(key)) {
                let onset = onsets.entry(id).or_insert(anomaly.since);
                *onset = anomaly.since.min(*onset);
            }
        }
        Self {
            graph,
            scores,
            judged,
            anomalous: anomalies.iter().map(|a| a.subject.node()).collect(),
            onsets,
        }
    }

    /// Nodes that a fault of this service can reach, itself included, by id.
    fn reached(&self, service: &NodeKey) -> Vec<NodeId> {
        let radius = self.graph.id(service).map(|id| self.graph.blast_radius(id));
        radius.into_iter().flat_map(BTreeMap::into_keys).collect()
    }

    /// Anomalous nodes among those reached, but for the service itself.
    fn collateral(&self, reached: &[NodeId], service: &NodeKey) -> Vec<NodeKey> {
        let keys = reached.iter().filter_map(|id| self.graph.key(*id));
        keys.filter(|key| *key != service && self.anomalous.contains(key))
            .cloned()
            .collect()
    }
}

impl ChangeBlame {
    pub(crate) fn new(params: BlameParams) -> Self {
        Self { params }
    }

    /// Adds blamed changes to a diagnosis, best first; with none that is more likely than "no
    /// change", the diagnosis says so.
    pub(crate) fn blame(
        &self,
        graph: &TemporalGraph,
        incident: &Incident,
        diagnosis: &mut Diagnosis,
    ) {
        let facts = Facts::of(graph, incident, diagnosis);
        let active = active_changes(graph, incident);
        let mut weighed: Vec<(f64, BlamedChange)> = active
            .values()
            .map(|start| self.weigh(&facts, start))
            .collect();
        weighed
            .sort_by(|a, b| order::descending(a.0, b.0).then_with(|| a.1.change.cmp(&b.1.change)));
        if weighed.first().is_some_and(|(log_odds, _)| *log_odds < 0.0) {
            diagnosis
                .abstained
                .get_or_insert(Abstention::NoChangeExplains);
        }
        let log_odds: Vec<f64> = weighed.iter().map(|(log_odds, _)| *log_odds).collect();
        let (each, _) = probabilities(&log_odds);
        diagnosis.changes = weighed
            .into_iter()
            .zip(each)
            .map(|((_, mut blamed), probability)| {
                blamed.probability = Some(probability);
                blamed
            })
            .collect();
    }

    fn weigh(&self, facts: &Facts<'_>, start: &ChangeEvent) -> (f64, BlamedChange) {
        let p = &self.params;
        let mut log_odds = p.prior;
        let mut evidence = Vec::new();
        let score = facts.scores.get(&start.service);
        let as_cause = score.map_or(-p.cause_limit, |score| score / 4.0);
        log_odds += as_cause.clamp(-p.cause_limit, p.cause_limit);
        if let Some(assessment) = facts.judged.get(&start.id) {
            log_odds += match assessment.verdict {
                Verdict::Regressed => p.regressed,
                Verdict::Healthy => p.healthy,
                Verdict::Inconclusive | Verdict::NoData => 0.0,
            };
            evidence.extend(assessment.anomalies.iter().flat_map(|a| a.evidence.clone()));
        }
        let reached = facts.reached(&start.service);
        let onsets = reached.iter().filter_map(|id| facts.onsets.get(id));
        if let Some(onset) = onsets.min() {
            let (effect, why) = self.timing(*onset, start, facts.graph);
            log_odds += effect;
            evidence.push(why);
        }
        let blamed = BlamedChange::new(start.id.clone(), start.service.clone(), None)
            .hurting(facts.collateral(&reached, &start.service))
            .because(evidence);
        (log_odds, blamed)
    }

    /// Log-odds and evidence from an onset against the start of a change.
    fn timing(
        &self,
        onset: Timestamp,
        start: &ChangeEvent,
        graph: &TemporalGraph,
    ) -> (f64, Evidence) {
        let p = &self.params;
        let change = start.id.clone();
        if onset.plus(graph.step() * p.steps_slack) < start.at {
            let lead = start.at.since(onset);
            return (p.veto, Evidence::OlderThanChange { change, lead });
        }
        let delay = onset.since(start.at);
        let effect = p.recent * (-delay.as_secs_f64() / p.recent_half_life_secs).exp2();
        (effect, Evidence::ChangedBefore { change, delay })
    }
}

/// Whether users can feel an anomaly: it is in an application metric, or over all metrics.
fn is_felt(graph: &TemporalGraph, anomaly: &Anomaly) -> bool {
    let metric = anomaly.metric.as_ref();
    metric.is_none_or(|metric| graph.feature(metric).class == FeatureClass::Application)
}

/// Probabilities of each change and of "no change", whose log-odds are 0. Relative to the greatest
/// of them, so that no exponential overflows.
fn probabilities(log_odds: &[f64]) -> (Vec<f64>, f64) {
    let greatest = log_odds.iter().copied().fold(0.0, f64::max);
    let relative: Vec<f64> = log_odds.iter().map(|x| (x - greatest).exp()).collect();
    let none = (-greatest).exp();
    let total = none + relative.iter().sum::<f64>();
    let each = relative.into_iter().map(|x| x / total).collect();
    (each, none / total)
}

/// First step of every change with a step in the incident's time that is not rolled back at its end.
fn active_changes(graph: &TemporalGraph, incident: &Incident) -> BTreeMap<ChangeId, ChangeEvent> {
    let end = incident.abnormal.end;
    let from = incident.healthy.start.min(incident.abnormal.start);
    let (Ok(range), Ok(until_end)) = (
        TimeRange::new(from, end),
        TimeRange::new(Timestamp::MIN, end),
    ) else {
        return BTreeMap::new();
    };
    let seen: BTreeSet<&ChangeId> = graph.changes(range).iter().map(|step| &step.id).collect();
    let steps = graph.changes(until_end).iter();
    let mut active = BTreeMap::new();
    for step in steps.filter(|step| seen.contains(&step.id)) {
        if step.phase == ChangePhase::RolledBack {
            active.remove(&step.id);
        } else {
            active
                .entry(step.id.clone())
                .or_insert_with(|| step.clone());
        }
    }
    active
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn probabilities_are_shares_of_one(
            log_odds in prop::collection::vec(-1e6..1e6f64, 0..50),
        ) {
            let (each, none) = probabilities(&log_odds);
            for p in each.iter().chain([&none]) {
                prop_assert!((0.0..=1.0).contains(p));
            }
            prop_assert!((each.iter().sum::<f64>() + none - 1.0).abs() < 1e-9);
        }
    }
}
