//! Presets in which a release is bad.

use std::time::Duration;

use astern_graph_core::{NodeKey, Reversibility, Subject, TrafficShare};

use super::{Draw, Preset};
use crate::fault::{Fault, FaultKind, PlaceFault, Scope};
use crate::load;
use crate::scenario::{Release, Scenario};
use crate::topology::digest;

/// Services that enough requests need for a fault to be seen in some minutes.
const SERVICES: [&str; 6] = [
    "frontend",
    "cart",
    "recommendation",
    "product-catalogue",
    "currency",
    "ads",
];

/// Those of them that call others.
const CALLERS: [&str; 3] = ["frontend", "cart", "recommendation"];

/// Services that are asked for two things, and one of these.
const OPERATIONS: [(&str, &str); 4] = [
    ("product-catalogue", "ListProducts"),
    ("product-catalogue", "GetProduct"),
    ("currency", "GetSupportedCurrencies"),
    ("cart", "GetCart"),
];

pub(super) fn scenario(preset: Preset, draw: &mut Draw) -> Scenario {
    let mut scenario = Scenario::benign(draw.seed);
    let (service, scope) = place(preset, draw);
    let work_ms = scenario
        .topology
        .services
        .iter()
        .find(|spec| &*spec.key.name == service)
        .map_or(0.0, |spec| spec.work.mean_ms());
    let kind = kind(preset, work_ms, draw);
    let release = release(preset, service, &scenario, draw);
    let fault = Fault::new(release.id.clone(), kind).only(scope);
    match preset {
        Preset::Segment => {
            scenario.load.segments = vec![
                load::Segment::new("web", 2.0),
                load::Segment::new("app", 1.0),
            ];
        }
        Preset::ClientErrors => {
            for spec in &mut scenario.topology.services {
                spec.client_errors = draw.between(0.02, 0.05);
            }
        }
        Preset::TwoIncidents => {
            let others =
                SERVICES_CALLED.map(|other| if other == service { "shipping" } else { other });
            let other = Subject::Node(NodeKey::service(draw.one(others)));
            let slower = FaultKind::Slower {
                factor: draw.between(2.5, 4.0),
            };
            let starts = draw.onset(&scenario);
            scenario.incident = Some(PlaceFault::new(other, slower, starts));
        }
        // One worker for each instance is enough for two requests per second.
        Preset::FewerWorkers => scenario.load.per_second = 8.0,
        _ => {}
    }
    // One release a service; the others stay benign.
    scenario
        .releases
        .retain(|other| &*other.service.name != service);
    scenario.releases.truncate(2);
    scenario.releases.push(release);
    scenario.fault = Some(fault);
    scenario
}

fn place(preset: Preset, draw: &mut Draw) -> (&'static str, Scope) {
    match preset {
        Preset::Operation => {
            let (service, operation) = draw.one(OPERATIONS);
            (service, Scope::operation(operation))
        }
        Preset::Segment => (draw.one(SERVICES), Scope::segment("app")),
        Preset::RetryStorm => (draw.one(CALLERS), Scope::default()),
        Preset::FewerWorkers => ("frontend", Scope::default()),
        // Users see no values, so a caller must.
        Preset::WrongValues => (draw.one(SERVICES_CALLED), Scope::default()),
        _ => (draw.one(SERVICES), Scope::default()),
    }
}

/// Services that others call.
const SERVICES_CALLED: [&str; 5] = [
    "cart",
    "recommendation",
    "product-catalogue",
    "currency",
    "ads",
];

fn kind(preset: Preset, work_ms: f64, draw: &mut Draw) -> FaultKind {
    match preset {
        Preset::Cpu => FaultKind::Capacity {
            factor: draw.between(2.0, 4.0),
        },
        Preset::MemoryLeak => FaultKind::Leak {
            per_minute: draw.between(0.3, 0.6),
        },
        Preset::WrongValues => FaultKind::WrongValues {
            share: draw.between(0.2, 0.5),
        },
        Preset::SlowStart => FaultKind::SlowStart {
            factor: draw.between(6.0, 12.0),
            minutes: draw.between(3.0, 5.0),
        },
        Preset::Tail => FaultKind::Tail {
            share: draw.between(0.02, 0.05),
            factor: draw.between(15.0, 30.0),
        },
        Preset::RetryStorm => FaultKind::Retries {
            attempts: draw.one([4, 5, 6]),
            timeout_ms: draw.between(3.0, 5.0),
        },
        Preset::FewerWorkers => FaultKind::Workers { left: 1 },
        Preset::ClientErrors => FaultKind::ClientErrors {
            share: draw.between(0.3, 1.0),
        },
        Preset::NotReady => FaultKind::NotReady,
        Preset::RefusedCalls => FaultKind::Refused { share: 1.0 },
        Preset::Errors
        | Preset::ForwardOnly
        | Preset::Canary
        | Preset::Flag
        | Preset::TwoIncidents => FaultKind::Errors {
            share: draw.between(0.2, 0.5),
        },
        _ => FaultKind::Delay {
            ms: (draw.between(2.0, 4.0) * work_ms).round(),
        },
    }
}

fn release(preset: Preset, service: &str, scenario: &Scenario, draw: &mut Draw) -> Release {
    let spec = scenario.topology.services.iter();
    let spec = spec.filter(|spec| &*spec.key.name == service);
    let instances = spec.map(|spec| spec.instances).sum();
    let id = format!("{service}-release-{}", draw.seed);
    let to = digest(service, &format!("of seed {}", draw.seed));
    let starts = draw.onset(scenario);
    let key = NodeKey::service(service);
    let one_by_one = vec![1; instances as usize];
    let release = Release::new(id.as_str(), key, to.clone(), starts, one_by_one);
    let release = release.pause(draw.seconds(60, 120));
    match preset {
        Preset::ForwardOnly => {
            // All at once: the old revision fails as soon as the data is changed.
            let min_compatible = to;
            let release = Release {
                batches: vec![instances],
                ..release
            };
            release.undo(Reversibility::ForwardOnly { min_compatible })
        }
        Preset::NotReady => {
            // A rollout goes no further than an instance that is not ready.
            let release = Release {
                batches: vec![1],
                ..release
            };
            release.canary(shares([2_000]))
        }
        Preset::Canary | Preset::RefusedCalls => {
            let release = Release {
                batches: vec![1, 1, instances - 2],
                ..release
            };
            let shares = shares([500, 2_000, 5_000]);
            release.canary(shares).pause(Duration::from_secs(240))
        }
        Preset::BlueGreen => release.blue_green(instances),
        Preset::Flag => {
            let release = release.pause(Duration::from_secs(240));
            release.flag(format!("new-{service}"), shares([1_000, 3_000, 10_000]))
        }
        _ => release,
    }
}

fn shares<const N: usize>(basis_points: [u16; N]) -> Vec<TrafficShare> {
    let share = |points| TrafficShare::basis_points(points).unwrap_or_default();
    basis_points.into_iter().map(share).collect()
}
