//! What is simulated coarsely.

use std::time::Duration;

use astern_graph_core::Timestamp;
use astern_stats::ParamError;
use astern_stats::param::{duration, in_range};
use serde::{Deserialize, Serialize};

use crate::check;
use crate::error::SimError;
use crate::fault::{Fault, FaultKind};
use crate::law::TimeLaw;
use crate::load::Load;
use crate::scenario::{Release, Scenario};
use crate::topology::Topology;

/// Most services.
const SERVICES_MAX: f64 = 1e5;

/// A coarse simulation cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CoarseError {
    /// The scenario breaks a rule.
    #[error(transparent)]
    Scenario(#[from] SimError),
    /// A part of the scenario is one that means cannot show.
    #[error("a coarse simulation cannot show {what}, which {part} has")]
    CannotShow {
        /// The part of the scenario.
        part: String,
        /// What it has.
        what: &'static str,
    },
    /// The fault is one that means cannot show.
    #[error("a coarse simulation cannot show the fault {kind:?}")]
    Fault {
        /// The fault.
        kind: FaultKind,
    },
}

/// Everything that a coarse run depends on.
///
/// | field | default | rule |
/// |---|---|---|
/// | `topology` | | 1 to 100,000 services; else as for a [`Scenario`], without hosts, times of infinite variance, unequal instances, client errors, start-ups, queue limits, messages, timeouts, retries, breakers, pools, caches that miss |
/// | `start` | 2026-01-05T08:00:00Z | the span must end before the year 2262 |
/// | `span` | 45 min | more than 0 and less than 10⁹ s; steps begin in it |
/// | `step` | 30 s | 1 ms to 1 day |
/// | `load` | 2 requests per second | as for a [`Scenario`], without segments |
/// | `network` | log-normal, mean 0.5 ms | as for a [`Scenario`] |
/// | `background_errors` | 0.1 % | 0 to 1 |
/// | `propagation` | 0.9 | 0 to 1 |
/// | `releases` | none | one for each service, rolling, canary or config, without shares of traffic or other work, not forward-only; see [`Release`] |
/// | `fault` | none | belongs to one of the releases and hits all calls; slower, delay, errors, tail or capacity |
/// | `edges` | no | whether rates of calls between services are recorded |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default = "CoarseScenario::unset", deny_unknown_fields)]
#[non_exhaustive]
pub struct CoarseScenario {
    /// Source of everything random in the run.
    pub seed: u64,
    /// The services.
    pub topology: Topology,
    /// When the run starts.
    pub start: Timestamp,
    /// Length of the whole run.
    #[serde(with = "duration")]
    pub span: Duration,
    /// Length of a step.
    #[serde(with = "duration")]
    pub step: Duration,
    /// Requests from outside.
    pub load: Load,
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
    /// Whether the rate of calls from one service to another is recorded too.
    pub edges: bool,
}

impl CoarseScenario {
    /// A system under the default load, without releases.
    pub fn new(topology: Topology, seed: u64) -> Self {
        let like = Scenario::new(Topology::new(""), seed);
        Self {
            seed,
            topology,
            start: like.start,
            span: like.span,
            step: like.step,
            load: like.load,
            network: like.network,
            background_errors: like.background_errors,
            propagation: like.propagation,
            releases: Vec::new(),
            fault: None,
            edges: false,
        }
    }

    /// What a file leaves out; a simulator refuses a topology without services.
    fn unset() -> Self {
        Self::new(Topology::new(""), 0)
    }

    /// Its times, releases and fault, as those of a run of events.
    pub(super) fn frame(&self) -> Scenario {
        let mut frame = Scenario::new(Topology::new(""), self.seed);
        frame.start = self.start;
        frame.span = self.span;
        frame.step = self.step;
        frame.healthy = Duration::ZERO;
        frame.network = self.network;
        frame.background_errors = self.background_errors;
        frame.propagation = self.propagation;
        frame.load.clone_from(&self.load);
        frame.releases.clone_from(&self.releases);
        frame.fault.clone_from(&self.fault);
        frame
    }

    /// Checks what is not checked where names are looked up.
    pub(super) fn check(&self) -> Result<(), SimError> {
        check::frame(&self.frame())?;
        let services = self.topology.services.len() as f64;
        in_range("services", services, 1.0, SERVICES_MAX).map_err(|cause: ParamError| {
            SimError::Param {
                part: "the topology".to_owned(),
                cause,
            }
        })?;
        Ok(())
    }
}
