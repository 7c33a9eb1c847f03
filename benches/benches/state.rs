//! Speed and size of a stored state: criterion's bytes a second are those of the state.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "the macros of criterion make undocumented items"
)]
#![allow(clippy::unwrap_used, reason = "a bench panics to fail")]

use astern::{Guard, GuardParams};
use astern_benches::synthetic::{churn, spread};
use astern_graph_core::{GraphBuilder, GraphParams, Timestamp};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// In test mode, where each bench runs once, the smallest size alone.
fn sizes<const N: usize>(all: [u32; N]) -> Vec<u32> {
    let once = std::env::args().any(|argument| argument == "--test");
    all.into_iter().take(if once { 1 } else { N }).collect()
}

/// A guard that has seen nothing: what every stored guard carries.
fn fresh_guard(c: &mut Criterion) {
    let guard = Guard::new(GuardParams::default()).unwrap();
    let mut group = c.benchmark_group("state_of_a_fresh_guard");
    let bytes = guard.to_bytes().unwrap().len();
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("to_bytes", |b| b.iter(|| guard.to_bytes().unwrap()));
    group.finish();
}

/// 20 services that call each other 200 times a minute each, no two calls of one duration.
fn durations(c: &mut Criterion) {
    let mut group = c.benchmark_group("state_of_durations_by_minutes");
    group.sample_size(10);
    for minutes in sizes([30, 300]) {
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        builder.extend(spread(minutes));
        let bytes = builder.to_bytes().unwrap().len();
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_with_input(
            BenchmarkId::from_parameter(minutes),
            &builder,
            |b, builder| b.iter(|| builder.to_bytes().unwrap()),
        );
    }
    group.finish();
}

/// A guard of 30 services whose two instances each are new every ten minutes.
fn renewed(c: &mut Criterion) {
    let mut group = c.benchmark_group("state_of_renewed_instances_by_hours");
    group.sample_size(10);
    for hours in sizes([2, 24]) {
        let mut guard = Guard::new(GuardParams::default()).unwrap();
        for minute in 0..60 * hours {
            let now = Timestamp::from_secs(60 * i64::from(minute + 1));
            guard.observe(churn(minute), now);
        }
        let bytes = guard.to_bytes().unwrap().len();
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_with_input(BenchmarkId::from_parameter(hours), &guard, |b, guard| {
            b.iter(|| guard.to_bytes().unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, fresh_guard, durations, renewed);
criterion_main!(benches);
