//! What rates and means cannot show is refused, so that no setting is without effect.

use astern_graph_core::{ChangeKind, Reversibility};

use crate::coarse::model::can_show;
use crate::coarse::scenario::{CoarseError, CoarseScenario};
use crate::scenario::Release;
use crate::topology::{CallSpec, ServiceSpec};

/// Refuses the first part of a scenario that a coarse run would have to leave out.
pub(super) fn check(scenario: &CoarseScenario) -> Result<(), CoarseError> {
    let refused = |part: String, what| Err(CoarseError::CannotShow { part, what });
    if let Some(fault) = &scenario.fault {
        if !can_show(fault.kind) {
            return Err(CoarseError::Fault { kind: fault.kind });
        }
        if !fault.scope.is_all() {
            return refused("the fault".to_owned(), "a part of the calls alone");
        }
    }
    if !scenario.load.segments.is_empty() {
        return refused("the load".to_owned(), "user segments");
    }
    if !scenario.topology.hosts.is_empty() {
        return refused("the topology".to_owned(), "shared machines");
    }
    if scenario.network.squared_variation().is_infinite() {
        return refused("the network".to_owned(), "times without a variance");
    }
    for spec in &scenario.topology.services {
        let mut calls = spec.steps.iter().flatten();
        let found = of_service(spec).or_else(|| calls.find_map(of_call));
        if let Some(what) = found {
            return refused(format!("service `{}`", spec.key.name), what);
        }
    }
    for release in &scenario.releases {
        if let Some(what) = of_release(release) {
            return refused(format!("change `{}`", release.id), what);
        }
    }
    Ok(())
}

fn of_service(spec: &ServiceSpec) -> Option<&'static str> {
    [
        ("a limit on the queue", spec.queue_limit.is_some()),
        (
            "work without a variance",
            spec.work.squared_variation().is_infinite(),
        ),
        ("unequal instances", !spec.speeds.is_empty()),
        ("client errors", spec.client_errors > 0.0),
        ("starts of instances", spec.start_up.is_some()),
        ("consumed messages", !spec.consumes.is_empty()),
        ("shared machines", !spec.hosts.is_empty()),
    ]
    .into_iter()
    .find_map(|(what, there)| there.then_some(what))
}

fn of_call(call: &CallSpec) -> Option<&'static str> {
    [
        ("timeouts", call.timeout.is_some()),
        ("retries", call.retries.is_some()),
        ("breakers", call.breaker.is_some()),
        ("pools of connections", call.connections.is_some()),
        ("misses of a cache", call.cache.is_some()),
    ]
    .into_iter()
    .find_map(|(what, there)| there.then_some(what))
}

fn of_release(release: &Release) -> Option<&'static str> {
    let known = matches!(
        release.kind,
        ChangeKind::Rolling | ChangeKind::Canary | ChangeKind::Config
    );
    let forward = matches!(release.reversibility, Reversibility::ForwardOnly { .. });
    [
        ("releases other than rolling, canary and config", !known),
        ("shares of traffic", !release.traffic.is_empty()),
        ("changes of data", forward),
        ("other work", (release.work_factor - 1.0).abs() > 0.0),
    ]
    .into_iter()
    .find_map(|(what, there)| there.then_some(what))
}
