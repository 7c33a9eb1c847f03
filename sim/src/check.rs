//! The rules of a scenario, checked once, when a simulator is made.

use std::collections::BTreeSet;
use std::time::Duration;

use astern_graph_core::Timestamp;
use astern_stats::ParamError;
use astern_stats::param::{in_range, positive};

use crate::error::SimError;
use crate::scenario::{Load, Release, Scenario};
use crate::topology::{CallSpec, ServiceSpec};

/// Longest span, seconds: 31 years.
const SPAN_SECS_MAX: f64 = 1e9;

/// Most instances of all services together.
const INSTANCES_MAX: f64 = 1e5;

/// Checks every value by itself. What refers to something else by name is checked as it is looked
/// up.
pub(crate) fn check(scenario: &Scenario) -> Result<(), SimError> {
    frame(scenario)?;
    for spec in &scenario.topology.services {
        service(spec).map_err(of(&format!("service `{}`", spec.key.name)))?;
    }
    let names = scenario.topology.services.iter().map(|s| &*s.key.name);
    once("service", names)?;
    let instances = scenario
        .topology
        .services
        .iter()
        .map(|s| f64::from(s.instances));
    in_range("instances of all", instances.sum(), 1.0, INSTANCES_MAX)
        .map_err(of("the topology"))?;
    Ok(())
}

/// Checks everything but the topology.
pub(crate) fn frame(scenario: &Scenario) -> Result<(), SimError> {
    times(scenario).map_err(of("the scenario"))?;
    rates(scenario).map_err(of("the scenario"))?;
    load(&scenario.load).map_err(of("the load"))?;
    for change in &scenario.releases {
        release(change, scenario).map_err(of(&format!("change `{}`", change.id)))?;
    }
    once("change", scenario.releases.iter().map(|r| r.id.as_str()))?;
    let released = scenario.releases.iter().map(|r| &*r.service.name);
    once("released service", released)?;
    match &scenario.fault {
        Some(fault) => fault.kind.check().map_err(of("the fault")),
        None => Ok(()),
    }
}

fn of(part: &str) -> impl FnOnce(ParamError) -> SimError {
    let part = part.to_owned();
    |source| SimError::Param { part, source }
}

fn times(scenario: &Scenario) -> Result<(), ParamError> {
    let left = Timestamp::MAX.since(scenario.start).as_secs_f64();
    let span = seconds(scenario.span);
    positive("span in seconds", span)?;
    in_range("span in seconds", span, 0.0, left.min(SPAN_SECS_MAX))?;
    in_range("healthy in seconds", seconds(scenario.healthy), 0.0, span)?;
    in_range("step in seconds", seconds(scenario.step), 1e-3, 86_400.0)?;
    scenario.network.check()
}

fn rates(scenario: &Scenario) -> Result<(), ParamError> {
    in_range("background_errors", scenario.background_errors, 0.0, 1.0)?;
    in_range("propagation", scenario.propagation, 0.0, 1.0)?;
    Ok(())
}

fn load(load: &Load) -> Result<(), ParamError> {
    positive("per_second", load.per_second)?;
    in_range("per_second", load.per_second, 0.0, 1e6)?;
    if let Some(drift) = load.drift {
        in_range("amplitude", drift.amplitude, 0.0, 0.9)?;
        in_range("period in seconds", seconds(drift.period), 1.0, 1e9)?;
    }
    Ok(())
}

pub(crate) fn service(spec: &ServiceSpec) -> Result<(), ParamError> {
    in_range("instances", f64::from(spec.instances), 1.0, 1e3)?;
    in_range("workers", f64::from(spec.workers), 1.0, 1e4)?;
    spec.work.check()?;
    spec.steps.iter().flatten().try_for_each(call)
}

fn call(call: &CallSpec) -> Result<(), ParamError> {
    in_range("probability", call.probability, 0.0, 1.0).map(drop)
}

fn release(release: &Release, scenario: &Scenario) -> Result<(), ParamError> {
    let (healthy, span) = (seconds(scenario.healthy), seconds(scenario.span));
    in_range("starts in seconds", seconds(release.starts), healthy, span)?;
    in_range("pause in seconds", seconds(release.pause), 1e-3, 1e9)?;
    in_range("number of batches", release.batches.len() as f64, 1.0, 1e3)?;
    for batch in &release.batches {
        in_range("instances of a batch", f64::from(*batch), 1.0, 1e3)?;
    }
    Ok(())
}

fn once<'a>(what: &'static str, names: impl Iterator<Item = &'a str>) -> Result<(), SimError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            let name = name.to_owned();
            return Err(SimError::Duplicate { what, name });
        }
    }
    Ok(())
}

fn seconds(span: Duration) -> f64 {
    span.as_secs_f64()
}
