//! What is simulated: a system, its load, its releases and perhaps a fault.

use std::sync::Arc;
use std::time::Duration;

use astern_graph_core::{
    ChangeId, ChangeKind, NodeKey, Reversibility, Revision, Timestamp, TrafficShare,
};
use astern_stats::param::duration;
use serde::{Deserialize, Serialize};

use crate::blackout::Blackout;
use crate::fault::{AnyFault, Fault, PlaceFault};
use crate::law::TimeLaw;
use crate::load::Load;
use crate::topology::Topology;

/// Everything that a run depends on.
///
/// | field | default | rule |
/// |---|---|---|
/// | `start` | 2026-01-05T08:00:00Z | the span must end before the year 2262 |
/// | `healthy` | 30 min | releases start no earlier |
/// | `span` | 45 min | more than 0 and less than 10⁹ s |
/// | `step` | 30 s | 1 ms to 1 day |
/// | `load` | 2 requests per second | see [`Load`] |
/// | `balance` | in turn | |
/// | `network` | log-normal, mean 0.5 ms | see [`TimeLaw`] |
/// | `background_errors` | 0.1 % | 0 to 1 |
/// | `propagation` | 0.9 | 0 to 1 |
/// | `releases` | none | one for each service; see [`Release`] |
/// | `fault` | none | belongs to one of the releases; see [`Fault`] |
/// | `incident` | none | see [`PlaceFault`] |
/// | `further` | none | at most 100; see [`AnyFault`] |
/// | `blackouts` | none | see [`Blackout`] |
/// | `events_max` | 10⁷ | bounds the time and memory of a run |
///
/// Several things may be wrong at once. Where they hit the same call, their effects add up, and the
/// truth says each of them.
///
/// ```
/// use std::time::Duration;
/// use astern_graph_core::{NodeKey, Subject};
/// use astern_sim::{FaultKind, PlaceFault, Scenario, run};
///
/// let slow = FaultKind::Slower { factor: 3.0 };
/// let ads = Subject::Node(NodeKey::service("ads"));
/// let scenario = Scenario::releases(7).also(PlaceFault::new(ads, slow, Duration::from_secs(2_000)));
/// let truth = run(&scenario)?.truth;
/// assert!(truth.culprit.is_some());
/// assert_eq!(truth.further[0].service, Some(NodeKey::service("ads")));
/// # Ok::<(), astern_sim::SimError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default = "Scenario::unset", deny_unknown_fields)]
#[non_exhaustive]
pub struct Scenario {
    /// Source of everything random in the run.
    pub seed: u64,
    /// The services.
    pub topology: Topology,
    /// When the run starts.
    pub start: Timestamp,
    /// How long nothing is released.
    #[serde(with = "duration")]
    pub healthy: Duration,
    /// Length of the whole run.
    #[serde(with = "duration")]
    pub span: Duration,
    /// Length of a step, at whose end metrics are read.
    #[serde(with = "duration")]
    pub step: Duration,
    /// Requests from outside.
    pub load: Load,
    /// How calls are spread over instances.
    pub balance: Balance,
    /// How long a message travels, one way.
    pub network: TimeLaw,
    /// Share of the calls that fails on any instance without a fault.
    pub background_errors: f64,
    /// Probability that a callee that fails, or answers with a client error, makes its caller do
    /// the same.
    pub propagation: f64,
    /// What is released.
    pub releases: Vec<Release>,
    /// What is wrong with one of the releases, if anything is.
    pub fault: Option<Fault>,
    /// What is wrong with a place for a time, if anything is.
    pub incident: Option<PlaceFault>,
    /// What else is wrong.
    pub further: Vec<AnyFault>,
    /// When telemetry is lost.
    pub blackouts: Vec<Blackout>,
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
            load: Load::new(2.0),
            balance: Balance::InTurn,
            network: TimeLaw::LogNormal {
                mean_ms: 0.5,
                sigma: 0.5,
            },
            background_errors: 0.001,
            propagation: 0.9,
            releases: Vec::new(),
            fault: None,
            incident: None,
            further: Vec::new(),
            blackouts: Vec::new(),
            events_max: 10_000_000,
        }
    }

    /// With something else that is wrong.
    #[must_use]
    pub fn also(mut self, incident: impl Into<AnyFault>) -> Self {
        self.further.push(incident.into());
        self
    }

    /// All that is wrong: the fault, the incident, and what else is.
    pub fn faults(&self) -> Vec<AnyFault> {
        let fault = self.fault.clone().map(AnyFault::Release);
        let incident = self.incident.clone().map(AnyFault::Place);
        let first = fault.into_iter().chain(incident);
        first.chain(self.further.iter().cloned()).collect()
    }

    /// What a file leaves out; a simulator refuses a topology without services.
    fn unset() -> Self {
        Self::new(Topology::new(""), 0)
    }
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
/// | kind | what happens | `batches` | `traffic` |
/// |---|---|---|---|
/// | rolling, config | instances switch | instances of each, at most all | none |
/// | canary | as rolling; each batch sets the share of calls that goes to the new revision | as rolling | none, where calls go to all instances alike, or one share for each batch |
/// | blue-green | a second set of instances starts and takes all calls; the old one is kept | how many the second set has | none |
/// | flag | no instance changes; each batch sets the share of calls that has the flag on | none | shares |
///
/// Calls that a worker holds when its instance switches are finished by the old revision. When all
/// instances of a canary have switched, its share is all calls whatever was set.
///
/// A release that is forward-only changes data when its first batch comes: from then on instances
/// that run a revision older than `min_compatible` fail every call after their work.
///
/// A release may make requests a little more or less work. That is no fault: nothing is to be
/// blamed for it.
///
/// ```
/// use astern_sim::{Scenario, run};
///
/// let mut scenario = Scenario::benign(7);
/// scenario.releases[0].work_factor = 1.02;
/// assert_eq!(run(&scenario)?.truth.culprit, None);
/// # Ok::<(), astern_sim::SimError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Release {
    /// Its identity, unique in the scenario.
    pub id: ChangeId,
    /// The service that is released.
    pub service: NodeKey,
    /// The revision that it gets; not the one that already runs. A flag has one too: a name for
    /// the service with the flag on, which no instance ever runs.
    pub to: Revision,
    /// How it reaches calls.
    pub kind: ChangeKind,
    /// Whether it can be undone.
    pub reversibility: Reversibility,
    /// When it starts, from the start of the run; not in the healthy phase, nor after the run.
    #[serde(with = "duration")]
    pub starts: Duration,
    /// Instances of each batch.
    pub batches: Vec<u32>,
    /// Share of the calls that has it since each batch.
    #[serde(default)]
    pub traffic: Vec<TrafficShare>,
    /// Time from one batch to the next; at least 1 ms.
    #[serde(default = "two_minutes", with = "duration")]
    pub pause: Duration,
    /// Work of a request under its revision over that under the first one, 0.5 to 2; 1 for a flag.
    #[serde(default = "unchanged")]
    pub work_factor: f64,
}

