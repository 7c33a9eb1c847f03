//! Speed of a diagnosis: a system of the size of Train Ticket with all its telemetry, and very large
//! ones of which only latencies are known, or all calls.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "the macros of criterion make undocumented items"
)]
#![allow(clippy::unwrap_used, reason = "a bench panics to fail")]

use std::hint::black_box;

use astern_benches::synthetic::{ABNORMAL, HEALTHY, metered, minutes, tree};
use astern_graph_core::{NodeKey, TemporalGraph};
use astern_rca::{DiagnoserParams, Incident};
use criterion::{Criterion, criterion_group, criterion_main};

fn diagnose(c: &mut Criterion) {
    let mut group = c.benchmark_group("fused");
    let diagnoser = DiagnoserParams::default().check().unwrap();
    let incident = |metric: &str, before: i64, after: i64| {
        Incident::new(
            NodeKey::service("s000000"),
            metric.into(),
            minutes(HEALTHY - before, HEALTHY),
            minutes(HEALTHY, HEALTHY + after),
        )
    };
    let mut bench = |name: &str, graph: &TemporalGraph, incident: &Incident| {
        group.bench_function(name, |b| {
            b.iter(|| diagnoser.diagnose(black_box(graph), incident).unwrap());
        });
    };
    let train_ticket = metered(46, 10).unwrap();
    let asked = incident("latency_ms_p95", 60, 3);
    bench("46 services, 460 metrics, calls", &train_ticket, &asked);
    let large = tree(10_000).unwrap();
    let asked = incident("latency_ms", HEALTHY, ABNORMAL);
    bench("10,000 services", &large, &asked);
    let busy = metered(10_000, 0).unwrap();
    let asked = incident("latency_ms_p95", 60, 3);
    group.sample_size(10);
    group.bench_function("10,000 services, calls", |b| {
        b.iter(|| diagnoser.diagnose(black_box(&busy), &asked).unwrap());
    });
    group.finish();
}

criterion_group!(rca, diagnose);
criterion_main!(rca);
