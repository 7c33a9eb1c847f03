//! What a file takes of memory. Alone in its process, so that no other test counts.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::time::Duration;

use astern_graph_core::{
    Call, GraphBuilder, GraphParams, NodeKey, Party, TemporalGraph, Timestamp,
};

/// Resident memory, bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// Many nodes of which next to nothing is held, and sketches of a few durations far apart: both are short in a file.
fn file() -> (Vec<u8>, Vec<u8>) {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for k in 0..4_000_u32 {
        let instance = NodeKey::instance(format!("{k}"));
        let party = Party::new(NodeKey::service(format!("{k}"))).on(instance, "".into());
        builder.extend([Call::new(Timestamp::from_secs(0), party.segment("")).into()]);
    }
    for step in 0..200 {
        for power in 0..24 {
            let took = Some(Duration::from_micros(1 << power));
            let at = Timestamp::from_secs(60 * step);
            let call = Call::new(at, Party::new(NodeKey::service("far"))).took(took, took);
            builder.extend([call.into()]);
        }
    }
    let graph = builder.build().to_bytes().unwrap();
    (builder.to_bytes().unwrap(), graph)
}

#[test]
fn a_file_takes_a_hundred_times_its_size_at_most() {
    let (builder, graph) = file();
    let before = resident();
    let builders: Vec<_> = (0..8)
        .map(|_| GraphBuilder::from_bytes(&builder, GraphParams::default()).unwrap())
        .collect();
    let graphs: Vec<_> = (0..8)
        .map(|_| TemporalGraph::from_bytes(&graph).unwrap())
        .collect();
    let taken = resident().saturating_sub(before);
    let size = 8 * (builder.len() + graph.len());
    assert!(taken <= 100 * size, "{taken} bytes for {size}");
    drop((builders, graphs));
}
