//! One run: an hour before a change and an hour after it, judged after each minute.

use std::time::Duration;

use astern::detect::release::AnyReleaseJudge;
use astern_graph_core::{
    Call, ChangeEvent, ChangeKind, ChangePhase, GraphBuilder, GraphParams, NodeKey, Party, Record,
    TimeRange, Timestamp, TrafficShare,
};
use astern_sim::Feed;
use astern_stats::rng::{ChaCha8Rng, seeded};
use rand::RngExt as _;

use super::batches;
use super::layout::{Layout, Split, Traffic};
use super::looks::{Looks, Played};
use super::oracle::Oracle;
use super::real::{Request, Source};
use super::situation::{MINUTES, Situation};
use crate::EvalError;

/// Minutes before the change.
pub(super) const BEFORE: usize = 60;

pub(super) const STEP: Duration = Duration::from_secs(60);

/// What is played.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) source: &'a Source,
    pub(super) layout: Layout,
    pub(super) situation: Situation,
    pub(super) feed: Feed,
    pub(super) judges: &'a [AnyReleaseJudge],
}

pub(super) fn minute(minute: usize) -> Timestamp {
    Timestamp::from_secs(60 * i64::try_from(minute).unwrap_or(i64::MAX))
}

/// The state of a run.
pub(super) struct World {
    pub(super) rng: ChaCha8Rng,
    /// Place of the service that is changed.
    pub(super) service: usize,
    key: NodeKey,
    /// The old ones first.
    instances: Vec<Instance>,
    /// The share of the requests that are not left out.
    keep: f64,
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
    /// The instance as the callee of its calls.
    pub(super) fn party(&self, serving: &Serving) -> Party {
        let revision = if serving.is_new { "new" } else { "old" };
        let instance = self.instances[serving.place].key.clone();
        Party::new(self.key.clone()).on(instance, revision.into())
    }

    /// How long a call takes on the instance.
    pub(super) fn took(&self, serving: &Serving, took: Duration) -> Duration {
        let slowness = self.instances[serving.place].slowness;
        if slowness.to_bits() == 1.0_f64.to_bits() {
            return took;
        }
        took.mul_f64(slowness)
    }
}

