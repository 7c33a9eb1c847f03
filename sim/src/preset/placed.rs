//! Presets in which a place is at fault and no release.

use std::time::Duration;

use astern_graph_core::{EdgeKind, NodeKey, NodeKind, Subject};

use super::{Draw, Preset};
use crate::fault::{FaultKind, PlaceFault};
use crate::law::TimeLaw;
use crate::resilience::{CacheAside, Retries};
use crate::scenario::Scenario;
use crate::topology::{CallSpec, HostSpec, ServiceSpec, Topology};

/// Machines of the preset that has any, and cores of each.
const HOSTS: [&str; 3] = ["host-1", "host-2", "host-3"];
const CORES: f64 = 8.0;

/// What the entry calls for most requests.
const CALLEES: [&str; 4] = ["product-catalogue", "currency", "recommendation", "ads"];

/// The service that the metastable preset overloads.
const FRAGILE: &str = "product-catalogue";

pub(super) fn scenario(preset: Preset, draw: &mut Draw) -> Scenario {
    let mut scenario = Scenario::benign(draw.seed);
    if preset == Preset::Metastable {
        make_fragile(&mut scenario);
    }
    let starts = draw.onset(&scenario);
    let callee = draw.one(CALLEES);
    let edge = Subject::Edge {
        from: NodeKey::service("frontend"),
        to: NodeKey::service(callee),
        kind: EdgeKind::Calls,
    };
    let topology = &mut scenario.topology;
    let incident = match preset {
        Preset::NoisyNeighbour => {
            put_on_hosts(topology);
            let host = NodeKey::new(NodeKind::Host, draw.one(HOSTS));
            let workers = draw.between(24.0, 40.0).round();
            PlaceFault::new(Subject::Node(host), FaultKind::Hogs { workers }, starts)
        }
        Preset::NetworkDelay => {
            let ms = draw.between(80.0, 200.0);
            PlaceFault::new(edge, FaultKind::NetworkDelay { ms }, starts)
        }
        Preset::LostCalls => {
            let to_callee = |call: &&mut CallSpec| &*call.to == callee;
            let services = topology.services.iter_mut();
            let calls = services.flat_map(|spec| spec.steps.iter_mut().flatten());
            for call in calls.filter(to_callee) {
                call.timeout = Some(Duration::from_secs(1));
            }
            let share = draw.between(0.2, 0.5);
            PlaceFault::new(edge, FaultKind::Lost { share }, starts)
        }
        Preset::Outage => {
            let down = NodeKey::instance(format!("{callee}-v1-1"));
            PlaceFault::new(Subject::Node(down), FaultKind::Down, starts)
        }
        Preset::CacheFlush => {
            put_store_behind_cache(topology);
            let cache = NodeKey::new(NodeKind::Cache, "cart-cache");
            PlaceFault::new(Subject::Node(cache), FaultKind::Flush, starts)
        }
        Preset::Metastable => {
            let slow = FaultKind::Capacity {
                factor: draw.between(4.0, 6.0),
            };
            let fragile = Subject::Node(NodeKey::service(FRAGILE));
            PlaceFault::new(fragile, slow, starts).lasts(Duration::from_secs(60))
        }
        _ => {
            let factor = draw.between(2.5, 4.0);
            let slow = FaultKind::Slower { factor };
            PlaceFault::new(Subject::Node(NodeKey::service(callee)), slow, starts)
        }
    };
    scenario.incident = Some(incident);
    scenario
}

fn put_on_hosts(topology: &mut Topology) {
    topology.hosts = HOSTS.map(|name| HostSpec::new(name, CORES)).into();
    for (index, spec) in topology.services.iter_mut().enumerate() {
        // Each service begins with another machine, so that no machine has all the first instances.
        let mut hosts = HOSTS;
        hosts.rotate_left(index % HOSTS.len());
        spec.hosts = hosts.into_iter().map(Into::into).collect();
    }
}

/// A database of carts that is asked for what the cache does not have.
fn put_store_behind_cache(topology: &mut Topology) {
    let work = TimeLaw::LogNormal {
        mean_ms: 120.0,
        sigma: 0.5,
    };
    let store = ServiceSpec::new(NodeKey::new(NodeKind::Database, "carts-db"), work);
    topology.services.push(store.workers(20));
    let get = |call: &&mut CallSpec| &*call.to == "cart-cache" && &*call.operation == "Get";
    let services = topology.services.iter_mut();
    for call in services
        .flat_map(|spec| spec.steps.iter_mut().flatten())
        .filter(get)
    {
        let select = CallSpec::new("carts-db", "Select");
        let cache = CacheAside::new(0.95, select).warm(Duration::from_secs(240));
        call.cache = Some(cache);
    }
}

/// One instance that is busy for 60 % of the time, and callers that try five times at once.
fn make_fragile(scenario: &mut Scenario) {
    scenario.healthy = Duration::from_secs(600);
    scenario.span = Duration::from_secs(1_500);
    scenario.load.per_second = 12.0;
    scenario.load.drift = None;
    for release in &mut scenario.releases {
        release.starts = scenario.healthy;
    }
    for spec in &mut scenario.topology.services {
        if &*spec.key.name == FRAGILE {
            (spec.instances, spec.workers) = (1, 1);
        } else {
            spec.workers = 1_000;
        }
        for call in spec.steps.iter_mut().flatten() {
            if &*call.to == FRAGILE {
                call.timeout = Some(Duration::from_secs(1));
                call.retries = Some(Retries::at_once(5));
            }
        }
    }
    // A release of its only instance would be another question.
    let fragile = |name: &str| name == FRAGILE;
    scenario
        .releases
        .retain(|release| !fragile(&release.service.name));
}
