//! What is simulated: a system, its load, its releases and perhaps a fault.

use std::time::Duration;

use astern_graph_core::{ChangeId, ChangeKind, NodeKey, Reversibility, Revision, Timestamp};
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::law::TimeLaw;
use crate::topology::Topology;

/// Everything that a run depends on.
///
/// | field | default | rule |
/// |---|---|---|
/// | `start` | 2026-01-05T08:00:00Z | the span must end before the year 2262 |
/// | `healthy` | 30 min | releases start no earlier |
/// | `span` | 45 min | more than 0 and less than 10⁹ s |
/// | `step` | 30 s | 1 ms to 1 day |
/// | `load` | 2 requests per second | more than 0, at most 10⁶; see [`Drift`] |
/// | `balance` | in turn | |
/// | `network` | log-normal, mean 0.5 ms | see [`TimeLaw`] |
/// | `background_errors` | 0.1 % | 0 to 1 |
/// | `propagation` | 0.9 | 0 to 1 |
/// | `releases` | none | one for each service; see [`Release`] |
/// | `fault` | none | belongs to one of the releases |
/// | `events_max` | 10⁷ | bounds the time and memory of a run |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Scenario {
    /// Source of everything random in the run.
    pub seed: u64,
    /// The services.
    pub topology: Topology,
    /// When the run starts.
    pub start: Timestamp,
    /// How long nothing is released.
    pub healthy: Duration,
    /// Length of the whole run.
    pub span: Duration,
    /// Length of a step, at whose end metrics are read.
    pub step: Duration,
    /// Requests from outside.
    pub load: Load,
    /// How calls are spread over instances.
    pub balance: Balance,
    /// How long a message travels, one way.
    pub network: TimeLaw,
    /// Share of the calls that fails on any instance without a fault.
    pub background_errors: f64,
    /// Probability that a failed callee makes its caller fail.
    pub propagation: f64,
    /// What is released.
    pub releases: Vec<Release>,
    /// What is wrong with one of the releases, if anything is.
    pub fault: Option<Fault>,
    /// Most events that a simulator may take.
    pub events_max: u64,
}

impl Scenario {
    /// A system under the default load, without releases.
    pub fn new(topology: Topology, seed: u64) -> Self {
        Self {
            seed,
            topology,
            start: Timestamp::from_secs(1_767_600_000),
            healthy: Duration::from_secs(30 * 60),
            span: Duration::from_secs(45 * 60),
            step: Duration::from_secs(30),
            load: Load {
                per_second: 2.0,
                drift: None,
            },
            balance: Balance::InTurn,
            network: TimeLaw::LogNormal {
                mean_ms: 0.5,
                sigma: 0.5,
            },
            background_errors: 0.001,
            propagation: 0.9,
            releases: Vec::new(),
            fault: None,
            events_max: 10_000_000,
        }
    }
}

/// Requests from outside: a Poisson process.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Mean rate.
    pub per_second: f64,
    /// How the rate moves over the day, if it does.
    pub drift: Option<Drift>,
}

/// A slow sine: `rate(t) = per_second · (1 + amplitude · sin(2π t / period))`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Share of the mean rate by which it moves, 0 to 0.9.
    pub amplitude: f64,
    /// Time of one wave, 1 s to 10⁹ s.
    pub period: Duration,
}

/// How calls are spread over the instances of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Balance {
    /// Each instance in turn.
    InTurn,
    /// Any instance, by chance.
    Random,
}

/// One release: instances switch to a new revision, batch by batch, in the order of their numbers.
///
/// Calls that a worker holds when its instance switches are finished by the old revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Release {
    /// Its identity, unique in the scenario.
    pub id: ChangeId,
    /// The service that is released.
    pub service: NodeKey,
    /// The revision that it gets; not the one that already runs.
    pub to: Revision,
    /// How it is told.
    pub kind: ChangeKind,
    /// Whether it can be undone, as it is told; the simulator undoes anything.
    pub reversibility: Reversibility,
    /// When it starts, from the start of the run; not in the healthy phase, nor after the run.
    pub starts: Duration,
    /// Instances of each batch: at least one, in all at most those of the service.
    pub batches: Vec<u32>,
    /// Time from one batch to the next; at least 1 ms.
    pub pause: Duration,
}

impl Release {
    /// A reversible rolling release in batches of so many instances, two minutes apart.
    pub fn new(
        id: impl Into<ChangeId>,
        service: NodeKey,
        to: Revision,
        starts: Duration,
        batches: impl Into<Vec<u32>>,
    ) -> Self {
        Self {
            id: id.into(),
            service,
            to,
            kind: ChangeKind::Rolling,
            reversibility: Reversibility::Reversible,
            starts,
            batches: batches.into(),
            pause: Duration::from_secs(120),
        }
    }

    /// With another pause between batches.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// With another way of being told.
    #[must_use]
    pub fn by(mut self, kind: ChangeKind) -> Self {
        self.kind = kind;
        self
    }
}
