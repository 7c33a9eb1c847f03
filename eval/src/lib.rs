//! Evaluation suites: each reads its data, runs the rankers under one frozen configuration and
//! returns a table as Markdown. [`cases`] plays situations whose right outcome is known.
#![forbid(unsafe_code)]

pub mod abstain;
mod case;
pub mod cases;
pub mod closed_loop;
pub mod door;
mod error;
mod files;
#[cfg(feature = "torch")]
pub mod gnn;
mod parallel;
pub mod petshop;
pub mod rca;
pub mod simulated;
mod systems;
pub mod table;
pub mod traces;

pub use error::EvalError;
