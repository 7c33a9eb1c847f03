//! Speed of each stage of the loop, by size.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "the macros of criterion make undocumented items"
)]
#![allow(clippy::unwrap_used, reason = "a bench panics to fail")]

use std::hint::black_box;

use astern_benches::synthetic::{ABNORMAL, HEALTHY, minutes, tree};
use astern_detect::pipeline::PipelineParams;
use astern_detect::score::RobustZParams;
use astern_graph_core::NodeKey;
use astern_rca::{DiagnoserParams, Incident};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const SERVICES: [u32; 3] = [12, 120, 1_200];

fn assess(c: &mut Criterion) {
    let mut group = c.benchmark_group("assess");
    let pipeline = PipelineParams::default().check().unwrap();
    for services in SERVICES {
        let graph = tree(services).unwrap();
        let healthy = minutes(0, HEALTHY);
        let fitted = pipeline.fit(&RobustZParams::default(), &graph, healthy);
        let fitted = fitted.unwrap();
        let recent = minutes(HEALTHY - 20, HEALTHY + ABNORMAL);
        group.bench_with_input(BenchmarkId::from_parameter(services), &graph, |b, graph| {
            b.iter(|| pipeline.assess(&fitted, black_box(graph), recent).unwrap());
        });
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
