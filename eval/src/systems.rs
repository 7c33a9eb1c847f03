//! The systems that generated incidents happen on, and what is drawn on them.

use astern_graph_core::{NodeKey, NodeKind};
use astern_sim::{FaultKind, Topology};
use astern_stats::rng::ChaCha8Rng;
use rand::RngExt as _;

use crate::EvalError;

/// Requests per second.
pub(crate) const PER_SECOND: f64 = 2.0;

/// How many times that rate the systems are sized for, so that a surge overloads nothing.
const ROOM: f64 = 3.5;

/// Number of systems.
pub(crate) const SYSTEMS: usize = 3;

/// A system by its number, with its name.
pub(crate) fn system(number: usize) -> (&'static str, Topology) {
    match number % SYSTEMS {
        0 => ("boutique", Topology::boutique()),
        1 => ("sock shop", Topology::sock_shop()),
        _ => ("train ticket", Topology::train_ticket()),
    }
}

/// A system that is large enough for the load.
pub(crate) fn sized(topology: Topology) -> Result<Topology, EvalError> {
    Ok(topology.sized_for(PER_SECOND * ROOM, 0.7)?)
}

/// A service that many requests need.
#[derive(Debug, Clone)]
pub(crate) struct Busy {
    pub(crate) service: NodeKey,
    pub(crate) instances: u32,
    pub(crate) work_ms: f64,
}

/// Services that every fifth request or more needs and that others call.
pub(crate) fn busy_services(topology: &Topology) -> Result<Vec<Busy>, EvalError> {
    let visits = topology.visits()?;
    let services = topology.services.iter().zip(visits);
    let busy = services.filter(|(spec, visits)| {
        spec.key.kind == NodeKind::Service && *visits >= 0.2 && spec.key.name != topology.entry
    });
    Ok(busy
        .map(|(spec, _)| Busy {
            service: spec.key.clone(),
            instances: spec.instances,
            work_ms: spec.work.mean_ms(),
        })
        .collect())
}

/// A fault of a release: as [`Scenario::releases`] draws it, its strength between what is barely and what
/// is plainly seen.
pub(crate) fn fault(work_ms: f64, rng: &mut ChaCha8Rng) -> FaultKind {
    let (kind, strength) = (rng.random_range(0..6), rng.random::<f64>());
    let between = |low: f64, high: f64| ((low + strength * (high - low)) * 1e3).round() / 1e3;
    match kind {
        0 => FaultKind::Slower {
            factor: between(1.5, 3.0),
        },
        1 => FaultKind::Delay {
            ms: between(0.5 * work_ms, 3.0 * work_ms),
        },
        2 => FaultKind::Errors {
            share: between(0.05, 0.3),
        },
        3 => FaultKind::Tail {
            share: between(0.02, 0.06),
            factor: between(6.0, 15.0),
        },
        4 => FaultKind::Capacity {
            factor: between(1.5, 3.0),
        },
        _ => FaultKind::Leak {
            per_minute: between(0.1, 0.3),
        },
    }
}
