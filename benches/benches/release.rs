//! Speed of judging watched changes, by how many there are.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "the macros of criterion make undocumented items"
)]
#![allow(clippy::unwrap_used, reason = "a bench panics to fail")]

use std::hint::black_box;

use astern_benches::synthetic::{ABNORMAL, HEALTHY, minutes, released};
use astern_detect::release::{ReleaseJudge, ReleaseJudgeParams};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const SERVICES: u32 = 1_000;

fn judge(c: &mut Criterion) {
    let mut group = c.benchmark_group("judge");
    group.sample_size(10);
    for changes in [20, 200] {
        let (graph, changes) = released(SERVICES, changes).unwrap();
        for params in ReleaseJudgeParams::all() {
            let name = params.name();
            let judge = params.check().unwrap();
            let id = BenchmarkId::new(name, changes.len());
            group.bench_with_input(id, &graph, |b, graph| {
                b.iter(|| {
                    for change in &changes {
                        let since = minutes(HEALTHY, HEALTHY + ABNORMAL);
                        let healthy = minutes(0, HEALTHY);
                        black_box(judge.judge(graph, change, since, healthy).unwrap());
                    }
                });
            });
        }
    }
    group.finish();
}

criterion_group!(release, judge);
criterion_main!(release);
