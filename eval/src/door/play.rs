//! One run: an hour before a change and an hour after it, judged after each minute.

use std::time::Duration;

use astern::detect::release::AnyReleaseJudge;
use astern_graph_core::{
    Call, ChangeEvent, ChangeKind, ChangePhase, GraphBuilder, GraphParams, Record, TimeRange,
    Timestamp, TrafficShare,
};
use astern_sim::Feed;
use astern_stats::rng::ChaCha8Rng;
use rand::RngExt as _;

use super::batches;
use super::layout::{Layout, Traffic};
use super::looks::{Looks, Played};
use super::real::{Request, Source};
use super::situation::{MINUTES, Situation};
use super::world::{World, pick};
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

impl Run<'_> {
    pub(super) fn play(&self, seed: u64) -> Result<Played, EvalError> {
        let mut world = World::new(self.source, self.layout, seed);
        let blocks = self.blocks(&mut world.rng);
        let mut builder = GraphBuilder::new(GraphParams::default().step(STEP))?;
        let change = self.change(&world);
        let healthy = TimeRange::new(minute(0), minute(BEFORE))?;
        let mut looks = Looks::new(self.judges);
        for place in 0..blocks.len() {
            let since = place.checked_sub(BEFORE);
            if since == Some(0) {
                builder.extend([change.clone().into()]);
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

    /// What telemetry says of the changed service in one minute.
    fn records(&self, world: &mut World, blocks: &[usize], place: usize) -> Vec<Record> {
        if let Traffic::PerSecond(rate) = self.layout.traffic {
            return batches::of_minute(self, world, blocks, place, rate);
        }
        let since = place.checked_sub(BEFORE);
        let serving = world.serving(since);
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
                world.show(serving.is_new, since, (took, status), 1);
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
        let (from, to) = (Some("old".into()), "new".into());
        let change = ChangeEvent::new("release", minute(BEFORE), world.key.clone(), from, to)
            .reached(ChangePhase::Started, world.new_instances());
        let share = self.layout.percent().map(TrafficShare::percent);
        match share {
            Some(share) => change
                .by(ChangeKind::Canary)
                .carrying(share.unwrap_or(TrafficShare::FULL)),
            None => change,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::{LAYOUTS, RATES};
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

    /// Calls in ten minutes after the change.
    fn calls(source: &Source, layout: Layout) -> u64 {
        let run = run(source, layout, ALIKE);
        let mut world = World::new(source, layout, 3);
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
