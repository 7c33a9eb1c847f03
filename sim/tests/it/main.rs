//! The simulator as its users see it.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod client_errors;
mod closed_loop;
mod coarse;
mod conforming;
mod determinism;
mod differences;
mod executor;
mod export;
mod faults;
mod feed;
mod files;
mod incidents;
mod mechanisms;
mod platform;
mod presets;
mod queueing;
mod refusals;
mod refusals_mechanisms;
mod rollouts;
mod silence;
mod topologies;
mod two_incidents;

use std::time::Duration;

use astern_graph_core::{Call, CallStatus, NodeKey, Record};
use astern_sim::{Scenario, ServiceSpec, Simulation, TimeLaw, Topology};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn exponential(name: &str, mean_ms: f64) -> ServiceSpec {
    ServiceSpec::new(NodeKey::service(name), TimeLaw::Exponential { mean_ms })
}

/// Of work that always takes as long.
fn constant(name: &str, mean_ms: f64) -> ServiceSpec {
    let law = TimeLaw::LogNormal {
        mean_ms,
        sigma: 0.0,
    };
    ServiceSpec::new(NodeKey::service(name), law)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A system in which nothing takes time or fails but what the topology says.
fn quiet(topology: Topology, per_second: f64, span: u64) -> Scenario {
    let mut scenario = Scenario::new(topology, 1);
    scenario.network = TimeLaw::Exponential { mean_ms: 0.0 };
    scenario.background_errors = 0.0;
    scenario.propagation = 1.0;
    scenario.load.per_second = per_second;
    scenario.span = seconds(span);
    scenario.healthy = seconds(0);
    scenario
}

/// Calls to a service.
fn of<'a>(simulation: &'a Simulation, name: &'a str) -> impl Iterator<Item = &'a Call> {
    calls(&simulation.records).filter(move |call| &*call.callee.service.name == name)
}

fn failed(call: &Call) -> bool {
    call.status == CallStatus::Error
}

/// Share of the calls of which this is true.
fn share<'a>(calls: impl IntoIterator<Item = &'a Call>, is: impl Fn(&Call) -> bool) -> f64 {
    mean(calls.into_iter().map(|call| f64::from(u8::from(is(call)))))
}

/// One service, called by nobody but the users.
fn alone(name: &str, mean_ms: f64) -> Topology {
    Topology::new(name).with(exponential(name, mean_ms))
}

fn calls(records: &[Record]) -> impl Iterator<Item = &Call> {
    records.iter().filter_map(|record| match record {
        Record::Call(call) => Some(call),
        _ => None,
    })
}

/// As the callee saw it.
fn server_ms(call: &Call) -> f64 {
    call.server.unwrap().as_secs_f64() * 1e3
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.into_iter().collect();
    values.iter().sum::<f64>() / values.len() as f64
}