impl Run<'_> {
    pub(super) fn play(&self, seed: u64) -> Result<Played, EvalError> {
        let mut world = self.world(seed);
        let blocks = self.blocks(&mut world.rng);
        let mut builder = GraphBuilder::new(GraphParams::default().step(STEP))?;
        let change = self.change(&world);
        let healthy = TimeRange::new(minute(0), minute(BEFORE))?;
        let mut looks = Looks::new(self.judges);
        for place in 0..blocks.len() {
            let since = place.checked_sub(BEFORE);
            if since == Some(0) {
                builder.extend([change.clone().into()]);
                if self.layout.has_old_side() {
                    world.oracle.forget();
                }
            }
            let records = self.records(&mut world, &blocks, place);
            builder.advance(minute(place + 1));
            builder.extend(records);
            if since.is_some() {
                let range = TimeRange::new(change.at, minute(place + 1))?;
                looks.look(&builder.build(), &change, range, healthy, &world.oracle)?;
            }
        }
        Ok(looks.end(&world.oracle))
    }

    pub(super) fn world(&self, seed: u64) -> World {
        let Layout { old, new, .. } = self.layout;
        let mut rng = seeded(seed, 0);
        let services = self.source.changeable();
        let service = services[rng.random_range(0..services.len())];
        let names = (0..old + new).map(|n| match self.layout.split {
            Split::InPlace => format!("instance-{n}"),
            Split::Percent(_) if n < old => format!("old-{n}"),
            Split::Percent(_) => format!("new-{}", n - old),
        });
        let instances = names
            .map(|name| Instance {
                key: NodeKey::instance(name),
                weight: 1.0 + 2.0 * rng.random::<f64>(),
                slowness: 1.0 + self.layout.unequal_by * (2.0 * rng.random::<f64>() - 1.0),
            })
            .collect();
        let keep = match self.layout.traffic {
            Traffic::PerMinute(most) => most / self.source.requests_per_minute(service),
            Traffic::AsRecorded | Traffic::PerSecond(_) => 1.0,
        };
        World {
            instances,
            service,
            key: NodeKey::service(self.source.services[service].as_str()),
            keep,
            rng,
            oracle: Oracle::default(),
        }
    }

    /// The instances that serve in a minute before the change or, with `since`, after it.
    pub(super) fn serving(&self, world: &World, since: Option<usize>) -> Vec<Serving> {
        let old = self.layout.old as usize;
        let is_new = |place: usize| since.is_some() && place >= old;
        let weight = |places: &[Instance]| places.iter().map(|i| i.weight).sum::<f64>();
        let (of_old, of_new) = world.instances.split_at(old);
        let [of_old, of_new] = match (self.layout.split, since) {
            (Split::InPlace, _) => [1.0 / weight(&world.instances); 2],
            (Split::Percent(_), None) => [1.0 / weight(of_old), 0.0],
            (Split::Percent(percent), Some(_)) => {
                let share = f64::from(percent) / 100.0;
                [(1.0 - share) / weight(of_old), share / weight(of_new)]
            }
        };
        let all = world.instances.iter().enumerate();
        let serving = all.map(|(place, instance)| Serving {
            place,
            is_new: is_new(place),
            share: instance.weight * if place < old { of_old } else { of_new },
        });
        serving.filter(|serving| serving.share > 0.0).collect()
    }

    /// What telemetry says of the changed service in one minute.
    fn records(&self, world: &mut World, blocks: &[usize], place: usize) -> Vec<Record> {
        if let Traffic::PerSecond(rate) = self.layout.traffic {
            return batches::of_minute(self, world, blocks, place, rate);
        }
        let since = place.checked_sub(BEFORE);
        let serving = self.serving(world, since);
        let service = world.service;
        let mut records = Vec::new();
        let is_reached = |request: &&Request| request.iter().any(|call| call.service == service);
        let block = &self.source.blocks[blocks[place]];
        for request in block.iter().filter(is_reached) {
            if world.keep < 1.0 && world.rng.random::<f64>() >= world.keep {
                continue;
            }
            let serving = pick(&mut world.rng, &serving);
            for call in request.iter().filter(|call| call.service == service) {
                let chance = world.rng.random::<f64>();
                let drawn = (world.took(serving, call.took), call.status);
                let seen = self.situation.on(drawn, serving.is_new, since, chance);
                let Some((took, status)) = seen else { continue };
                let at = minute(place).plus(Duration::from_secs(30));
                let call = Call::new(at, world.party(serving));
                records.push(call.took(None, Some(took)).ended(status).into());
                let ms = 1e3 * took.as_secs_f64();
                world.oracle.add(serving.is_new, ms, status, 1);
            }
        }
        self.feed.of(records, STEP)
    }

    /// Which blocks of the source a run takes.
    pub(super) fn blocks(&self, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let all = self.source.blocks.len();
        let length = BEFORE + MINUTES;
        if self.source.in_order {
            let first = rng.random_range(0..=all.saturating_sub(length));
            return (first..all.min(first + length)).collect();
        }
        (0..length).map(|_| rng.random_range(0..all)).collect()
    }

    pub(super) fn change(&self, world: &World) -> ChangeEvent {
        let new = world.instances.iter().skip(self.layout.old as usize);
        let new = new.map(|instance| instance.key.clone()).collect();
        let (from, to) = (Some("old".into()), "new".into());
        let change = ChangeEvent::new("release", minute(BEFORE), world.key.clone(), from, to)
            .reached(ChangePhase::Started, new);
        let share = self.layout.percent().map(TrafficShare::percent);
        match share {
            Some(share) => change
                .by(ChangeKind::Canary)
                .carrying(share.unwrap_or(TrafficShare::FULL)),
            None => change,
        }
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
    use super::super::looks::judges;
    use super::super::real::fixture::source;
    use super::super::situation::{ALIKE, ALL_FAIL};
    use super::*;

    fn run(source: &Source, layout: Layout, situation: Situation) -> Run<'_> {
        Run {
            source,
            layout,
            situation,
            feed: Feed::Calls,
            judges: &[],
        }
    }

    #[test]
    fn instances_share_the_requests_as_their_layout_says() {
        let source = source(20);
        for layout in LAYOUTS.into_iter().chain(FURTHER_LAYOUTS).chain(RATES) {
            let run = run(&source, layout, ALIKE);
            let world = run.world(1);
            let [before, after] = [None, Some(0)].map(|since| run.serving(&world, since));
            for serving in [&before, &after] {
                let sum: f64 = serving.iter().map(|one| one.share).sum();
                assert!((sum - 1.0).abs() < 1e-12, "{}: {sum}", layout.name);
            }
            assert!(before.iter().all(|one| !one.is_new));
            let new = after.iter().filter(|one| one.is_new);
            assert_eq!(new.clone().count(), layout.new as usize);
            match layout.percent() {
                Some(percent) => {
                    let share: f64 = new.map(|one| one.share).sum();
                    assert!((share - f64::from(percent) / 100.0).abs() < 1e-12);
                }
                None => {
                    let bits = |one: &Serving| one.share.to_bits();
                    assert!(before.iter().map(bits).eq(after.iter().map(bits)));
                }
            }
        }
    }

    #[test]
    fn unequal_instances_differ_by_what_the_layout_says_and_others_do_not() {
        let source = source(20);
        let took = |layout: Layout| {
            let run = run(&source, layout, ALIKE);
            let world = run.world(7);
            let serving = run.serving(&world, Some(0));
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

    /// Calls in ten minutes after the change.
    fn calls(source: &Source, layout: Layout) -> u64 {
        let run = run(source, layout, ALIKE);
        let mut world = run.world(3);
        let blocks = run.blocks(&mut world.rng);
        let records = (BEFORE..BEFORE + 10).flat_map(|place| {
            let records = run.records(&mut world, &blocks, place);
            records.into_iter().map(|record| match record {
                Record::Batch(batch) => batch.calls,
                _ => 1,
            })
        });
        records.sum()
    }

    #[test]
    fn traffic_is_thinned_and_multiplied() {
        let source = source(20);
        assert_eq!(calls(&source, LAYOUTS[0]), 200);
        let thinned = calls(&source, RATES[0]);
        assert!((25..=75).contains(&thinned), "{thinned}");
        let multiplied = calls(&source, RATES[2]);
        assert!((595_000..605_000).contains(&multiplied), "{multiplied}");
        // Of fewer requests than that none is left out.
        assert_eq!(calls(&super::super::real::fixture::source(4), RATES[0]), 40);
    }

    #[test]
    fn what_fails_is_found_and_what_is_alike_is_not() {
        let (source, judges) = (source(20), judges().unwrap());
        for layout in [LAYOUTS[2], RATES[3]] {
            let played = |situation| {
                let run = Run {
                    judges: &judges[..1],
                    ..run(&source, layout, situation)
                };
                run.play(5).unwrap()
            };
            let bad = played(ALL_FAIL);
            assert!(bad.judged[0].regressed.is_some_and(|look| look < 6));
            assert!(bad.oracle.is_some_and(|look| look < 3) && bad.oracle_at_end);
            let alike = played(ALIKE);
            assert_eq!(alike.judged[0].regressed, None);
            assert_eq!((alike.looks, alike.oracle_at_end), (MINUTES, false));
        }
    }
}
