//! Calls, by seed.

use std::time::Duration;

use astern_graph_core::{
    Call, CallStatus, ChangeEvent, ChangePhase, NodeKey, Party, Record, Revision, Timestamp,
};
use astern_stats::rng::{ChaCha8Rng, seeded};
use rand::RngExt as _;
use rand_distr::{Distribution as _, StandardNormal};

/// When the first step begins: a whole minute.
const START: Timestamp = Timestamp::from_secs(1_700_000_040);
/// Spread of the logarithm of a duration.
const SPREAD: f64 = 0.15;
/// What `web` takes itself, in ms.
const WEB_MS: f64 = 3.0;
/// What a call takes on the network, in ms.
const NETWORK_MS: f64 = 0.3;

/// What one instance answers in one step.
#[derive(Debug, Clone)]
pub(in crate::cases) struct Instance {
    service: NodeKey,
    pub(in crate::cases) name: String,
    revision: Revision,
    calls: u32,
    ms: f64,
    failing: f64,
    failure: CallStatus,
}

astern_stats::setters!(Instance {
    /// Sets the calls of a step.
    calls: u32,
    /// Sets the median duration.
    ms: f64,
    /// Sets the share of its calls that fail.
    failing: f64,
});

impl Instance {
    /// 25 calls of 20 ms, of which none fails.
    pub(in crate::cases) fn new(service: &str, name: &str, revision: &str) -> Self {
        Self {
            service: NodeKey::service(service),
            name: name.to_owned(),
            revision: revision.into(),
            calls: 25,
            ms: 20.0,
            failing: 0.0,
            failure: CallStatus::Error,
        }
    }

    /// What a failed call ends with.
    pub(in crate::cases) fn by(mut self, status: CallStatus) -> Self {
        self.failure = status;
        self
    }
}

/// Four instances of a service, named after it and a generation.
pub(in crate::cases) fn four(service: &str, generation: u32, revision: &str) -> Vec<Instance> {
    let name = |i| format!("{service}-{generation}-{i}");
    (1..=4)
        .map(|i| Instance::new(service, &name(i), revision))
        .collect()
}

/// The same four instances whatever they run, ten calls each, of which a bad revision fails half.
pub(in crate::cases) fn serving(service: &str, revision: &str, bad: bool) -> Vec<Instance> {
    let share = if bad { 0.5 } else { 0.0 };
    let each = four(service, 0, revision).into_iter();
    each.map(|i| i.calls(10).failing(share)).collect()
}

/// Makes the calls of each step, and knows when it begins.
#[derive(Debug)]
pub(in crate::cases) struct Traffic {
    rng: ChaCha8Rng,
    step: Duration,
}

impl Traffic {
    pub(super) fn new(seed: u64, step: Duration) -> Self {
        let rng = seeded(seed, 0);
        Self { rng, step }
    }

    /// When a step begins.
    pub(in crate::cases) fn at(&self, step: u32) -> Timestamp {
        START.plus(self.step.saturating_mul(step))
    }

    /// A step of a change: what it does, and the instances that it has reached.
    pub(in crate::cases) fn change(
        &self,
        step: u32,
        (id, service): (&str, &str),
        (from, to): (Option<&str>, &str),
        (phase, reached): (ChangePhase, &[Instance]),
    ) -> ChangeEvent {
        let service = NodeKey::service(service);
        let from = from.map(Revision::from);
        let reached = reached.iter().map(|i| NodeKey::instance(i.name.as_str()));
        ChangeEvent::new(id, self.at(step), service, from, to.into())
            .reached(phase, reached.collect())
    }

    /// A change that reaches all of [`serving`] at once.
    pub(in crate::cases) fn completed(
        &self,
        step: u32,
        (id, service): (&str, &str),
        (from, to): (Option<&str>, &str),
    ) -> ChangeEvent {
        let all = serving(service, to, false);
        let all = (ChangePhase::Completed, &all[..]);
        self.change(step, (id, service), (from, to), all)
    }

    /// The calls of a step: each comes from a call of `web`, which fails with it.
    pub(in crate::cases) fn calls(&mut self, step: u32, instances: &[Instance]) -> Vec<Record> {
        let mut records = Vec::new();
        let web = Party::new(NodeKey::service("web")).on(NodeKey::instance("web-1"), "w1".into());
        for instance in instances {
            for _ in 0..instance.calls {
                let at = self
                    .at(step)
                    .plus(self.step.mul_f64(0.98 * self.rng.random::<f64>()));
                let (ms, own) = (self.around(instance.ms), self.around(WEB_MS));
                let failed = self.rng.random::<f64>() < instance.failing;
                let status = if failed {
                    instance.failure
                } else {
                    CallStatus::Ok
                };
                let callee = Party::new(instance.service.clone()).on(
                    NodeKey::instance(instance.name.as_str()),
                    instance.revision.clone(),
                );
                let mut call = Call::new(at, callee)
                    .from(web.clone())
                    .took(Some(duration(ms + NETWORK_MS)), Some(duration(ms)))
                    .ended(status);
                call.exclusive = Some(duration(ms));
                let mut outer = Call::new(at, web.clone())
                    .took(None, Some(duration(ms + own)))
                    .ended(status);
                outer.exclusive = Some(duration(own));
                records.extend([call.into(), outer.into()]);
            }
        }
        records
    }

    /// A duration whose logarithm is normal around that of `ms`.
    fn around(&mut self, ms: f64) -> f64 {
        let normal: f64 = StandardNormal.sample(&mut self.rng);
        ms * (SPREAD * normal).exp()
    }
}

fn duration(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1e3)
}
