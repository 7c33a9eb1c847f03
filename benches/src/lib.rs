//! Evaluation tables: each suite reads its data, runs the rankers under one frozen configuration
//! and returns a table as Markdown.
#![forbid(unsafe_code)]

pub mod documents;
pub mod petshop;
pub mod simulated;
pub mod synthetic;
pub mod table;
pub mod traces;
