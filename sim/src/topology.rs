//! Services, how long they work and whom they call.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use astern_graph_core::{EdgeKind, NodeKey, Revision};
use astern_stats::param::optional_duration;
use astern_stats::rng::seeded;
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::law::TimeLaw;
use crate::resilience::{Breaker, CacheAside, Retries};
use crate::start_up::StartUp;

/// The services of a system and where requests enter it.
///
/// Rules, checked when a simulator is made: names are unique, every callee, queue and host exists,
/// no service calls itself through its callees (through a queue it may), and there are 1 to 100,000
/// instances in all.
///
/// ```
/// use astern_graph_core::NodeKey;
/// use astern_sim::{CallSpec, ServiceSpec, TimeLaw, Topology};
///
/// let work = TimeLaw::Exponential { mean_ms: 5.0 };
/// let topology = Topology::new("web")
///     .with(ServiceSpec::new(NodeKey::service("web"), work).then(CallSpec::new("cart", "get")))
///     .with(ServiceSpec::new(NodeKey::service("cart"), work).instances(3));
/// assert_eq!(topology.services.len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Topology {
    /// Name of the service that takes requests from outside.
    pub entry: Arc<str>,
    /// All services.
    pub services: Vec<ServiceSpec>,
    /// Machines that instances share; none where each worker has a processor of its own.
    #[serde(default)]
    pub hosts: Vec<HostSpec>,
}

/// A machine. The workers that compute on it share its cores alike (processor sharing): each works
/// at the rate `min(1, cores / n)` while n of them compute.
///
/// | field | default | rule |
/// |---|---|---|
/// | `cores` | | 0.01 to 10⁴ |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct HostSpec {
    /// Its name.
    pub name: Arc<str>,
    /// How many workers compute at full speed.
    pub cores: f64,
}

impl HostSpec {
    /// A machine of so many cores.
    pub fn new(name: impl Into<Arc<str>>, cores: f64) -> Self {
        Self {
            name: name.into(),
            cores,
        }
    }
}

impl Topology {
    /// A topology without services yet, entered at the one of this name.
    pub fn new(entry: impl Into<Arc<str>>) -> Self {
        Self {
            entry: entry.into(),
            services: Vec::new(),
            hosts: Vec::new(),
        }
    }

    /// With a machine added.
    #[must_use]
    pub fn host(mut self, host: HostSpec) -> Self {
        self.hosts.push(host);
        self
    }

    /// With a service added.
    #[must_use]
    pub fn with(mut self, service: ServiceSpec) -> Self {
        self.services.push(service);
        self
    }
}

/// One service: it works on a request, then calls its callees step by step, then answers.
///
/// | field | default | rule |
/// |---|---|---|
/// | `instances` | 1 | 1 to 1,000; the third of `cart` is named `cart-v1-2` |
/// | `workers` | 1 | 1 to 10,000 for each instance |
/// | `steps` | none | the calls of one step are made at once, and all are waited for |
/// | `speeds` | all alike | 0.1 to 10, of the instances in turn |
/// | `client_errors` | 0 | 0 to 1 |
/// | `start_up` | none | see [`StartUp`] |
/// | `queue_limit` | none | calls that wait for a worker of one instance; further ones are refused |
/// | `consumes` | none | queues whose messages it handles |
/// | `hosts` | none | instances are placed on them in turn |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ServiceSpec {
    /// Its key; also a database or a cache may be simulated.
    pub key: NodeKey,
    /// The revision that it runs at the start.
    pub revision: Revision,
    /// Number of instances.
    #[serde(default = "one")]
    pub instances: u32,
    /// Requests that one instance handles at a time; further ones queue.
    #[serde(default = "one")]
    pub workers: u32,
    /// How long one request occupies the processor.
    pub work: TimeLaw,
    /// How fast instances compute, in turn: an instance of speed 0.5 takes twice as long for the
    /// same work. The first instance has the first speed, and those of a second set go on.
    #[serde(default)]
    pub speeds: Vec<f64>,
    /// Share of the requests that is answered with a client error (4xx) after the work, whoever
    /// runs: a user who is not signed in, say.
    ///
    /// It is the answer of an instance at its best, so it is not tried again and opens no breaker.
    /// A caller passes it on as its own answer as often as a failure, by
    /// [`Scenario::propagation`](crate::Scenario::propagation); one that meets a failure too fails.
    #[serde(default)]
    pub client_errors: f64,
    /// How fresh instances differ, if they do.
    #[serde(default)]
    pub start_up: Option<StartUp>,
    /// Calls that it makes for a request.
    #[serde(default)]
    pub steps: Vec<Vec<CallSpec>>,
    /// Most calls that wait for a worker of one instance; a further one fails at once.
    #[serde(default)]
    pub queue_limit: Option<u32>,
    /// The queues whose messages it handles.
    #[serde(default)]
    pub consumes: Vec<Consumption>,
    /// Names of the machines that its instances run on.
    #[serde(default)]
    pub hosts: Vec<Arc<str>>,
}

/// What a service does with the messages of a queue.
///
/// A queue is a [`ServiceSpec`] of kind [`Queue`](astern_graph_core::NodeKind::Queue): publishing
/// is a call to it, answered once the queue has accepted the message. Each service that consumes
/// from it gets a copy, which waits for a worker as a call does; one that is refused or fails is
/// gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Consumption {
    /// Name of the queue.
    pub queue: Arc<str>,
    /// What handling a message is called.
    pub operation: Arc<str>,
}

fn one() -> u32 {
    1
}

