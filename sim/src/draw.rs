//! Scenarios drawn by seed.

use std::time::Duration;

use astern_graph_core::{ChangeKind, NodeKind};
use astern_stats::rng::{ChaCha8Rng, seeded};
use rand::RngExt;

use crate::fault::{Fault, FaultKind};
use crate::load::Drift;
use crate::scenario::{Release, Scenario};
use crate::streams::SCENARIO;
use crate::topology::{ServiceSpec, Topology, digest};

/// Releases of a drawn scenario.
const RELEASES: usize = 3;

impl Scenario {
    /// Three releases at once on [`Topology::boutique`], one of them bad.
    ///
    /// Drawn by seed: three distinct services (no cache, no database); for each its start, up to
    /// two minutes after the healthy phase; whether it is a canary (one instance, or two of four,
    /// then the rest in two batches, 3 to 4 minutes apart) or rolling (one instance after the
    /// other, 1 to 2 minutes apart); which one is bad; and its fault, as [`FaultKind`] says. The
    /// load drifts by a fifth over the day.
    pub fn releases(seed: u64) -> Self {
        let mut scenario = Self::new(Topology::boutique(), seed);
        scenario.load.drift = Some(Drift {
            amplitude: 0.2,
            period: Duration::from_secs(24 * 60 * 60),
        });
        let mut rng = seeded(seed, SCENARIO);
        let healthy = scenario.healthy;
        let released = choose(&scenario.topology, &mut rng);
        scenario.releases = released
            .iter()
            .map(|spec| release(spec, seed, healthy, &mut rng))
            .collect();
        let bad = rng.random_range(0..RELEASES);
        scenario.fault =
            released
                .get(bad)
                .zip(scenario.releases.get(bad))
                .map(|(spec, release)| {
                    let kind = FaultKind::draw(spec.work.mean_ms(), &mut rng);
                    Fault::new(release.id.clone(), kind)
                });
        scenario
    }

    /// The same three releases as [`Scenario::releases`] of the same seed, none of them bad.
    pub fn benign(seed: u64) -> Self {
        Self {
            fault: None,
            ..Self::releases(seed)
        }
    }
}

/// Distinct services, each as likely as any other.
fn choose(topology: &Topology, rng: &mut ChaCha8Rng) -> Vec<ServiceSpec> {
    let of_kind = |spec: &&ServiceSpec| spec.key.kind == NodeKind::Service;
    let mut left: Vec<&ServiceSpec> = topology.services.iter().filter(of_kind).collect();
    let count = RELEASES.min(left.len());
    (0..count)
        .map(|_| left.swap_remove(rng.random_range(0..left.len())).clone())
        .collect()
}

fn release(spec: &ServiceSpec, seed: u64, healthy: Duration, rng: &mut ChaCha8Rng) -> Release {
    let starts = healthy + Duration::from_secs(rng.random_range(0..=120));
    let canary = rng.random::<bool>();
    let batches = if canary {
        canary_batches(spec.instances, rng)
    } else {
        (0..spec.instances).map(|_| 1).collect()
    };
    let (kind, pauses) = if canary {
        (ChangeKind::Canary, 180..=240)
    } else {
        (ChangeKind::Rolling, 60..=120)
    };
    let id = format!("{}-release-{seed}", spec.key.name);
    let to = digest(&spec.key.name, &format!("of seed {seed}"));
    Release::new(id.as_str(), spec.key.clone(), to, starts, batches)
        .by(kind)
        .pause(Duration::from_secs(rng.random_range(pauses)))
}

/// One instance or half of them first, then the rest in two batches as far as it goes.
fn canary_batches(instances: u32, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let first = rng.random_range(1..=(instances / 2).max(1));
    let second = (instances.saturating_sub(first) / 2).max(1);
    let mut batches = vec![first, second, instances.saturating_sub(first + second)];
    batches.retain(|batch| *batch > 0);
    batches
}
