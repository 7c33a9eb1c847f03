//! Questions about topology.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod known;
mod laws;
