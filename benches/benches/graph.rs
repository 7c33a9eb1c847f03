//! Speed of a graph by size: records into a builder, a graph out of it, bytes, merging.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "the macros of criterion make undocumented items"
)]
#![allow(clippy::unwrap_used, reason = "a bench panics to fail")]

use std::hint::black_box;

use astern_benches::synthetic::{Told, calls, minutes, wide};
use astern_graph_core::{
    ChangeEvent, ChangePhase, EdgeKind, GraphBuilder, GraphParams, NodeKey, NodeKind, Record,
    TemporalGraph, Timestamp,
};
use criterion::{
    BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};

/// In test mode, where each bench runs once, the smallest size alone.
fn sizes<const N: usize>(all: [u32; N]) -> Vec<u32> {
    let once = std::env::args().any(|argument| argument == "--test");
    all.into_iter().take(if once { 1 } else { N }).collect()
}

fn builder() -> GraphBuilder {
    GraphBuilder::new(GraphParams::default()).unwrap()
}

/// Calls per second, with the builder made and the records dropped outside the timed part.
fn ingest(c: &mut Criterion) {
    for (name, told) in [
        ("services", Told::Services),
        ("spans", Told::Spans),
        ("instances", Told::Instances),
    ] {
        let mut group = c.benchmark_group(format!("ingest_{name}"));
        for count in sizes([1_000, 10_000, 100_000, 1_000_000]) {
            take(&mut group, count, &calls(count, told));
        }
        group.finish();
    }
}

/// As `ingest`, of calls that each are the first over their edge.
fn ingest_wide(c: &mut Criterion) {
    let mut group = c.benchmark_group("ingest_wide_by_nodes");
    for nodes in sizes([1_000, 10_000, 100_000]) {
        take(&mut group, nodes, &wide(nodes).collect::<Vec<_>>());
    }
    group.finish();
}

fn take(
    group: &mut BenchmarkGroup<'_, criterion::measurement::WallTime>,
    size: u32,
    records: &[Record],
) {
    group.sample_size(10);
    group.throughput(Throughput::Elements(records.len() as u64));
    group.bench_with_input(BenchmarkId::from_parameter(size), records, |b, records| {
        b.iter_batched(
            || (builder(), records.to_vec()),
            |(mut builder, mut records)| {
                builder.extend(records.drain(..));
                (builder, records)
            },
            BatchSize::LargeInput,
        );
    });
}

/// Of graphs with ten edges a node.
fn by_nodes<T>(
    c: &mut Criterion,
    name: &str,
    inputs: &[(u32, T)],
    mut run: impl FnMut(&T) -> TemporalGraph,
) {
    let mut group = c.benchmark_group(name);
    group.sample_size(10);
    for (nodes, input) in inputs {
        group.bench_with_input(BenchmarkId::from_parameter(nodes), input, |b, input| {
            b.iter(|| run(black_box(input)));
        });
    }
    group.finish();
}

fn graphs(c: &mut Criterion) {
    let filled = |nodes: u32| {
        let mut builder = builder();
        builder.extend(wide(nodes));
        (nodes, builder)
    };
    let builders: Vec<_> = sizes([1_000, 10_000, 100_000])
        .into_iter()
        .map(filled)
        .collect();
    // The first graph after a node or edge came or went: a copy has no layout yet.
    let stored: Vec<_> = builders
        .iter()
        .map(|(nodes, builder)| (*nodes, builder.build().to_bytes().unwrap()))
        .collect();
    by_nodes(c, "build_again", &builders, GraphBuilder::build);
    by_nodes(c, "from_bytes", &stored, |bytes| {
        TemporalGraph::from_bytes(bytes).unwrap()
    });
    let mut group = c.benchmark_group("build_first");
    group.sample_size(10);
    for nodes in sizes([1_000, 10_000, 100_000]) {
        group.bench_function(BenchmarkId::from_parameter(nodes), |b| {
            let setup = || filled(nodes).1;
            b.iter_batched_ref(setup, |builder| builder.build(), BatchSize::PerIteration);
        });
    }
    group.finish();
    let mut group = c.benchmark_group("merge_equal_halves");
    group.sample_size(10);
    for (nodes, builder) in &builders {
        group.bench_function(BenchmarkId::from_parameter(nodes), |b| {
            let clone = || builder.clone();
            b.iter_batched_ref(
                clone,
                |one| one.merge(builder).unwrap(),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
    let mut group = c.benchmark_group("edge_window");
    group.sample_size(10);
    for (nodes, builder) in &builders {
        let graph = builder.build();
        group.bench_function(BenchmarkId::from_parameter(nodes), |b| {
            b.iter(|| graph.edge_window(EdgeKind::Calls, minutes(0, 1)).unwrap());
        });
    }
    group.finish();
    let graph = builders[0].1.build();
    c.bench_function("window_1000_nodes_1_step", |b| {
        b.iter(|| graph.window(NodeKind::Service, minutes(0, 1)).unwrap());
    });
}

/// Steps of changes: many of one change, and as many of changes with ten each.
fn changes(c: &mut Criterion) {
    let mut group = c.benchmark_group("change_steps");
    group.sample_size(10);
    for steps in sizes([1_000, 10_000, 100_000]) {
        for (name, of_one) in [("of one change", steps), ("ten a change", 10)] {
            let step = |number: u32| {
                let change = number / of_one;
                let id = format!("release-{change}");
                let service = NodeKey::service(format!("s{}", change % 1_000));
                let at = Timestamp::from_secs(i64::from(number % 3_000));
                ChangeEvent::new(id.as_str(), at, service, Some("r1".into()), "r2".into())
                    .reached(ChangePhase::Progressed, Vec::new())
            };
            let mut builder = builder();
            builder.extend((0..steps).map(|number| step(number).into()));
            let graph = builder.build();
            let id = BenchmarkId::new(format!("attempts, {name}"), steps);
            group.bench_function(id, |b| {
                b.iter(|| graph.last_attempts(Timestamp::from_secs(3_600)).len());
            });
            let id = BenchmarkId::new(format!("steps of it, {name}"), steps);
            group.bench_function(id, |b| {
                b.iter(|| graph.change_steps(&"release-0".into()).count());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, ingest, ingest_wide, graphs, changes);
criterion_main!(benches);
