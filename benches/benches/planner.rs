//! Speed of plans, by the size of the system and the number of blamed changes.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "the macros of criterion make undocumented items"
)]
#![allow(clippy::unwrap_used, reason = "a bench panics to fail")]

use std::hint::black_box;
use std::time::Duration;

use astern::policy::{Planner, PlannerParams};
use astern_graph_core::signal::{Assessment, BlamedChange, Diagnosis, Verdict};
use astern_graph_core::{
    Call, ChangeEvent, EdgeKind, GraphBuilder, GraphParams, NodeKey, Party, TemporalGraph,
    Timestamp,
};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// Services in a row that call each other, so that a fault reaches up to so many.
const CHAIN: u32 = 20;
const NOW: Timestamp = Timestamp::from_secs(600);

fn key(service: u32) -> NodeKey {
    NodeKey::service(format!("s{service:06}"))
}

/// Chains of services behind one entrance, each called once a second in the last minute.
fn system(services: u32) -> TemporalGraph {
    let params = GraphParams::default().step(Duration::from_secs(10));
    let mut builder = GraphBuilder::new(params).unwrap();
    let entrance = NodeKey::service("entrance");
    for service in 0..services {
        let caller = match service % CHAIN {
            0 => entrance.clone(),
            _ => key(service - 1),
        };
        builder.declare_edge(caller.clone(), key(service), EdgeKind::Calls);
        builder.extend((0..6).map(|step| {
            let at = NOW.minus(Duration::from_secs(10 * step + 5));
            Call::new(at, Party::new(key(service)))
                .from(Party::new(caller.clone()))
                .into()
        }));
    }
    builder.build()
}

fn releases(services: u32, changes: u32) -> Vec<ChangeEvent> {
    let release = |number: u32| {
        let service = number * (services / changes);
        let id = format!("release-{number}");
        let at = NOW.minus(Duration::from_secs(120));
        ChangeEvent::new(
            id.as_str(),
            at,
            key(service),
            Some("r1".into()),
            "r2".into(),
        )
    };
    (0..changes).map(release).collect()
}

fn plan(c: &mut Criterion) {
    let once = std::env::args().any(|argument| argument == "--test");
    let sizes: &[(u32, u32)] = if once {
        &[(1_000, 50)]
    } else {
        &[(1_000, 50), (10_000, 50), (10_000, 500)]
    };
    let mut group = c.benchmark_group("plan");
    group.sample_size(10);
    for (services, changes) in sizes {
        let graph = system(*services);
        let releases = releases(*services, *changes);
        let blamed = |change: &ChangeEvent| {
            BlamedChange::new(change.id.clone(), change.service.clone(), Some(0.9))
        };
        let diagnosis = Diagnosis::new(vec![], releases.iter().map(blamed).collect());
        let params = PlannerParams::default().max_steps(1_000);
        let planner = Planner::new(params).unwrap();
        let assessment = Assessment::new(Verdict::Regressed);
        let id = BenchmarkId::new(format!("services {services}, blamed"), changes);
        group.bench_with_input(id, &graph, |b, graph| {
            b.iter(|| {
                let plan = planner.plan(graph, &assessment, &diagnosis, &releases, NOW);
                black_box(plan.unwrap())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, plan);
criterion_main!(benches);
