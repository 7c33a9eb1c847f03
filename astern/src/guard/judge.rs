//! The stages with their parameters checked, and what they make of an assessment.

use std::time::Duration;

use astern_detect::release::AnyReleaseJudge;
use astern_graph_core::signal::{Assessment, Diagnosis, MissingEvidence, Verdict};
use astern_graph_core::{NodeKind, TemporalGraph, TimeRange, Timestamp};
use astern_rollback_policy::{Impact, InfluenceWeights, Planner, Policy, Risk};

use super::params::GuardParams;
use crate::error::Error;

/// How far back traffic is measured for the share of users that a fault hits.
const TRAFFIC_WINDOW: Duration = Duration::from_secs(600);

/// Stages that follow from the parameters alone.
#[derive(Debug)]
pub(super) struct Stages {
    pub(super) release: AnyReleaseJudge,
    pub(super) policy: Policy,
    pub(super) planner: Planner,
}

impl Stages {
    pub(super) fn new(params: &GuardParams) -> Result<Self, Error> {
        Ok(Self {
            release: params.release.clone().check()?,
            policy: Policy::new(params.policy.clone())?,
            planner: Planner::new(params.planner.clone())?,
        })
    }

    /// The risk: severity of the worst anomaly times its persistence; while a regression is
    /// confirmed, also the share of the traffic that the blamed service can drag down times the
    /// probability that its change is the cause.
    pub(super) fn risk(
        &self,
        graph: &TemporalGraph,
        overall: &Assessment,
        diagnosis: Option<&Diagnosis>,
        persistence: f64,
        now: Timestamp,
    ) -> Result<Risk, Error> {
        let severities = overall.anomalies.iter().filter_map(|anomaly| {
            let threshold = anomaly.threshold?;
            Some(self.policy.risk().severity(anomaly.score, threshold))
        });
        let severity = severities.fold(0.0, f64::max);
        let risk = Risk::new(severity, persistence)?;
        let blamed = diagnosis.and_then(|diagnosis| diagnosis.changes.first());
        match blamed.and_then(|blamed| blamed.probability.map(|p| (&blamed.service, p))) {
            Some((service, probability)) if overall.verdict == Verdict::Regressed => {
                let range = TimeRange::new(now.minus(TRAFFIC_WINDOW), now).ok();
                let share = range.and_then(|range| share_at_risk(graph, service, range));
                Ok(risk.in_segment(share.unwrap_or(0.0), probability)?)
            }
            _ => Ok(risk),
        }
    }
}

/// The verdict over the system and its changes together: a regression of any is one of the whole, a change whose new side
/// should be seen and is not leaves a healthy system without data, and what could not be seen is kept.
pub(super) fn overall(assessments: &[Assessment]) -> Assessment {
    let regressed = |a: &&Assessment| a.verdict == Verdict::Regressed;
    let of_system = assessments.iter().find(|a| a.change.is_none());
    let silent: Vec<MissingEvidence> = assessments.iter().filter_map(silence).cloned().collect();
    let of_all = of_system.map_or(Verdict::NoData, |a| a.verdict);
    let verdict = match (assessments.iter().any(|a| regressed(&a)), of_all) {
        (true, _) => Verdict::Regressed,
        (false, Verdict::Healthy) if !silent.is_empty() => Verdict::NoData,
        (false, of_all) => of_all,
    };
    let anomalies = assessments
        .iter()
        .filter(|a| a.change.is_none() || regressed(a))
        .flat_map(|a| a.anomalies.clone());
    let mut overall = Assessment::new(verdict)
        .with_anomalies(anomalies.collect())
        .without(silent);
    overall.source_faults = of_system
        .map(|a| a.source_faults.clone())
        .unwrap_or_default();
    overall
}

/// What is missing of a change whose new side, or an instance of it that never was, should be seen and is not. An instance
/// that is no longer seen may have been removed: it keeps the change from being healthy, and holds nothing else.
pub(super) fn silence(assessment: &Assessment) -> Option<&MissingEvidence> {
    let is_silence = |missing: &&MissingEvidence| {
        matches!(
            missing,
            MissingEvidence::Traffic { .. }
                | MissingEvidence::Telemetry { .. }
                | MissingEvidence::InstanceTraffic { .. }
        )
    };
    assessment.missing.iter().find(is_silence)
}

/// Share of all calls per second that are received by what a fault of this service can reach.
fn share_at_risk(
    graph: &TemporalGraph,
    service: &astern_graph_core::NodeKey,
    range: TimeRange,
) -> Option<f64> {
    let at_risk = Impact::of(graph, service, range, &InfluenceWeights::full())
        .ok()?
        .score;
    let services = graph
        .keys()
        .iter()
        .filter(|key| key.kind != NodeKind::Instance);
    let calls = services
        .filter_map(|key| graph.calls_received(key, range))
        .map(|c| c.calls);
    let total = calls.sum::<u64>() as f64 / range.span().as_secs_f64();
    (total > 0.0).then(|| (at_risk / total).clamp(0.0, 1.0))
}
