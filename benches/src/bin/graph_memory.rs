//! Memory of a builder and its graph, by nodes and edges: prints a Markdown table.
//!
//! `cargo run --release -p astern-benches --bin graph_memory`
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a command speaks to its user")]

use astern_benches::synthetic::{churn, spread, wide};
use astern_graph_core::{GraphBuilder, GraphParams, NodeKey};

/// Resident bytes of this process.
fn resident() -> Result<usize, &'static str> {
    let usage =
        memory_stats::memory_stats().ok_or("this platform does not report the memory in use")?;
    Ok(usage.physical_mem)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("| held | count | bytes each |\n|---|---|---|");
    let row = |held: &str, count: u32, bytes: usize| {
        println!("| {held} | {count} | {} |", bytes / count as usize);
    };
    let nodes = 100_000;
    let mut builder = GraphBuilder::new(GraphParams::default())?;
    let empty = resident()?;
    for i in 0..nodes {
        builder.declare_node(NodeKey::service(format!("s{i:06}")));
    }
    let declared = resident()?;
    row("declared nodes", nodes, declared.saturating_sub(empty));
    // Ten edges a node, one call each: also a cell for each node.
    builder.extend(wide(nodes));
    let filled = resident()?;
    row(
        "edges with a call in one step, and a tenth of a node's",
        10 * nodes,
        filled.saturating_sub(declared),
    );
    let graph = builder.build();
    let built = resident()?;
    row(
        "edges of a graph built of it",
        10 * nodes,
        built.saturating_sub(filled),
    );
    let again = builder.build();
    let shared = resident()?;
    row(
        "edges of one more graph",
        10 * nodes,
        shared.saturating_sub(built),
    );
    assert_eq!(graph.edge_count(), again.edge_count());
    let mut durations = GraphBuilder::new(GraphParams::default())?;
    durations.extend(spread(300));
    let spread = resident()?;
    row(
        "minutes of a service and an edge, 200 durations that differ",
        20 * 300,
        spread.saturating_sub(shared),
    );
    let mut renewed = GraphBuilder::new(GraphParams::default())?;
    renewed.extend((0..1_440).flat_map(churn));
    row(
        "instances that lived for ten minutes",
        60 * 144,
        resident()?.saturating_sub(spread),
    );
    Ok(())
}