astern_stats::setters!(ServiceSpec {
    /// Sets the limit to the calls that wait for a worker of one instance.
    queue_limit: u32,
    /// Sets how fast instances compute, in turn.
    speeds: Vec<f64>,
    /// Sets the share of the requests that is answered with a client error.
    client_errors: f64,
    /// Sets how fresh instances differ.
    start_up: StartUp,
    /// Sets the number of instances.
    instances: u32,
    /// Sets the number of workers of each instance.
    workers: u32,
});

impl ServiceSpec {
    /// A service of one instance with one worker that calls nobody.
    pub fn new(key: NodeKey, work: TimeLaw) -> Self {
        Self {
            revision: digest(&key.name, "first"),
            key,
            instances: one(),
            workers: one(),
            work,
            speeds: Vec::new(),
            client_errors: 0.0,
            start_up: None,
            steps: Vec::new(),
            queue_limit: None,
            consumes: Vec::new(),
            hosts: Vec::new(),
        }
    }

    /// With a queue whose messages it handles.
    #[must_use]
    pub fn consumes(mut self, queue: impl Into<Arc<str>>, operation: impl Into<Arc<str>>) -> Self {
        self.consumes.push(Consumption {
            queue: queue.into(),
            operation: operation.into(),
        });
        self
    }

    /// With the machines that its instances run on, in turn.
    #[must_use]
    pub fn on<N: Into<Arc<str>>>(mut self, hosts: impl IntoIterator<Item = N>) -> Self {
        self.hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// With a call after those that it has.
    #[must_use]
    pub fn then(self, call: CallSpec) -> Self {
        self.fan_out([call])
    }

    /// With several calls at once after those that it has.
    #[must_use]
    pub fn fan_out(mut self, calls: impl IntoIterator<Item = CallSpec>) -> Self {
        self.steps.push(calls.into_iter().collect());
        self
    }
}

/// One call that a service makes for a request.
///
/// | field | default | rule |
/// |---|---|---|
/// | `probability` | 1 | 0 to 1 |
/// | `kind` | calls; publishes to a queue | how records name the edge; reads and writes for stores |
/// | `timeout` | none | 1 ms to 1 day, for each attempt |
/// | `retries` | none | see [`Retries`] |
/// | `breaker` | none | see [`Breaker`] |
/// | `connections` | no limit | 1 to 10⁶ |
/// | `cache` | none | see [`CacheAside`] |
///
/// At the end of a `timeout` the caller goes on as after a failed call. What the callee does for
/// it is not cancelled: it works on, and so do its own callees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CallSpec {
    /// Name of the callee.
    pub to: Arc<str>,
    /// What it is asked for.
    pub operation: Arc<str>,
    /// Probability that a request needs it, 0 to 1.
    #[serde(default = "certain")]
    pub probability: f64,
    /// The kind of edge that records state.
    #[serde(default)]
    pub kind: Option<EdgeKind>,
    /// How long the caller waits for one attempt, from when it is sent.
    #[serde(default, with = "optional_duration")]
    pub timeout: Option<Duration>,
    /// What the caller does when an attempt fails.
    #[serde(default)]
    pub retries: Option<Retries>,
    /// What stops calls to a callee that fails.
    #[serde(default)]
    pub breaker: Option<Breaker>,
    /// Size of each calling instance's pool of connections: further calls wait in the caller.
    #[serde(default)]
    pub connections: Option<u32>,
    /// What follows when this calls a cache that does not have the value.
    #[serde(default)]
    pub cache: Option<CacheAside>,
}

fn certain() -> f64 {
    1.0
}

astern_stats::setters!(CallSpec {
    /// Sets the time after which the caller gives an attempt up.
    timeout: Duration,
    /// Sets what the caller does when an attempt fails.
    retries: Retries,
    /// Sets the circuit breaker.
    breaker: Breaker,
    /// Sets the size of the pool of connections of each calling instance.
    connections: u32,
    /// Makes it a call of a cache, with what a miss costs.
    cache: CacheAside,
    /// Sets the probability that a request needs it.
    probability: f64,
});

impl CallSpec {
    /// A call that every request makes.
    pub fn new(to: impl Into<Arc<str>>, operation: impl Into<Arc<str>>) -> Self {
        Self {
            to: to.into(),
            operation: operation.into(),
            probability: certain(),
            kind: None,
            timeout: None,
            retries: None,
            breaker: None,
            connections: None,
            cache: None,
        }
    }

    /// With the kind of edge that records state.
    #[must_use]
    pub fn over(mut self, kind: EdgeKind) -> Self {
        self.kind = Some(kind);
        self
    }
}

/// A revision that looks like an image's digest and depends on its arguments alone.
pub(crate) fn digest(service: &str, version: &str) -> Revision {
    // FNV-1a: nothing here needs to resist an attack, only to be the same everywhere.
    let bytes = service.bytes().chain([0]).chain(version.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut rng = seeded(hash, 0);
    let mut text = format!("{service}@sha256:");
    for _ in 0..4 {
        // Writing to a string cannot fail.
        let _ = write!(text, "{:016x}", rng.next_u64());
    }
    Revision::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_stable_and_differ_by_service_and_version() {
        let text = digest("cart", "first");
        assert_eq!(text, digest("cart", "first"));
        assert_ne!(text, digest("cart", "second"));
        assert_ne!(digest("cart", "1"), digest("cart1", ""));
        assert_eq!(text.as_str().len(), "cart@sha256:".len() + 64);
    }
}
