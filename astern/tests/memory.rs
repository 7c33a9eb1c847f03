//! No stored state takes more memory than the stated multiple of its size, whatever is in it: seeds, and what fuzzing found.
//!
//! A test binary of its own: its allocator counts, so nothing else may run beside it.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]
#![allow(dead_code, reason = "the laws themselves are checked elsewhere")]

#[path = "it/entries/mod.rs"]
mod entries;

use std::fs;
use std::path::Path;

use astern::Guard;
use astern::graph::{GraphBuilder, TemporalGraph};
use astern::policy::{Run, RunParams};
use entries::{BUILDER, Entry, GRAPH, GUARD, RUN, graph_params, guard_params, mended};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The multiple of the size of a state, and what it may take besides: what an error says.
const MULTIPLE: usize = 100;
const BESIDES: usize = 16 << 10;

/// Peak of bytes held while a state is read.
fn peak(entry: &Entry, bytes: &[u8]) -> usize {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    match entry.name {
        "graph" => drop(TemporalGraph::from_bytes(bytes)),
        "builder" => drop(GraphBuilder::from_bytes(bytes, graph_params())),
        "run" => drop(Run::from_bytes(bytes, RunParams::default())),
        _ => drop(Guard::from_bytes(bytes, guard_params(), u64::MAX)),
    }
    ALLOCATOR.peak_usage() - before
}

#[test]
fn a_state_takes_a_hundred_times_its_size_at_most() {
    for entry in [GRAPH, BUILDER, RUN, GUARD] {
        let folder = Path::new("tests/documents").join(entry.name);
        let documents = fs::read_dir(folder).unwrap();
        let documents = documents.map(|document| fs::read(document.unwrap().path()).unwrap());
        for bytes in (entry.seeds)().into_iter().chain(documents) {
            let bytes = mended(&bytes);
            let peak = peak(&entry, &bytes);
            let most = MULTIPLE * bytes.len() + BESIDES;
            assert!(peak <= most, "{peak} for {} of {}", bytes.len(), entry.name);
        }
    }
}
