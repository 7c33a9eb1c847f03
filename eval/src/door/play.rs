//! One run: an hour before a change and an hour after it, judged after each minute.

use std::time::Duration;

use astern::detect::release::{AnyReleaseJudge, ReleaseJudge as _};
use astern_graph_core::signal::Verdict;
use astern_graph_core::{
    Call, ChangeEvent, ChangeKind, ChangePhase, GraphBuilder, GraphParams, NodeKey, Party, Record,
    TimeRange, Timestamp, TrafficShare,
};
use astern_sim::Feed;
use astern_stats::rng::{ChaCha8Rng, seeded};
use rand::RngExt as _;

use super::oracle::{Raw, rejects};
use super::real::Source;
use super::situation::{Layout, MINUTES, Situation};
use crate::EvalError;

/// Minutes before the change.
pub(super) const BEFORE: usize = 60;

const STEP: Duration = Duration::from_secs(60);

/// What was said in a run.
#[derive(Debug, Clone)]
pub(super) struct Played {
    /// Verdict of each judge after each minute.
    pub(super) verdicts: Vec<Vec<Verdict>>,
    /// First minute after which the oracle rejects.
    pub(super) oracle: Option<usize>,
    /// Whether it rejects after the last.
    pub(super) oracle_at_end: bool,
}

impl Played {
    /// First minute after which a judge says "regressed".
    pub(super) fn regressed(&self, judge: usize) -> Option<usize> {
        let mut verdicts = self.verdicts[judge].iter();
        verdicts.position(|verdict| *verdict == Verdict::Regressed)
    }
}

/// Who plays.
pub(super) struct Run<'a> {
    pub(super) source: &'a Source,
    pub(super) layout: Layout,
    pub(super) situation: Situation,
    pub(super) feed: Feed,
    pub(super) judges: &'a [AnyReleaseJudge],
    pub(super) alpha: f64,
}

fn minute(minute: usize) -> Timestamp {
    Timestamp::from_secs(60 * i64::try_from(minute).unwrap_or(i64::MAX))
}

/// The state of a run.
struct World {
    rng: ChaCha8Rng,
    /// Place of the service that is changed.
    service: usize,
    key: NodeKey,
    /// How often an instance is chosen, of the old and of the new side.
    weights: [Vec<f64>; 2],
    /// The calls of both sides; of the time before the change only where no old side is left.
    old: Vec<Raw>,
    new: Vec<Raw>,
}

impl Run<'_> {
    pub(super) fn play(&self, seed: u64) -> Result<Played, EvalError> {
        let mut world = self.world(seed);
        let blocks = self.blocks(&mut world.rng);
        let params = GraphParams::default().step(STEP);
        let mut builder = GraphBuilder::new(params)?;
        let change = self.change(&world.key);
        let healthy = TimeRange::new(minute(0), minute(BEFORE))?;
        let mut played = Played {
            verdicts: vec![Vec::new(); self.judges.len()],
            oracle: None,
            oracle_at_end: false,
        };
        for (place, block) in blocks.iter().enumerate() {
            let since = place.checked_sub(BEFORE);
            if since == Some(0) {
                builder.extend([change.clone().into()]);
                if self.layout.percent < 100 {
                    world.old.clear();
                }
            }
            let records = self.records(&mut world, *block, place);
            builder.advance(minute(place + 1));
            builder.extend(self.feed.of(records, STEP));
            let Some(since) = since else { continue };
            let graph = builder.build();
            let range = TimeRange::new(change.at, minute(place + 1))?;
            for (judge, verdicts) in self.judges.iter().zip(&mut played.verdicts) {
                let judged = judge.judge(&graph, &change, range, healthy);
                verdicts.push(judged.map_err(|e| EvalError::Guard(e.into()))?.verdict);
            }
            let is_last = since + 1 == MINUTES;
            if played.oracle.is_none() || is_last {
                let rejected = rejects(&world.new, &world.old, self.alpha);
                played.oracle = played.oracle.or(rejected.then_some(since));
                played.oracle_at_end = is_last && rejected;
            }
        }
        Ok(played)
    }

    fn world(&self, seed: u64) -> World {
        let mut rng = seeded(seed, 0);
        let services = self.source.changeable();
        let service = services[rng.random_range(0..services.len())];
        let mut weights = |n: u32| (0..n).map(|_| 1.0 + 2.0 * rng.random::<f64>()).collect();
        World {
            weights: [weights(self.layout.old), weights(self.layout.new)],
            service,
            key: NodeKey::service(self.source.services[service].as_str()),
            rng,
            old: Vec::new(),
            new: Vec::new(),
        }
    }

    /// The calls of the changed service in one minute, each request on one side.
    fn records(&self, world: &mut World, block: usize, place: usize) -> Vec<Record> {
        let since = place.checked_sub(BEFORE);
        let mut records = Vec::new();
        for request in &self.source.blocks[block] {
            let is_new = since.is_some() && world.rng.random::<f64>() < self.layout.share();
            let revision = if is_new { "new" } else { "old" };
            let instance = pick(&mut world.rng, &world.weights[usize::from(is_new)]);
            for call in request.iter().filter(|call| call.service == world.service) {
                let chance = world.rng.random::<f64>();
                let drawn = (call.took, call.status);
                let seen = match since {
                    Some(since) => self.situation.on(drawn, is_new, since, chance),
                    None => Some(drawn),
                };
                let Some((took, status)) = seen else { continue };
                let name = NodeKey::instance(format!("{revision}-{instance}"));
                let party = Party::new(world.key.clone()).on(name, revision.into());
                let at = minute(place).plus(Duration::from_secs(30));
                let call = Call::new(at, party).took(None, Some(took)).ended(status);
                records.push(call.into());
                let ms = 1e3 * took.as_secs_f64();
                let side = if is_new {
                    &mut world.new
                } else {
                    &mut world.old
                };
                side.push(Raw { ms, status });
            }
        }
        records
    }

    /// Which blocks of the source a run takes.
    fn blocks(&self, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let all = self.source.blocks.len();
        let length = BEFORE + MINUTES;
        if self.source.in_order {
            let first = rng.random_range(0..=all.saturating_sub(length));
            return (first..all.min(first + length)).collect();
        }
        (0..length).map(|_| rng.random_range(0..all)).collect()
    }

    fn change(&self, service: &NodeKey) -> ChangeEvent {
        let instances = (0..self.layout.new).map(|i| NodeKey::instance(format!("new-{i}")));
        let (from, to) = (Some("old".into()), "new".into());
        let share = TrafficShare::percent(self.layout.percent).unwrap_or(TrafficShare::FULL);
        ChangeEvent::new("release", minute(BEFORE), service.clone(), from, to)
            .by(ChangeKind::Canary)
            .reached(ChangePhase::Started, instances.collect())
            .carrying(share)
    }
}

/// An instance by its weight.
fn pick(rng: &mut ChaCha8Rng, weights: &[f64]) -> usize {
    let mut left = rng.random::<f64>() * weights.iter().sum::<f64>();
    let place = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    place.unwrap_or(weights.len() - 1)
}
