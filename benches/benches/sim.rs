//! Speed of the simulators, by size: events per second, and steps of the coarse one.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "the macros of criterion make undocumented items"
)]
#![allow(clippy::unwrap_used, reason = "a bench panics to fail")]

use std::hint::black_box;
use std::time::Duration;

use astern_sim::coarse::{CoarseScenario, CoarseSimulator};
use astern_sim::{Scenario, Simulator, Topology};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Requests per second from outside: what the topologies are sized for.
const PER_SECOND: f64 = 10.0;
/// Simulated time of one measurement.
const MINUTE: Duration = Duration::from_secs(60);
const SERVICES: [usize; 3] = [1_000, 10_000, 100_000];

/// One simulated minute after one minute of warming up.
fn events(c: &mut Criterion) {
    let mut group = c.benchmark_group("simulator/minute");
    let generated = |services| Topology::generated(services, 7).unwrap();
    for (name, topology) in [
        ("boutique", Topology::boutique()),
        ("train_ticket", Topology::train_ticket()),
        ("generated_100", generated(100)),
        ("generated_1000", generated(1_000)),
    ] {
        let mut scenario = Scenario::new(topology, 7);
        scenario.load.per_second = PER_SECOND;
        let mut warm = Simulator::new(&scenario).unwrap();
        warm.advance(scenario.start.plus(MINUTE)).unwrap();
        let end = scenario.start.plus(2 * MINUTE);
        let mut counted = warm.clone();
        counted.advance(end).unwrap();
        group.throughput(Throughput::Elements(counted.events() - warm.events()));
        group.bench_function(name, |b| {
            b.iter_batched(
                || warm.clone(),
                |mut simulator| black_box(simulator.advance(end).unwrap().len()),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn generate(c: &mut Criterion) {
    let mut group = c.benchmark_group("generated");
    group.sample_size(10);
    for services in SERVICES {
        group.throughput(Throughput::Elements(services as u64));
        group.bench_function(BenchmarkId::from_parameter(services), |b| {
            b.iter(|| Topology::generated(black_box(services), 7).unwrap());
        });
    }
    group.finish();
}

/// One step of states, and the same step as records.
fn coarse(c: &mut Criterion) {
    let mut group = c.benchmark_group("coarse/step");
    group.sample_size(10);
    for services in SERVICES {
        let topology = Topology::generated(services, 7).unwrap();
        let mut scenario = CoarseScenario::new(topology, 7);
        scenario.load.per_second = PER_SECOND;
        scenario.span = Duration::from_secs(1_000_000);
        let mut simulator = CoarseSimulator::new(&scenario).unwrap();
        group.throughput(Throughput::Elements(services as u64));
        group.bench_function(BenchmarkId::new("states", services), |b| {
            b.iter(|| simulator.next().unwrap());
        });
        let step = simulator.next().unwrap();
        group.bench_function(BenchmarkId::new("records", services), |b| {
            b.iter(|| simulator.records(black_box(&step)));
        });
    }
    group.finish();
}

criterion_group!(benches, events, generate, coarse);
criterion_main!(benches);
