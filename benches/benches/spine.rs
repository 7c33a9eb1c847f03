//! Speed of each stage of the loop, by size.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "the macros of criterion make undocumented items"
)]
#![allow(clippy::unwrap_used, reason = "a bench panics to fail")]

use std::hint::black_box;

use astern_benches::synthetic::{ABNORMAL, HEALTHY, minutes, tree};
use astern_detect::AssessorParams;
use astern_graph_core::{NodeKey, NodeKind};
use astern_rca::rank::FusedParams;
use astern_rca::te::{Estimator, GaussianParams};
use astern_rca::{Incident, Ranker};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const SERVICES: [u32; 3] = [12, 120, 1_200];

fn assess(c: &mut Criterion) {
    let mut group = c.benchmark_group("assess");
    for services in SERVICES {
        let graph = tree(services).unwrap();
        let window = |from, to| graph.window(NodeKind::Service, minutes(from, to)).unwrap();
        let assessor = AssessorParams::default().fit(&window(0, HEALTHY)).unwrap();
        let recent = window(HEALTHY - 20, HEALTHY + ABNORMAL);
        group.bench_with_input(
            BenchmarkId::from_parameter(services),
            &recent,
            |b, recent| {
                b.iter(|| assessor.assess(black_box(recent)).unwrap());
            },
        );
    }
    group.finish();
}

fn diagnose(c: &mut Criterion) {
    let mut group = c.benchmark_group("diagnose");
    let ranker = FusedParams::default().check().unwrap();
    for services in SERVICES {
        let graph = tree(services).unwrap();
        let incident = Incident::new(
            NodeKey::service("s000000"),
            "latency_ms".into(),
            minutes(0, HEALTHY),
            minutes(HEALTHY, HEALTHY + ABNORMAL),
        );
        group.bench_with_input(BenchmarkId::from_parameter(services), &graph, |b, graph| {
            b.iter(|| ranker.rank(black_box(graph), &incident).unwrap());
        });
    }
    group.finish();
}

fn transfer_entropy(c: &mut Criterion) {
    let mut group = c.benchmark_group("transfer_entropy_gaussian");
    for n in [200_usize, 2_000, 20_000] {
        let x: Vec<f64> = (0..n)
            .map(|t| (t as f64 * 0.7).sin() + (t * t % 17) as f64)
            .collect();
        let y: Vec<f64> = (0..n)
            .map(|t| (t as f64 * 1.3).cos() + (t * t % 23) as f64)
            .collect();
        group.bench_with_input(BenchmarkId::from_parameter(n), &n, |b, _| {
            let te = GaussianParams::default().check().unwrap();
            b.iter(|| te.estimate(black_box(&x), &y).unwrap());
        });
    }
    group.finish();
}

criterion_group!(spine, assess, diagnose, transfer_entropy);
criterion_main!(spine);
