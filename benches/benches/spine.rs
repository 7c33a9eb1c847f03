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
use astern_rca::{DiagnoserParams, Incident};
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
    let diagnoser = DiagnoserParams::default().check().unwrap();
    for services in SERVICES {
        let graph = tree(services).unwrap();
        let incident = Incident::new(
            NodeKey::service("s000000"),
            "latency_ms".into(),
            minutes(0, HEALTHY),
            minutes(HEALTHY, HEALTHY + ABNORMAL),
        );
        group.bench_with_input(BenchmarkId::from_parameter(services), &graph, |b, graph| {
            b.iter(|| diagnoser.diagnose(black_box(graph), &incident).unwrap());
        });
    }
    group.finish();
}

criterion_group!(spine, assess, diagnose);
criterion_main!(spine);
