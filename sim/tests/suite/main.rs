//! The simulator as its users see it.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod closed_loop;
mod coarse;
mod determinism;
mod executor;
mod export;
mod faults;
mod queueing;
mod refusals;
mod topologies;

use std::time::Duration;

use astern_graph_core::{Call, NodeKey, Record};
use astern_sim::{ServiceSpec, TimeLaw, Topology};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn exponential(name: &str, mean_ms: f64) -> ServiceSpec {
    ServiceSpec::new(NodeKey::service(name), TimeLaw::Exponential { mean_ms })
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
