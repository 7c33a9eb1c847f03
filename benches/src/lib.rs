//! Inputs of the benches, and the programs that peers' scripts ask.
#![forbid(unsafe_code)]

pub mod documents;
pub mod peer;
pub mod synthetic;
