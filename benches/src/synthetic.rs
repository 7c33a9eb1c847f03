//! Inputs of the benches: made by formula, so that every run sees the same.

use std::sync::Arc;
use std::time::Duration;

use astern_graph_core::{
    Call, ChangeEvent, ChangePhase, EdgeKind, GraphBuilder, GraphParams, NodeKey, Party, Record,
    Sample, SpanId, TemporalGraph, TimeRange, Timestamp,
};
use astern_stats::ParamError;

/// Healthy minutes of [`tree`].
pub const HEALTHY: i64 = 120;
/// Minutes of [`tree`] after those.
pub const ABNORMAL: i64 = 10;

/// From minute `from` up to minute `to`; the year 1970 has room for both.
pub fn minutes(from: i64, to: i64) -> TimeRange {
    let at = |minute: i64| Timestamp::from_secs(60 * minute);
    let (start, end) = (at(from.min(to)), at(to.max(from + 1)));
    TimeRange { start, end }
}

/// A tree of at least one service in which each calls three others; the last one is slow from minute 123 on,
/// and so are its callers.
///
/// # Errors
/// Never with the parameters it uses; the builder's own error is passed on.
pub fn tree(services: u32) -> Result<TemporalGraph, ParamError> {
    let services = services.max(1);
    let mut builder = GraphBuilder::new(GraphParams::default())?;
    for (caller, callee) in tree_edges(services) {
        builder.declare_edge(caller, callee, EdgeKind::Calls);
    }
    for minute in 0..HEALTHY + ABNORMAL {
        builder.extend(tree_minute(services, minute, minute >= HEALTHY + 3));
    }
    Ok(builder.build())
}

/// Who calls whom in a [`tree`].
pub fn tree_edges(services: u32) -> impl Iterator<Item = (NodeKey, NodeKey)> {
    let key = |i: u32| NodeKey::service(format!("s{i:06}"));
    (1..services).map(move |i| (key((i - 1) / 3), key(i)))
}

/// One minute of a [`tree`], in which the last service is slow or is not.
pub fn tree_minute(services: u32, minute: i64, is_slow: bool) -> Vec<Record> {
    let mut suffering = vec![false; services as usize];
    let mut at = services.saturating_sub(1);
    loop {
        suffering[at as usize] = true;
        if at == 0 {
            break;
        }
        at = (at - 1) / 3;
    }
    let x = minute as f64;
    let fault = if is_slow { 40.0 + x.sin() } else { 0.0 };
    let time = Timestamp::from_secs(60 * minute);
    let sample = |i: u32| {
        let key = NodeKey::service(format!("s{i:06}"));
        let own = 20.0 + (x * (0.7 + 0.31 * f64::from(i))).sin();
        let suffered = if suffering[i as usize] { fault } else { 0.0 };
        Sample::new(time, key, "latency_ms", own + suffered).into()
    };
    (0..services).map(sample).collect()
}

/// A tree as [`tree`]'s with so many infrastructure metrics of each service and three calls over each edge
/// a minute, of which the last service takes longer from minute [`HEALTHY`] on.
///
/// # Errors
/// Never with the parameters it uses; the builder's own error is passed on.
pub fn metered(services: u32, metrics: u32) -> Result<TemporalGraph, ParamError> {
    use astern_graph_core::schema::{Feature, FeatureCatalogue, FeatureClass, Unit, Worse};
    let key = |i: u32| NodeKey::service(format!("s{i:06}"));
    let name = |metric: u32| format!("resource_{metric}");
    let feature = |metric: u32| {
        let infrastructure = FeatureClass::Infrastructure;
        Feature::new(&name(metric), Unit::Ratio, infrastructure, Worse::Up)
    };
    let catalogue = (0..metrics).fold(FeatureCatalogue::default(), |known, metric| {
        known.with(feature(metric))
    });
    let mut builder = GraphBuilder::new(GraphParams::default().catalogue(catalogue))?;
    for minute in 0..HEALTHY + ABNORMAL {
        let x = minute as f64;
        for i in 0..services {
            let slow = if minute >= HEALTHY && i + 1 == services {
                80
            } else {
                0
            };
            for call in 0..3_u32 {
                let server = Duration::from_millis(u64::from(20 + slow + (i + call) % 7));
                let client = server + Duration::from_millis(1);
                let at = Timestamp::from_secs(60 * minute + i64::from(call));
                let mut call = Call::new(at, Party::new(key(i))).took(Some(client), Some(server));
                call.exclusive = Some(server);
                if let Some(above) = i.checked_sub(1) {
                    call = call.from(Party::new(key(above / 3)));
                }
                builder.extend([call.into()]);
            }
            let at = Timestamp::from_secs(60 * minute);
            builder.extend((0..metrics).map(|metric| {
                let value = 0.3 + 0.05 * (x * (0.7 + 0.31 * f64::from(i + metric))).sin();
                Sample::new(at, key(i), name(metric).as_str(), value).into()
            }));
        }
    }
    Ok(builder.build())
}

