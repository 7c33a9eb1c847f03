//! Built-in topologies, one a file, and how large a topology must be for its load.

mod boutique;
mod flow;
mod generated;
mod sizing;
mod sock_shop;
mod train_ticket;

pub(crate) use flow::Flow;

use astern_graph_core::{NodeKey, NodeKind};

use crate::law::TimeLaw;
use crate::topology::ServiceSpec;

/// Spread of the work of every service: the 95 % quantile is 2.0 times the mean.
const SIGMA: f64 = 0.5;

fn service(name: &str, instances: u32, workers: u32, mean_ms: f64) -> ServiceSpec {
    node(NodeKind::Service, name, instances, workers, mean_ms)
}

fn database(name: &str, instances: u32, workers: u32, mean_ms: f64) -> ServiceSpec {
    node(NodeKind::Database, name, instances, workers, mean_ms)
}

fn node(kind: NodeKind, name: &str, instances: u32, workers: u32, mean_ms: f64) -> ServiceSpec {
    let work = TimeLaw::LogNormal {
        mean_ms,
        sigma: SIGMA,
    };
    ServiceSpec::new(NodeKey::new(kind, name), work)
        .instances(instances)
        .workers(workers)
}
