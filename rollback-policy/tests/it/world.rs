//! Small worlds for the other tests: graphs, releases, blame.

use std::time::Duration;

use astern_graph_core::signal::{Assessment, BlamedChange, Diagnosis, Verdict};
use astern_graph_core::{
    Call, ChangeEvent, EdgeKind, GraphBuilder, GraphParams, NodeKey, Party, TemporalGraph,
    TimeRange, Timestamp,
};
use astern_rollback_policy::{Plan, PlanError, Planner, PlannerParams};

pub(crate) fn service(name: &str) -> NodeKey {
    NodeKey::service(name)
}

pub(crate) fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

/// When plans are made in these tests.
pub(crate) const NOW: i64 = 600;

pub(crate) fn last_minute() -> TimeRange {
    TimeRange::new(at(NOW - 60), at(NOW)).unwrap()
}

/// A graph of callers and callees with the calls between them in the last minute.
pub(crate) fn graph(calls: &[(&str, &str, u32)]) -> TemporalGraph {
    let params = GraphParams::default().step(Duration::from_secs(10));
    let mut builder = GraphBuilder::new(params).unwrap();
    for (caller, callee, count) in calls {
        builder.declare_edge(service(caller), service(callee), EdgeKind::Calls);
        builder.extend((0..*count).map(|i| {
            let when = at(NOW - 60).plus(Duration::from_secs(60) * i / (*count).max(1));
            Call::new(when, Party::new(service(callee)))
                .from(Party::new(service(caller)))
                .into()
        }));
    }
    builder.build()
}

/// edge calls left and right, both call base; right has more traffic.
pub(crate) fn diamond() -> TemporalGraph {
    graph(&[
        ("edge", "left", 60),
        ("edge", "right", 600),
        ("left", "base", 60),
        ("right", "base", 600),
    ])
}

/// A release of a service from revision `<name>-1` to `<name>-2`.
pub(crate) fn release(name: &str) -> ChangeEvent {
    let revision = |number| format!("{name}-{number}").as_str().into();
    let id = format!("{name}@2");
    ChangeEvent::new(
        id.as_str(),
        at(100),
        service(name),
        Some(revision(1)),
        revision(2),
    )
}

pub(crate) fn blame(change: &ChangeEvent, probability: f64) -> BlamedChange {
    BlamedChange::new(change.id.clone(), change.service.clone(), Some(probability))
}

pub(crate) fn regressed() -> Assessment {
    Assessment::new(Verdict::Regressed)
}

/// The plan for changes that are all blamed with 90 %.
pub(crate) fn plan_for(graph: &TemporalGraph, changes: &[ChangeEvent]) -> Result<Plan, PlanError> {
    plan_with(PlannerParams::default(), graph, changes)
}

pub(crate) fn plan_with(
    params: PlannerParams,
    graph: &TemporalGraph,
    changes: &[ChangeEvent],
) -> Result<Plan, PlanError> {
    let diagnosis = Diagnosis::new(vec![], changes.iter().map(|c| blame(c, 0.9)).collect());
    Planner::new(params)
        .unwrap()
        .plan(graph, &regressed(), &diagnosis, changes, at(NOW))
}

/// The actions of a plan as text, each with the steps that it comes after.
pub(crate) fn outline(plan: &Plan) -> Vec<String> {
    let line = |step: &astern_rollback_policy::Step| {
        let after: Vec<String> = step.after.iter().map(ToString::to_string).collect();
        match after.as_slice() {
            [] => step.action.to_string(),
            after => format!("{} after {}", step.action, after.join(",")),
        }
    };
    plan.steps.iter().map(line).collect()
}

pub(crate) fn rejected(plan: &Plan) -> Vec<String> {
    plan.rejected.iter().map(ToString::to_string).collect()
}
