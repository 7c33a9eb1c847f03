#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub mod abstain;
pub mod blame;
mod candidates;
mod channel;
mod contrast;
mod diagnoser;
mod error;
pub mod explain;
#[cfg(test)]
mod fixture;
pub mod incident;
pub mod influence;
mod order_statistic;
pub mod ranker;
mod regression;
pub mod stream;
pub mod symptom;
mod table;
pub mod te;
pub mod trace;

pub use contrast::ChangeContrasts;
pub use diagnoser::{Diagnoser, DiagnoserParams};
pub use error::RankError;
pub use incident::{Incident, Symptom};
pub use ranker::Ranker;
