//! Speed of one step of a guard, by the number of services: all is well, or a service and its callers are slow.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "the macros of criterion make undocumented items"
)]
#![allow(clippy::unwrap_used, reason = "a bench panics to fail")]

use astern::{Event, Guard, GuardParams};
use astern_benches::synthetic::{tree_edges, tree_minute};
use astern_graph_core::{EdgeKind, Timestamp};
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};

/// Minutes that the guard has seen before the step.
const SEEN: i64 = 66;

fn end(minute: i64) -> Timestamp {
    Timestamp::from_secs(60 * (minute + 1))
}

/// A guard that has learnt, as bytes; in the last minutes the last service is slow or is not.
fn seen(services: u32, is_slow: bool) -> Vec<u8> {
    let mut guard = Guard::new(GuardParams::default()).unwrap();
    for (caller, callee) in tree_edges(services) {
        guard.declare_edge(caller, callee, EdgeKind::Calls);
    }
    for minute in 0..SEEN {
        let slow = is_slow && minute > SEEN - 4;
        guard.observe(tree_minute(services, minute, slow), end(minute));
    }
    guard.to_bytes().unwrap()
}

fn tick(c: &mut Criterion) {
    let once = std::env::args().any(|argument| argument == "--test");
    let mut group = c.benchmark_group("tick");
    group.sample_size(10);
    for (name, is_slow, sizes) in [
        ("well", false, [1_000, 10_000, 20_000]),
        ("anomalous", true, [1_000, 10_000, 20_000]),
    ] {
        for services in sizes.into_iter().take(if once { 1 } else { 3 }) {
            let bytes = seen(services, is_slow);
            let set_up = || {
                let guard = Guard::from_bytes(&bytes, GuardParams::default(), 1).unwrap();
                (guard, tree_minute(services, SEEN, is_slow))
            };
            let (mut guard, records) = set_up();
            let events = guard.observe(records, end(SEEN));
            let is_diagnosed = events.iter().any(|e| matches!(e, Event::Diagnosed(_)));
            assert_eq!(is_diagnosed, is_slow);
            group.bench_function(BenchmarkId::new(name, services), |b| {
                b.iter_batched(
                    set_up,
                    // What is dropped is not timed.
                    |(mut guard, records)| (guard.observe(records, end(SEEN)), guard),
                    BatchSize::PerIteration,
                );
            });
        }
    }
    group.finish();
}

criterion_group!(benches, tick);
criterion_main!(benches);
