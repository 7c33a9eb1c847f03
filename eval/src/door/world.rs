//! The service that is changed in a run: its instances, and which requests reach them.

use std::time::Duration;

use astern_graph_core::{CallStatus, NodeKey, Party};
use astern_stats::rng::{ChaCha8Rng, seeded};
use rand::RngExt as _;

use super::layout::{Layout, Split, Traffic};
use super::oracle::Oracle;
use super::real::Source;

/// The state of a run.
pub(super) struct World {
    layout: Layout,
    pub(super) rng: ChaCha8Rng,
    /// Place of the service that is changed.
    pub(super) service: usize,
    pub(super) key: NodeKey,
    /// The old ones first.
    instances: Vec<Instance>,
    /// The share of the requests that are not left out.
    pub(super) keep: f64,
    pub(super) oracle: Oracle,
}

struct Instance {
    key: NodeKey,
    /// How often it is chosen beside others.
    weight: f64,
    /// How long a call takes over what it would without it.
    slowness: f64,
}

/// The part of an instance in one minute.
pub(super) struct Serving {
    /// Place of the instance.
    pub(super) place: usize,
    pub(super) is_new: bool,
    /// Its share of the requests.
    pub(super) share: f64,
}

impl World {
    /// One of the services of the source that may be changed, with instances of unequal load.
    pub(super) fn new(source: &Source, layout: Layout, seed: u64) -> Self {
        let Layout { old, new, .. } = layout;
        let mut rng = seeded(seed, 0);
        let services = source.changeable();
        let service = services[rng.random_range(0..services.len())];
        let names = (0..old + new).map(|n| match layout.split {
            Split::InPlace => format!("instance-{n}"),
            Split::Percent(_) if n < old => format!("old-{n}"),
            Split::Percent(_) => format!("new-{}", n - old),
        });
        let instances = names
            .map(|name| Instance {
                key: NodeKey::instance(name),
                weight: 1.0 + 2.0 * rng.random::<f64>(),
                slowness: 1.0 + layout.unequal_by * (2.0 * rng.random::<f64>() - 1.0),
            })
            .collect();
        let keep = match layout.traffic {
            Traffic::PerMinute(most) => most / source.requests_per_minute(service),
            Traffic::AsRecorded | Traffic::PerSecond(_) => 1.0,
        };
        Self {
            layout,
            instances,
            service,
            key: NodeKey::service(source.services[service].as_str()),
            keep,
            rng,
            oracle: Oracle::default(),
        }
    }

    /// The instances that serve in a minute before the change or, with `since`, after it.
    pub(super) fn serving(&self, since: Option<usize>) -> Vec<Serving> {
        let old = self.layout.old as usize;
        let is_new = |place: usize| since.is_some() && place >= old;
        let weight = |places: &[Instance]| places.iter().map(|i| i.weight).sum::<f64>();
        let (of_old, of_new) = self.instances.split_at(old);
        let [of_old, of_new] = match (self.layout.split, since) {
            (Split::InPlace, _) => [1.0 / weight(&self.instances); 2],
            (Split::Percent(_), None) => [1.0 / weight(of_old), 0.0],
            (Split::Percent(percent), Some(_)) => {
                let share = f64::from(percent) / 100.0;
                [(1.0 - share) / weight(of_old), share / weight(of_new)]
            }
        };
        let all = self.instances.iter().enumerate();
        let serving = all.map(|(place, instance)| Serving {
            place,
            is_new: is_new(place),
            share: instance.weight * if place < old { of_old } else { of_new },
        });
        serving.filter(|serving| serving.share > 0.0).collect()
    }

    /// The instances that are new after the change.
    pub(super) fn new_instances(&self) -> Vec<NodeKey> {
        let new = self.instances.iter().skip(self.layout.old as usize);
        new.map(|instance| instance.key.clone()).collect()
    }

    /// The instance as the callee of its calls.
    pub(super) fn party(&self, serving: &Serving) -> Party {
        let revision = if serving.is_new { "new" } else { "old" };
        let instance = self.instances[serving.place].key.clone();
        Party::new(self.key.clone()).on(instance, revision.into())
    }

    /// Shows the oracle so many calls. What old instances did before the change stands beside what new ones do after it only
    /// where no old side is left.
    pub(super) fn show(
        &mut self,
        is_new: bool,
        since: Option<usize>,
        (took, status): (Duration, CallStatus),
        calls: u64,
    ) {
        if since.is_some() || !self.layout.has_old_side() {
            self.oracle
                .add(is_new, 1e3 * took.as_secs_f64(), status, calls);
        }
    }

    /// How long a call takes on the instance.
    pub(super) fn took(&self, serving: &Serving, took: Duration) -> Duration {
        took.mul_f64(self.instances[serving.place].slowness)
    }
}

/// An instance by its share.
pub(super) fn pick<'a>(rng: &mut ChaCha8Rng, serving: &'a [Serving]) -> &'a Serving {
    let mut left = rng.random::<f64>();
    let place = serving.iter().position(|serving| {
        left -= serving.share;
        left < 0.0
    });
    &serving[place.unwrap_or(serving.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::super::layout::{FURTHER_LAYOUTS, LAYOUTS, RATES};
    use super::super::real::fixture::source;
    use super::*;

    #[test]
    fn instances_share_the_requests_as_their_layout_says() {
        let source = source(20);
        for layout in LAYOUTS.into_iter().chain(FURTHER_LAYOUTS).chain(RATES) {
            let world = World::new(&source, layout, 1);
            let [before, after] = [None, Some(0)].map(|since| world.serving(since));
            for serving in [&before, &after] {
                let sum: f64 = serving.iter().map(|one| one.share).sum();
                assert!((sum - 1.0).abs() < 1e-12, "{}: {sum}", layout.name);
            }
            assert!(before.iter().all(|one| !one.is_new));
            let new = after.iter().filter(|one| one.is_new);
            assert_eq!(new.clone().count(), layout.new as usize);
            if let Some(percent) = layout.percent() {
                let share: f64 = new.map(|one| one.share).sum();
                assert!((share - f64::from(percent) / 100.0).abs() < 1e-12);
            } else {
                let bits = |one: &Serving| one.share.to_bits();
                assert!(before.iter().map(bits).eq(after.iter().map(bits)));
            }
        }
    }

    #[test]
    fn unequal_instances_differ_by_what_the_layout_says_and_others_do_not() {
        let source = source(20);
        let took = |layout: Layout| {
            let world = World::new(&source, layout, 7);
            let serving = world.serving(Some(0));
            let took = |one: &Serving| world.took(one, Duration::from_millis(100)).as_millis();
            serving.iter().map(took).collect::<Vec<_>>()
        };
        assert!(took(LAYOUTS[2]).iter().all(|ms| *ms == 100));
        let unequal = took(FURTHER_LAYOUTS[1]);
        assert!(
            unequal.iter().all(|ms| (80..=120).contains(ms)),
            "{unequal:?}"
        );
        assert!(unequal.iter().any(|ms| *ms != unequal[0]), "{unequal:?}");
    }
}
