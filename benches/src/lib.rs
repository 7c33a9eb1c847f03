//! Evaluation tables: each suite reads its data, runs the rankers under one frozen configuration
//! and returns a table as Markdown.
#![forbid(unsafe_code)]

pub mod abstain;
pub mod documents;
#[cfg(feature = "torch")]
pub mod gnn;
pub mod peer;
pub mod petshop;
pub mod rca;
pub mod simulated;
pub mod synthetic;
pub mod table;
pub mod traces;
