//! Where bytes from outside enter: what holds of any bytes at each entry, and the seeds that fuzzing begins from. The
//! fuzz targets in `astern/fuzz` are these checks.
#![allow(clippy::expect_used, reason = "a law that is broken says which one")]

mod check;
mod frames;
mod seeds;

#[allow(unused_imports, reason = "one test reads states, others check laws")]
pub(crate) use check::{graph_params, guard_params};
pub(crate) use frames::mended;

/// One entry.
pub(crate) struct Entry {
    /// Name of the fuzz target and of the folder of its documents.
    pub(crate) name: &'static str,
    /// Whether the bytes are frames, whose checksums are set right before they are read.
    is_framed: bool,
    /// Bytes that are right.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
    /// Panics where bytes break a law; says whether they were read.
    check: fn(&[u8]) -> bool,
}

/// All entries.
pub(crate) const ENTRIES: [Entry; 6] = [GRAPH, BUILDER, RUN, GUARD, PLAN, PARAMS];

pub(crate) const GRAPH: Entry = Entry {
    name: "graph",
    is_framed: true,
    seeds: seeds::graphs,
    check: check::graph,
};

pub(crate) const BUILDER: Entry = Entry {
    name: "builder",
    is_framed: true,
    seeds: seeds::builders,
    check: check::builder,
};

pub(crate) const RUN: Entry = Entry {
    name: "run",
    is_framed: true,
    seeds: seeds::runs,
    check: check::run,
};

pub(crate) const GUARD: Entry = Entry {
    name: "guard",
    is_framed: true,
    seeds: seeds::guards,
    check: check::guard,
};

pub(crate) const PLAN: Entry = Entry {
    name: "plan-json",
    is_framed: false,
    seeds: seeds::plans,
    check: check::plan,
};

pub(crate) const PARAMS: Entry = Entry {
    name: "params-toml",
    is_framed: false,
    seeds: seeds::params,
    check: check::params,
};

/// Checks bytes at an entry: as they are, and where they are frames, with checksums that are right.
/// Says whether they were read.
pub(crate) fn check(entry: &Entry, bytes: &[u8]) -> bool {
    let is_read = (entry.check)(bytes);
    if entry.is_framed {
        (entry.check)(&mended(bytes))
    } else {
        is_read
    }
}