/// So many services of four instances each, with twelve calls a minute to each instance. The first `changes` of them release
/// a revision in minute [`HEALTHY`] which one instance has; it changes nothing. Gives the releases too.
///
/// # Errors
/// Never with the parameters it uses; the builder's own error is passed on.
pub fn released(
    services: u32,
    changes: u32,
) -> Result<(TemporalGraph, Vec<ChangeEvent>), ParamError> {
    let key = |i: u32| NodeKey::service(format!("s{i:06}"));
    let pod = |i: u32, instance: u32| NodeKey::instance(format!("s{i:06}-{instance}"));
    let change = |i: u32| {
        let at = Timestamp::from_secs(60 * HEALTHY);
        let (from, to) = (Some("v1".into()), "v2".into());
        let started = ChangeEvent::new(format!("s{i:06}@v2").as_str(), at, key(i), from, to);
        started.reached(ChangePhase::Started, vec![pod(i, 0)])
    };
    let changes: Vec<ChangeEvent> = (0..changes.min(services)).map(change).collect();
    let mut builder = GraphBuilder::new(GraphParams::default())?;
    builder.extend(changes.iter().cloned().map(Record::from));
    for minute in 0..HEALTHY + ABNORMAL {
        for i in 0..services {
            for call in 0..48 {
                let is_new = minute >= HEALTHY && call % 4 == 0 && (i as usize) < changes.len();
                let revision = if is_new { "v2" } else { "v1" };
                // Unequal, and the same on both sides.
                let spread = (u64::from(i) + 31 * u64::from(call) + 7 * minute.unsigned_abs()) % 97;
                let took = Some(Duration::from_millis(10 + spread * spread / 40));
                let at = Timestamp::from_secs(60 * minute + i64::from(call));
                let callee = Party::new(key(i)).on(pod(i, call % 4), revision.into());
                let mut call = Call::new(at, callee).took(took, took);
                if let Some(above) = i.checked_sub(1) {
                    call = call.from(Party::new(key(above / 3)));
                }
                builder.extend([call.into()]);
            }
        }
    }
    Ok((builder.build(), changes))
}

/// What the calls of [`calls`] tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Services and durations.
    Services,
    /// Span ids as well, so that duplicates are looked for.
    Spans,
    /// Instances, revisions and user segments as well, but no span ids.
    Instances,
}

/// Calls between twenty services, a hundred a second.
pub fn calls(count: u32, told: Told) -> Vec<Record> {
    let services: Vec<Party> = (0..20)
        .map(|i| {
            let party = Party::new(NodeKey::service(format!("s{i:02}")));
            if told != Told::Instances {
                return party;
            }
            let pod = NodeKey::instance(format!("s{i:02}-0"));
            party.on(pod, "v1".into()).segment("eu")
        })
        .collect();
    let party = |i: u32| services[i as usize % services.len()].clone();
    (0..count)
        .map(|i| {
            let at = Timestamp::from_millis(i64::from(i) * 10);
            let server = Duration::from_micros(u64::from(1_000 + i * 7 % 5_000));
            let client = Some(server + Duration::from_millis(1));
            let mut call = Call::new(at, party(i * 7 + 1))
                .from(party(i))
                .took(client, Some(server));
            if told == Told::Spans {
                call.id = Some(SpanId::new(u128::from(i / 10), u64::from(i)));
            }
            call.into()
        })
        .collect()
}

/// One call over each of ten edges of each of many services, all in one step: the `k`-th call of
/// service `i` goes to service `(i + 7919 k) mod services`.
pub fn wide(services: u32) -> impl Iterator<Item = Record> {
    let keys: Arc<[NodeKey]> = (0..services)
        .map(|i| NodeKey::service(format!("s{i:06}")))
        .collect();
    let at = Timestamp::from_secs(30);
    let ms = |ms: u32| Some(Duration::from_millis(u64::from(ms)));
    (0..services).flat_map(move |i| {
        let keys = Arc::clone(&keys);
        (1..=10).map(move |k| {
            let key = |i: u32| keys[(i % services) as usize].clone();
            Call::new(at, Party::new(key(i.wrapping_add(7_919 * k))))
                .from(Party::new(key(i)))
                .took(ms(20 + k), ms(10 + k))
                .into()
        })
    })
}

/// Calls of so many minutes around a ring of 20 services, 200 a minute over each edge, each with a
/// duration of its own between .6 and 250 ms.
pub fn spread(minutes: u32) -> impl Iterator<Item = Record> {
    const SERVICES: u32 = 20;
    const CALLS: u32 = 200;
    let party = |i: u32| Party::new(NodeKey::service(format!("s{:02}", i % SERVICES)));
    (0..minutes).flat_map(move |minute| {
        let at = Timestamp::from_secs(60 * i64::from(minute));
        (0..SERVICES * CALLS).map(move |i| {
            // Steps of the golden ratio fill the range evenly, and no two are the same.
            let place = (f64::from(minute * SERVICES * CALLS + i) * 0.618_033_988_75).fract();
            let took = Some(Duration::from_secs_f64((place * 6.0 - 0.5).exp() / 1e3));
            let mut call = Call::new(at, party(i)).from(party(i + 1)).took(took, took);
            call.exclusive = took;
            call.into()
        })
    })
}

/// The calls of a minute: one of each of two instances of 30 services, all new every ten minutes,
/// with another revision twice a day, from five segments in turn.
pub fn churn(minute: u32) -> impl Iterator<Item = Record> {
    (0..60).map(move |i| {
        let (service, pod) = (i / 2, i % 2);
        let instance = NodeKey::instance(format!("s{service:02}-{}-{pod}", minute / 10));
        let revision = format!("r{}", minute / 720);
        let callee = Party::new(NodeKey::service(format!("s{service:02}")))
            .on(instance, revision.as_str().into())
            .segment(format!("u{}", minute % 5));
        let at = Timestamp::from_secs(i64::from(60 * minute + pod));
        let ms = Duration::from_millis(u64::from(10 + (service * 7 + pod) % 9));
        Call::new(at, callee).took(None, Some(ms)).into()
    })
}
