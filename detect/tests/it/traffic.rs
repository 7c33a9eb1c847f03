//! Calls of a release, for tests of the judges.

use std::time::Duration;

use astern_detect::release::ReleaseJudge;
use astern_graph_core::signal::Assessment;
use astern_graph_core::{
    Call, CallStatus, ChangeEvent, ChangePhase, GraphBuilder, GraphParams, NodeKey, Party, Record,
    TemporalGraph, TimeRange,
};

use crate::fixtures::{minute, minutes};

pub(crate) fn cart() -> NodeKey {
    NodeKey::service("cart")
}

/// A step of the release of `cart`.
pub(crate) fn change(phase: ChangePhase, at: i64, instances: Vec<NodeKey>) -> ChangeEvent {
    let (from, to) = (Some("v1".into()), "v2".into());
    ChangeEvent::new("cart@v2", minute(at), cart(), from, to).reached(phase, instances)
}

/// What a judge says up to minute `end` of a release that started at minute 60.
pub(crate) fn judged(
    judge: &impl ReleaseJudge,
    graph: &TemporalGraph,
    end: i64,
    healthy: TimeRange,
) -> Assessment {
    let first = change(ChangePhase::Started, 60, Vec::new());
    judge
        .judge(graph, &first, minutes(60, end), healthy)
        .unwrap()
}

/// Calls of one instance in one minute: how many, how many of them fail or are refused, and how long each takes.
pub(crate) struct Minute {
    pub(crate) instance: &'static str,
    pub(crate) revision: &'static str,
    pub(crate) at: i64,
    pub(crate) calls: i64,
    pub(crate) failed: i64,
    pub(crate) refused: i64,
    pub(crate) ms: Option<u64>,
}

impl Minute {
    fn records(self) -> impl Iterator<Item = Record> {
        (0..self.calls).map(move |call| {
            let status = if call < self.failed {
                CallStatus::Error
            } else if call < self.failed + self.refused {
                CallStatus::ClientError
            } else {
                CallStatus::Ok
            };
            let instance = NodeKey::instance(self.instance);
            let party = Party::new(cart()).on(instance, self.revision.into());
            Call::new(minute(self.at), party)
                .took(None, self.ms.map(Duration::from_millis))
                .ended(status)
                .into()
        })
    }
}

pub(crate) fn old(at: i64, calls: i64, failed: i64, ms: Option<u64>) -> Minute {
    let (instance, revision) = ("cart-0", "v1");
    Minute {
        instance,
        revision,
        at,
        calls,
        failed,
        refused: 0,
        ms,
    }
}

pub(crate) fn new(at: i64, calls: i64, failed: i64, ms: Option<u64>) -> Minute {
    let (instance, revision) = ("cart-1", "v2");
    Minute {
        instance,
        revision,
        ..old(at, calls, failed, ms)
    }
}

pub(crate) fn graph_of(traffic: Vec<Minute>, steps: Vec<ChangeEvent>) -> TemporalGraph {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    builder.extend(traffic.into_iter().flat_map(Minute::records));
    builder.extend(steps.into_iter().map(Into::into));
    builder.build()
}

/// Traffic of an hour after a release of `cart` at minute 60 on one of three instances; its calls take `new_ms` and
/// fail every `new_fails`-th time. Old ones take 20 ms and never fail.
pub(crate) fn release(new_ms: u64, new_fails: i64, calls: i64) -> TemporalGraph {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for i in 0..calls {
        let since = Duration::from_secs(u64::try_from(i * 3_600 / calls).unwrap());
        let new = i % 3 == 0;
        let revision = if new { "v2" } else { "v1" };
        let instance = NodeKey::instance(format!("cart-{}", i % 3));
        let ms = if new { new_ms } else { 20 } + u64::try_from(i % 5).unwrap();
        let failed = new && new_fails > 0 && (i / 3) % new_fails == 0;
        let party = Party::new(cart()).on(instance, revision.into());
        let call = Call::new(minute(60).plus(since), party)
            .took(None, Some(Duration::from_millis(ms)))
            .ended(if failed {
                CallStatus::Error
            } else {
                CallStatus::Ok
            });
        builder.extend([call.into()]);
    }
    builder.build()
}
