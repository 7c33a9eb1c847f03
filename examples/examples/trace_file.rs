//! A file of traces to a graph: what became of each span, and every edge with its calls, errors and
//! latency from both sides.
//!
//! ```sh
//! cargo run --release -p astern-examples --example trace_file [FILE [FORMAT]]
//! ```
//!
//! Without FILE it reads `examples/data/traces.json`; without FORMAT it looks at how the file begins.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use astern_graph_core::{
    Call, CallStatus, EdgeKind, GraphBuilder, GraphParams, NodeKey, NodeKind, Record,
};
use astern_traces::{Format, Params, Spans};
use comfy_table::{Table, presets};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/traces.json");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let file = args.next().unwrap_or_else(|| SAMPLE.to_owned());
    let bytes = std::fs::read(&file).map_err(|reason| format!("{file}: {reason}"))?;
    let format = match args.next() {
        Some(word) => word.parse()?,
        None => Format::recognise(&bytes).ok_or_else(|| format!("{file}: of no known format"))?,
    };

    let mut spans = Spans::new(&Params::default())?;
    spans
        .read(format, &bytes)
        .map_err(|reason| format!("{file}: {reason}"))?;
    let joined = spans.join();
    println!("{file}, {format}\n{}\n", joined.report);

    let edges = edges(&joined.calls);
    let mut builder = GraphBuilder::new(GraphParams::default())?;
    let ingested = builder.extend(joined.calls.into_iter().map(Record::from));
    let graph = builder.build();
    println!("{ingested}");
    let services: Vec<String> = graph.keys().iter().map(NodeKey::to_string).collect();
    println!("{} nodes: {}\n", services.len(), services.join(", "));

    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header([
        "caller",
        "",
        "callee",
        "calls",
        "errors",
        "client ms",
        "server ms",
        "own ms",
    ]);
    for ((from, to, kind), edge) in &edges {
        table.add_row(edge.row(from, to, *kind));
    }
    println!("{table}");

    if Path::new(&file) == Path::new(SAMPLE) {
        assert_eq!((ingested.accepted, ingested.dropped()), (9, 0));
        let pay = (
            NodeKey::service("frontend"),
            NodeKey::service("payment"),
            EdgeKind::Calls,
        );
        assert_eq!((edges[&pay].calls, edges[&pay].errors), (2, 1));
        let reads = (
            NodeKey::service("cart"),
            NodeKey::new(NodeKind::Cache, "cart-redis"),
            EdgeKind::Reads,
        );
        assert_eq!(edges[&reads].client, [Duration::from_millis(2)]);
        assert_eq!(graph.edge_count(), edges.len());
    }
    Ok(())
}

/// What was seen of one edge.
#[derive(Default)]
struct Edge {
    calls: u32,
    errors: u32,
    client: Vec<Duration>,
    server: Vec<Duration>,
    own: Vec<Duration>,
}

impl Edge {
    fn row(&self, from: &NodeKey, to: &NodeKey, kind: EdgeKind) -> Vec<String> {
        let errors = f64::from(self.errors) / f64::from(self.calls);
        let mut row = vec![from.to_string(), kind.to_string(), to.to_string()];
        row.extend([self.calls.to_string(), format!("{:.0} %", 100.0 * errors)]);
        row.extend([&self.client, &self.server, &self.own].map(|took| mean_ms(took)));
        row
    }
}

fn edges(calls: &[Call]) -> BTreeMap<(NodeKey, NodeKey, EdgeKind), Edge> {
    let mut edges = BTreeMap::<_, Edge>::new();
    for call in calls {
        let Some(caller) = &call.caller else {
            continue;
        };
        let key = (
            caller.service.clone(),
            call.callee.service.clone(),
            call.kind,
        );
        let edge = edges.entry(key).or_default();
        edge.calls += 1;
        edge.errors += u32::from(call.status == CallStatus::Error);
        edge.client.extend(call.client);
        edge.server.extend(call.server);
        edge.own.extend(call.exclusive);
    }
    edges
}

fn mean_ms(took: &[Duration]) -> String {
    if took.is_empty() {
        return "-".to_owned();
    }
    let sum: Duration = took.iter().sum();
    format!("{:.1}", sum.as_secs_f64() * 1e3 / took.len() as f64)
}
