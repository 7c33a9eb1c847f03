#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! | module | question |
//! |---|---|
//! | [`graph`] | what calls what, what changed, what was measured? |
//! | [`detect`] | is it worse than it was? |
//! | [`rca`] | which service, which change? |
//! | [`policy`] | what to do, in which order, and how to know that it helped? |
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    feature = "report",
    doc = "| [`report`] | all of it on one HTML page, for the person on call |"
)]
#![cfg_attr(
    feature = "gnn",
    doc = "| [`gnn`] | graph neural networks: scoring, and training with feature `torch` |"
)]
#![forbid(unsafe_code)]

mod error;
mod guard;

pub use astern_detect as detect;
#[cfg(feature = "gnn")]
pub use astern_gnn as gnn;
pub use astern_graph_core as graph;
pub use astern_rca as rca;
#[cfg(feature = "report")]
pub use astern_report as report;
pub use astern_rollback_policy as policy;
pub use astern_stats as stats;

pub use error::Error;
pub use guard::{ClockError, Event, Guard, GuardParams, OwnDetector, Warning, Withdrawal};

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