fn unchanged() -> f64 {
    1.0
}

fn two_minutes() -> Duration {
    Duration::from_secs(120)
}

astern_stats::setters!(Release {
    /// Sets the pause between batches.
    pause: Duration,
    /// Sets the work of a request under its revision over that under the first one.
    work_factor: f64,
});

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
            traffic: Vec::new(),
            pause: two_minutes(),
            work_factor: unchanged(),
        }
    }

    /// As a canary whose batches carry these shares of the traffic.
    #[must_use]
    pub fn canary(mut self, traffic: impl Into<Vec<TrafficShare>>) -> Self {
        self.kind = ChangeKind::Canary;
        self.traffic = traffic.into();
        self
    }

    /// As a second set of so many instances, to which all calls go at once.
    #[must_use]
    pub fn blue_green(mut self, instances: u32) -> Self {
        self.kind = ChangeKind::BlueGreen;
        self.batches = vec![instances];
        self
    }

    /// As a flag that is on for these shares of the calls, one after the other.
    #[must_use]
    pub fn flag(
        mut self,
        flag: impl Into<Arc<str>>,
        traffic: impl Into<Vec<TrafficShare>>,
    ) -> Self {
        self.kind = ChangeKind::FeatureFlag { flag: flag.into() };
        self.batches = Vec::new();
        self.traffic = traffic.into();
        self
    }

    /// With its reversibility.
    #[must_use]
    pub fn undo(mut self, reversibility: Reversibility) -> Self {
        self.reversibility = reversibility;
        self
    }

    /// Whether it is a flag, and no instance gets its revision.
    pub(crate) fn is_flag(&self) -> bool {
        matches!(self.kind, ChangeKind::FeatureFlag { .. })
    }

    /// With another way of reaching calls; a flag and a blue-green release need more than that.
    #[must_use]
    pub fn by(mut self, kind: ChangeKind) -> Self {
        self.kind = kind;
        self
    }
}
