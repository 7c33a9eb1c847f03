//! Services, how long they work and whom they call.

use std::fmt::Write as _;
use std::sync::Arc;

use astern_graph_core::{NodeKey, Revision};
use astern_stats::rng::seeded;
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::law::TimeLaw;

/// The services of a system and where requests enter it.
///
/// Rules, checked when a simulator is made: names are unique, every callee exists, no service calls
/// itself through its callees, and there are 1 to 100,000 instances in all.
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
#[non_exhaustive]
pub struct Topology {
    /// Name of the service that takes requests from outside.
    pub entry: Arc<str>,
    /// All services.
    pub services: Vec<ServiceSpec>,
}

impl Topology {
    /// A topology without services yet, entered at the one of this name.
    pub fn new(entry: impl Into<Arc<str>>) -> Self {
        Self {
            entry: entry.into(),
            services: Vec::new(),
        }
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceSpec {
    /// Its key; also a database or a cache may be simulated.
    pub key: NodeKey,
    /// The revision that it runs at the start.
    pub revision: Revision,
    /// Number of instances.
    pub instances: u32,
    /// Requests that one instance handles at a time; further ones queue.
    pub workers: u32,
    /// How long one request occupies the processor.
    pub work: TimeLaw,
    /// Calls that it makes for a request.
    pub steps: Vec<Vec<CallSpec>>,
}

impl ServiceSpec {
    /// A service of one instance with one worker that calls nobody.
    pub fn new(key: NodeKey, work: TimeLaw) -> Self {
        Self {
            revision: digest(&key.name, "first"),
            key,
            instances: 1,
            workers: 1,
            work,
            steps: Vec::new(),
        }
    }

    /// With another number of instances.
    #[must_use]
    pub fn instances(mut self, instances: u32) -> Self {
        self.instances = instances;
        self
    }

    /// With another number of workers for each instance.
    #[must_use]
    pub fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallSpec {
    /// Name of the callee.
    pub to: Arc<str>,
    /// What it is asked for.
    pub operation: Arc<str>,
    /// Probability that a request needs it, 0 to 1.
    pub probability: f64,
}

impl CallSpec {
    /// A call that every request makes.
    pub fn new(to: impl Into<Arc<str>>, operation: impl Into<Arc<str>>) -> Self {
        Self {
            to: to.into(),
            operation: operation.into(),
            probability: 1.0,
        }
    }

    /// With the probability that a request needs it.
    #[must_use]
    pub fn probability(mut self, probability: f64) -> Self {
        self.probability = probability;
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
