//! Questions about topology.

mod known;
mod laws;
