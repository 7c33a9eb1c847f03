//! Estimators, a total order on floats, multiplicity control, intervals and evaluation metrics.
//!
//! The lowest crate of Astern: it knows numbers and nothing of services. Every function takes
//! slices, ignores or refuses `NaN` as its documentation says, and never panics.
//!
//! ```
//! use astern_stats::{robust, interval};
//!
//! let latencies_ms = [12.0, 11.0, f64::NAN, 13.0, 240.0];
//! assert_eq!(robust::median(&latencies_ms), Some(12.5));
//!
//! let wilson = interval::wilson(19, 26, 0.95)?;
//! assert!(wilson.low > 0.53 && wilson.high < 0.87);
//! # Ok::<(), astern_stats::ParamError>(())
//! ```
#![forbid(unsafe_code)]

pub mod auprc;
pub mod auroc;
pub mod classification;
pub mod correlation;
pub mod ema;
pub mod interval;
pub mod multiplicity;
pub mod order;
pub mod paired;
pub mod param;
pub mod ranking;
pub mod reliability;
pub mod rng;
pub mod robust;
mod scored;
pub mod sequential;
mod setters;
pub mod tail;
pub mod two_sample;

pub use param::ParamError;
