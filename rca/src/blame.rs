//! From causes to changes: which release, flag or configuration change did it?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use astern_graph_core::signal::{
    Abstention, Assessment, BlamedChange, Diagnosis, Evidence, Verdict,
};
use astern_graph_core::{ChangeEvent, ChangeId, ChangePhase, NodeKey, TemporalGraph, TimeRange};
use astern_stats::param::{in_range, positive};
use astern_stats::{ParamError, order};

use crate::incident::Incident;

/// Parameters of change blame, in log-odds against "no change is to blame".
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `prior` | -1 | of any change, -20 to 20 |
/// | `cause_limit` | 2 | greatest effect of the service's rank as a cause, 0 to 20 |
/// | `regressed` | 4 | new instances worse than old, 0 to 20 |
/// | `healthy` | -3 | new instances like old, -20 to 0 |
/// | `recent` | 1 | a fault right after the change, falling to 0, 0 to 20 |
/// | `recent_half_life_secs` | 600 | of that effect, positive |
/// | `veto` | -4 | a fault older than the change, -20 to 0 |
/// | `steps_slack` | 2 | steps by which an onset may precede a change without being older, 0 to 1,000 |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlameParams {
    prior: f64,
    cause_limit: f64,
    regressed: f64,
    healthy: f64,
    recent: f64,
    recent_half_life_secs: f64,
    veto: f64,
    steps_slack: u32,
}

impl Default for BlameParams {
    fn default() -> Self {
        Self {
            prior: -1.0,
            cause_limit: 2.0,
            regressed: 4.0,
            healthy: -3.0,
            recent: 1.0,
            recent_half_life_secs: 600.0,
            veto: -4.0,
            steps_slack: 2,
        }
    }
}

impl BlameParams {
    /// With another prior of any change.
    #[must_use]
    pub fn prior(mut self, log_odds: f64) -> Self {
        self.prior = log_odds;
        self
    }

    pub(crate) fn check(&self) -> Result<(), ParamError> {
        in_range("blame.prior", self.prior, -20.0, 20.0)?;
        in_range("blame.cause_limit", self.cause_limit, 0.0, 20.0)?;
        in_range("blame.regressed", self.regressed, 0.0, 20.0)?;
        in_range("blame.healthy", self.healthy, -20.0, 0.0)?;
        in_range("blame.recent", self.recent, 0.0, 20.0)?;
        positive("blame.recent_half_life_secs", self.recent_half_life_secs)?;
        in_range("blame.veto", self.veto, -20.0, 0.0)?;
        in_range("blame.steps_slack", f64::from(self.steps_slack), 0.0, 1e3)?;
        Ok(())
    }
}

/// Gives each active change a probability of being the cause.
///
/// The log-odds of a change add up from: its service's score as a cause (a quarter of it, limited);
/// the verdict on its new instances against its old ones; the time from its start to the onset of
/// the fault, with a veto for faults that are older than it (as in Gandalf, Li et al. 2020, and
/// `ChangeRCA`, Yu et al. 2024). The probabilities of all changes and of "no change" sum to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeBlame {
    params: BlameParams,
}

impl ChangeBlame {
    pub(crate) fn new(params: BlameParams) -> Self {
        Self { params }
    }

    /// Adds blamed changes to a diagnosis, best first; with none that is more likely than "no
    /// change", the diagnosis says so. `O(C · (log C + A))` for C changes and A anomalies.
    pub(crate) fn blame(
        &self,
        graph: &TemporalGraph,
        incident: &Incident,
        diagnosis: &mut Diagnosis,
    ) {
        let active = active_changes(graph, incident);
        let mut weighed: Vec<(f64, BlamedChange)> = active
            .values()
            .map(|start| self.weigh(graph, incident, diagnosis, start))
            .collect();
        let total = 1.0
            + weighed
                .iter()
                .map(|(log_odds, _)| log_odds.exp())
                .sum::<f64>();
        weighed
            .sort_by(|a, b| order::descending(a.0, b.0).then_with(|| a.1.change.cmp(&b.1.change)));
        if weighed.first().is_none_or(|(log_odds, _)| *log_odds < 0.0) && !active.is_empty() {
            diagnosis
                .abstained
                .get_or_insert(Abstention::NoChangeExplains);
        }
        diagnosis.changes = weighed
            .into_iter()
            .map(|(log_odds, mut blamed)| {
                blamed.probability = Some(log_odds.exp() / total);
                blamed
            })
            .collect();
    }

