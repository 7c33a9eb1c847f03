//! Speed of the questions about topology, by size: ten edges a node.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "the macros of criterion make undocumented items"
)]
#![allow(clippy::unwrap_used, reason = "a bench panics to fail")]

use std::hint::black_box;

use astern_graph_core::export::ExportParams;
use astern_graph_core::topology::Towards;
use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeId, NodeKey, TemporalGraph};
use astern_stats::rng::seeded;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rand::RngExt;

const EDGES_PER_NODE: u32 = 10;

/// In test mode, where each bench runs once, the smallest size alone: a graph of 100,000 nodes takes
/// seconds to build.
fn sizes() -> &'static [u32] {
    let once = std::env::args().any(|argument| argument == "--test");
    if once {
        &[1_000]
    } else {
        &[1_000, 10_000, 100_000]
    }
}

/// A seeded system whose calls mostly lead down a list of services, so that it has depth, and one
/// in fifty leads anywhere, so that it has circles. `extra` adds edges of another stream.
fn builder(nodes: u32, extra: u32) -> GraphBuilder {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    let key = |i: u32| NodeKey::service(format!("s{i:06}"));
    let mut declare = |count: u32, stream: u64| {
        let mut rng = seeded(7, stream);
        for _ in 0..count {
            let from = rng.random_range(0..nodes);
            let anywhere = from + 1 == nodes || rng.random_ratio(1, 50);
            let first = if anywhere { 0 } else { from + 1 };
            builder.declare_edge(
                key(from),
                key(rng.random_range(first..nodes)),
                EdgeKind::Calls,
            );
        }
    };
    declare(EDGES_PER_NODE * nodes, 0);
    declare(extra, 1);
    builder
}

fn by_size<O>(
    c: &mut Criterion,
    name: &str,
    graphs: &[(u32, TemporalGraph)],
    mut run: impl FnMut(&TemporalGraph) -> O,
) {
    let mut group = c.benchmark_group(name);
    group.sample_size(20);
    for (nodes, graph) in graphs {
        group.bench_with_input(BenchmarkId::from_parameter(nodes), graph, |b, graph| {
            b.iter(|| run(black_box(graph)));
        });
    }
    group.finish();
}

/// Ten nodes spread over the graph, as a batch of a sampler.
fn batch(graph: &TemporalGraph) -> Vec<NodeId> {
    graph.ids().step_by(graph.node_count() / 10).collect()
}

fn topology(c: &mut Criterion) {
    let graphs: Vec<(u32, TemporalGraph)> = sizes()
        .iter()
        .map(|nodes| (*nodes, builder(*nodes, 0).build()))
        .collect();
    by_size(c, "blast_radius", &graphs, |graph| {
        graph.blast_radius(graph.ids().last().unwrap())
    });
    for hops in 1..=3 {
        by_size(c, &format!("neighbourhood_{hops}"), &graphs, |graph| {
            graph.neighbourhood(&batch(graph), Towards::FaultOrigins, hops)
        });
    }
    by_size(c, "strong_groups", &graphs, TemporalGraph::strong_groups);
    by_size(c, "callers_first", &graphs, TemporalGraph::callers_first);
    by_size(c, "feedback_arcs", &graphs, TemporalGraph::feedback_arcs);
    by_size(c, "dominators", &graphs, |graph| {
        graph.dominators(Towards::Callees)
    });
    by_size(
        c,
        "articulation_points",
        &graphs,
        TemporalGraph::articulation_points,
    );
    by_size(c, "to_dot", &graphs[..1], |graph| {
        graph.to_dot(&ExportParams::default().nodes_max(1_000).edges_max(10_000))
    });
    by_size(c, "to_mermaid", &graphs[..1], |graph| {
        graph.to_mermaid(&ExportParams::default().nodes_max(1_000).edges_max(10_000))
    });
}

fn diff(c: &mut Criterion) {
    let mut group = c.benchmark_group("diff");
    group.sample_size(20);
    for nodes in sizes() {
        let (before, after) = (
            builder(*nodes, 0).build(),
            builder(*nodes, *nodes / 100).build(),
        );
        group.bench_function(BenchmarkId::from_parameter(nodes), |b| {
            b.iter(|| black_box(&before).diff(black_box(&after)));
        });
    }
    group.finish();
}

criterion_group!(benches, topology, diff);
criterion_main!(benches);
