//! The rules of a scenario, checked once, when a simulator is made.

use std::collections::BTreeSet;
use std::time::Duration;

use astern_graph_core::{ChangeKind, Timestamp};
use astern_stats::ParamError;
use astern_stats::param::{in_range, positive};

use crate::error::SimError;
use crate::fault::{AnyFault, PlaceFault};
use crate::resilience;
use crate::scenario::{Release, Scenario};
use crate::start_up::StartUp;
use crate::topology::{HostSpec, ServiceSpec};

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
    for machine in &scenario.topology.hosts {
        host(machine).map_err(of(&format!("host `{}`", machine.name)))?;
    }
    once("host", scenario.topology.hosts.iter().map(|h| &*h.name))?;
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
    scenario.load.check().map_err(of("the load"))?;
    once("segment", scenario.load.segments.iter().map(|s| &*s.name))?;
    for change in &scenario.releases {
        release(change, scenario).map_err(of(&format!("change `{}`", change.id)))?;
    }
    once("change", scenario.releases.iter().map(|r| r.id.as_str()))?;
    let released = scenario.releases.iter().map(|r| &*r.service.name);
    once("released service", released)?;
    for lost in &scenario.blackouts {
        lost.check(scenario.span).map_err(of("a blackout"))?;
    }
    let further = scenario.further.len() as f64;
    in_range("number of further faults", further, 0.0, 100.0).map_err(of("the scenario"))?;
    for wrong in scenario.faults() {
        match wrong {
            AnyFault::Release(fault) => fault.kind.check().map_err(of("the fault"))?,
            AnyFault::Place(place) => incident(&place, scenario).map_err(of("the incident"))?,
        }
    }
    Ok(())
}

fn of(part: &str) -> impl FnOnce(ParamError) -> SimError {
    let part = part.to_owned();
    |cause| SimError::Param { part, cause }
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

pub(crate) fn service(spec: &ServiceSpec) -> Result<(), ParamError> {
    in_range("instances", f64::from(spec.instances), 1.0, 1e3)?;
    in_range("workers", f64::from(spec.workers), 1.0, 1e4)?;
    spec.work.check()?;
    for speed in &spec.speeds {
        in_range("speed of an instance", *speed, 0.1, 10.0)?;
    }
    in_range("client_errors", spec.client_errors, 0.0, 1.0)?;
    spec.start_up.map_or(Ok(()), StartUp::check)?;
    if let Some(limit) = spec.queue_limit {
        in_range("queue_limit", f64::from(limit), 0.0, 1e7)?;
    }
    let mut calls = spec.steps.iter().flatten();
    calls.try_for_each(resilience::check)
}

fn host(host: &HostSpec) -> Result<(), ParamError> {
    in_range("cores", host.cores, 0.01, 1e4).map(drop)
}

fn release(release: &Release, scenario: &Scenario) -> Result<(), ParamError> {
    let (healthy, span) = (seconds(scenario.healthy), seconds(scenario.span));
    in_range("starts in seconds", seconds(release.starts), healthy, span)?;
    in_range("pause in seconds", seconds(release.pause), 1e-3, 1e9)?;
    let (batches, shares) = (release.batches.len() as f64, release.traffic.len() as f64);
    let (batches_of, shares_of) = match release.kind {
        ChangeKind::FeatureFlag { .. } => ((0.0, 0.0), (1.0, 1e3)),
        ChangeKind::BlueGreen => ((1.0, 1.0), (0.0, 0.0)),
        ChangeKind::Canary if shares > 0.0 => ((1.0, 1e3), (batches, batches)),
        _ => ((1.0, 1e3), (0.0, 0.0)),
    };
    in_range("number of batches", batches, batches_of.0, batches_of.1)?;
    in_range("shares of traffic", shares, shares_of.0, shares_of.1)?;
    let work = if release.is_flag() {
        (1.0, 1.0)
    } else {
        (0.5, 2.0)
    };
    in_range("work_factor", release.work_factor, work.0, work.1)?;
    for batch in &release.batches {
        in_range("instances of a batch", f64::from(*batch), 1.0, 1e3)?;
    }
    Ok(())
}

fn incident(incident: &PlaceFault, scenario: &Scenario) -> Result<(), ParamError> {
    let (starts, span) = (seconds(incident.starts), seconds(scenario.span));
    in_range("starts in seconds", starts, 0.0, span)?;
    let lasts = incident.lasts.map_or(1.0, seconds);
    in_range("lasts in seconds", lasts, 1e-3, f64::INFINITY)?;
    incident.kind.check()
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
