#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

pub mod catalogue;
mod detector;
mod error;
#[cfg(feature = "gnn")]
pub mod learned;
pub mod pipeline;
pub mod release;
pub mod score;
mod scores;
mod subjects;

pub use detector::{Detector, FittedDetector};
pub use error::{FitError, ScoreError};
pub use scores::Scores;
pub use subjects::Subjects;