    fn weigh(
        &self,
        graph: &TemporalGraph,
        incident: &Incident,
        diagnosis: &Diagnosis,
        start: &ChangeEvent,
    ) -> (f64, BlamedChange) {
        let p = &self.params;
        let mut log_odds = p.prior;
        let mut evidence = Vec::new();
        let cause = diagnosis
            .causes
            .iter()
            .find(|c| *c.subject.node() == start.service);
        let as_cause = cause.map_or(-p.cause_limit, |c| c.score / 4.0);
        log_odds += as_cause.clamp(-p.cause_limit, p.cause_limit);
        let verdicts = incident
            .assessments
            .iter()
            .filter(|a| a.change.as_ref() == Some(&start.id));
        for assessment in verdicts {
            log_odds += match assessment.verdict {
                Verdict::Regressed => p.regressed,
                Verdict::Healthy => p.healthy,
                Verdict::Inconclusive | Verdict::NoData => 0.0,
            };
            evidence.extend(assessment.anomalies.iter().flat_map(|a| a.evidence.clone()));
        }
        if let Some(onset) = incident.onset() {
            let slack = graph.step() * p.steps_slack;
            if onset.plus(slack) < start.at {
                log_odds += p.veto;
                let lead = start.at.since(onset);
                evidence.push(Evidence::OlderThanChange {
                    change: start.id.clone(),
                    lead,
                });
            } else {
                let delay = onset.since(start.at);
                log_odds += p.recent * (-delay.as_secs_f64() / p.recent_half_life_secs).exp2();
                evidence.push(Evidence::ChangedBefore {
                    change: start.id.clone(),
                    delay,
                });
            }
        }
        let blamed = BlamedChange::new(start.id.clone(), start.service.clone(), None)
            .hurting(collateral(graph, &incident.assessments, &start.service))
            .because(evidence);
        (log_odds, blamed)
    }
}

/// First step of every change of the incident's time that was not rolled back since.
fn active_changes(graph: &TemporalGraph, incident: &Incident) -> BTreeMap<ChangeId, ChangeEvent> {
    let (start, end) = (incident.healthy.start, incident.abnormal.end);
    let Ok(range) = TimeRange::new(start.min(incident.abnormal.start), end) else {
        return BTreeMap::new();
    };
    let mut active = BTreeMap::new();
    for event in graph.changes(range) {
        if event.phase == ChangePhase::RolledBack {
            active.remove(&event.id);
        } else {
            active
                .entry(event.id.clone())
                .or_insert_with(|| event.clone());
        }
    }
    active
}

/// Anomalous nodes that a fault of this service can have reached.
fn collateral(
    graph: &TemporalGraph,
    assessments: &[Assessment],
    service: &NodeKey,
) -> Vec<NodeKey> {
    let Some(id) = graph.id(service) else {
        return Vec::new();
    };
    let anomalies = assessments
        .iter()
        .filter(|a| a.change.is_none())
        .flat_map(|a| &a.anomalies);
    let mut anomalous: Vec<&NodeKey> = anomalies.map(|a| a.subject.node()).collect();
    anomalous.sort();
    let reached = graph
        .blast_radius(id)
        .into_keys()
        .filter_map(|id| graph.key(id));
    let others = reached.filter(|key| *key != service && anomalous.binary_search(key).is_ok());
    others.cloned().collect()
}
