//! Evaluation suites: each reads its data, runs the rankers under one frozen configuration and
//! returns a table as Markdown.
#![forbid(unsafe_code)]

pub mod abstain;
mod case;
mod error;
mod files;
#[cfg(feature = "torch")]
pub mod gnn;
pub mod petshop;
pub mod rca;
pub mod simulated;
pub mod table;
pub mod traces;

pub use error::EvalError;
