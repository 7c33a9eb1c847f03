//! The crate from outside, as its users see it.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod abstain;
mod bad_input;
mod blame;
mod blame_attempts;
mod blame_instances;
mod channels;
mod explain;
mod incident;
mod influence;
mod params;
mod ranker_laws;
mod rankers;
mod stream;
mod te_conformance;
mod te_fixtures;
mod te_laws;
mod te_significance;
mod trace;
mod world;
