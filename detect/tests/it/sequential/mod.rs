//! The sequential comparison on a world of two sides.

mod callers;
mod dependencies;
mod excuses;
mod instances;
mod laws;
mod lost_calls;
mod metrics;
mod situations;
mod unequal;

use std::collections::BTreeMap;
use std::time::Duration;

use astern_detect::release::{SequentialComparison, SequentialParams};
use astern_graph_core::signal::Assessment;
use astern_graph_core::{
    Call, CallBatch, CallStatus, ChangePhase, Durations, GraphBuilder, GraphParams, NodeKey, Party,
    Record, TemporalGraph, Timestamp,
};
use astern_stats::rng::{ChaCha8Rng, seeded};
use proptest::prelude::*;

use crate::fixtures::{minute, minutes};
use crate::traffic::{cart, change, judged};

const RELEASED: i64 = 60;

/// What becomes of a call that was drawn: how long it took, in ms, and how it ended.
type Drawn = (f64, CallStatus);

/// Calls a minute on each side, and what becomes of those of the new one in a minute after the release.
struct World<'a> {
    old: i64,
    new: i64,
    until: i64,
    of_new: &'a dyn Fn(i64, &mut ChaCha8Rng, Drawn) -> Option<Drawn>,
}

impl World<'_> {
    /// An hour before and what follows; durations have three modes and a tail, whatever their number.
    fn records(&self, seed: u64) -> Vec<Record> {
        let mut rng = seeded(seed, 0);
        let mut records = vec![
            change(
                ChangePhase::Started,
                RELEASED,
                vec![NodeKey::instance("cart-new")],
            )
            .into(),
        ];
        for at in 0..self.until {
            let since = at - RELEASED;
            for i in 0..self.old + if since >= 0 { self.new } else { 0 } {
                let is_new = i >= self.old;
                let mode = [20.0, 25.0, 120.0][rng.random_range(0..3)];
                let tail = if rng.random::<f64>() < 0.02 {
                    30.0
                } else {
                    1.0
                };
                let drawn = (
                    mode * tail * (1.0 + 0.2 * rng.random::<f64>()),
                    CallStatus::Ok,
                );
                let drawn = if is_new {
                    (self.of_new)(since, &mut rng, drawn)
                } else {
                    Some(drawn)
                };
                let Some((ms, status)) = drawn else { continue };
                let (instance, revision) = if is_new {
                    ("cart-new".to_owned(), "v2")
                } else {
                    (format!("cart-{}", i % 3), "v1")
                };
                let party = Party::new(cart()).on(NodeKey::instance(instance), revision.into());
                let call = Call::new(minute(at).plus(Duration::from_secs(1)), party);
                records.push(
                    call.took(None, Some(Duration::from_secs_f64(1e-3 * ms)))
                        .ended(status)
                        .into(),
                );
            }
        }
        records
    }

    fn says(&self, seed: u64) -> Assessment {
        says(&graph(self.records(seed)), self.until)
    }
}

/// The same calls as telemetry counts them: of each minute, instance and revision a batch with a histogram.
fn batches(records: Vec<Record>, bounds_ms: &[f64]) -> Vec<Record> {
    let mut groups: BTreeMap<(Timestamp, Option<NodeKey>), Vec<Call>> = BTreeMap::new();
    let mut batches = Vec::new();
    for record in records {
        match record {
            Record::Call(call) => {
                let key = (call.at, call.callee.instance.clone());
                groups.entry(key).or_default().push(call);
            }
            other => batches.push(other),
        }
    }
    let batch = |((at, _), calls): (_, Vec<Call>)| {
        let count =
            |is: &dyn Fn(&Call) -> bool| calls.iter().filter(|call| is(call)).count() as u64;
        let ended = |status| count(&|call| call.status == status);
        let below = |ms: f64| {
            count(&|call| {
                call.server
                    .is_some_and(|took| 1e3 * took.as_secs_f64() <= ms)
            })
        };
        let buckets = bounds_ms.iter().map(|ms| (*ms, below(*ms))).collect();
        let first = calls.first()?;
        let batch = CallBatch::new(at, first.callee.clone(), calls.len() as u64)
            .failed(ended(CallStatus::Error))
            .refused(ended(CallStatus::ClientError));
        Some(batch.took(None, Some(Durations::Buckets(buckets))).into())
    };
    batches.extend(groups.into_iter().filter_map(batch));
    batches
}

fn graph(records: impl IntoIterator<Item = Record>) -> TemporalGraph {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    builder.extend(records);
    builder.build()
}

fn judge() -> SequentialComparison {
    SequentialParams::default().check().unwrap()
}

fn says(graph: &TemporalGraph, until: i64) -> Assessment {
    judged(&judge(), graph, until, minutes(0, RELEASED))
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "as everything that becomes of a call"
)]
fn same(_: i64, _: &mut ChaCha8Rng, drawn: Drawn) -> Option<Drawn> {
    Some(drawn)
}

fn world(of_new: &dyn Fn(i64, &mut ChaCha8Rng, Drawn) -> Option<Drawn>, since: i64) -> Assessment {
    let world = World {
        old: 40,
        new: 10,
        until: RELEASED + since,
        of_new,
    };
    world.says(1)
}
