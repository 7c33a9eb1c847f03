//! A file of traces to a graph: what became of each span, every edge with its calls, errors and
//! latency from both sides, and a drawing.
//!
//! ```sh
//! cargo run --release -p astern-examples --example trace_file [FILE [FORMAT]]
//! ```
//!
//! Without FILE it reads `examples/data/traces.json`; without FORMAT it looks at how the file begins.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use astern_examples::data;
use astern_graph_core::export::ExportParams;
use astern_graph_core::{
    CallSummary, EdgeKind, GraphBuilder, GraphParams, Link, NodeKey, NodeKind, Record,
    TemporalGraph,
};
use astern_traces::{SpanParams, Spans, TraceFormat};
use comfy_table::{Table, presets};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let given = args.next();
    let is_sample = given.is_none();
    let file = given.unwrap_or_else(|| data("traces.json").display().to_string());
    let bytes = std::fs::read(&file).map_err(|reason| format!("{file}: {reason}"))?;
    let format = match args.next() {
        Some(word) => word.parse()?,
        None => {
            TraceFormat::recognise(&bytes).ok_or_else(|| format!("{file}: of no known format"))?
        }
    };

    let mut spans = Spans::new(&SpanParams::default())?;
    spans
        .read(format, &bytes)
        .map_err(|reason| format!("{file}: {reason}"))?;
    let joined = spans.join();
    println!("{file}, {format}\n{}\n", joined.report);

    let mut builder = GraphBuilder::new(GraphParams::default())?;
    let ingested = builder.extend(joined.calls.into_iter().map(Record::from));
    println!("{ingested}");
    let graph = builder.build();
    println!("{} nodes, {} edges", graph.node_count(), graph.edge_count());
    println!("{}\n", table(&graph));
    println!("{}", graph.to_mermaid(&ExportParams::default()));

    if is_sample {
        assert_eq!((ingested.accepted, ingested.dropped()), (9, 0));
        let service = |name| NodeKey::service(name);
        let pay = Link::new(service("frontend"), service("payment"), EdgeKind::Calls);
        let redis = NodeKey::new(NodeKind::Cache, "cart-redis");
        let reads = Link::new(service("cart"), redis, EdgeKind::Reads);
        let of = |link| over(&graph, link).ok_or("an edge of the sample is not there");
        assert_eq!((of(&pay)?.calls, of(&pay)?.errors), (2, 1));
        assert!(
            of(&reads)?
                .latency_ms(0.5)
                .is_some_and(|ms| (ms - 2.0).abs() < 0.02)
        );
    }
    Ok(())
}

/// All calls over an edge.
fn over(graph: &TemporalGraph, link: &Link) -> Option<CallSummary> {
    graph.calls_over(&link.from, &link.to, link.kind, graph.extent()?)
}

fn table(graph: &TemporalGraph) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header([
        "edge",
        "calls",
        "errors",
        "client ms, median",
        "server ms, median",
        "gap ms, median",
    ]);
    for link in graph.links() {
        let Some(calls) = over(graph, &link) else {
            continue;
        };
        let shown = |ms: Option<f64>| ms.map_or("-".to_owned(), |ms| format!("{ms:.1}"));
        let errors = calls.error_rate().unwrap_or_default();
        table.add_row([
            link.to_string(),
            calls.calls.to_string(),
            format!("{:.0} %", 100.0 * errors),
            shown(calls.latency_ms(0.5)),
            shown(calls.server_latency_ms(0.5)),
            shown(calls.gap_ms(0.5)),
        ]);
    }
    table
}
