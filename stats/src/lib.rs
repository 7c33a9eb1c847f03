#![doc = include_str!("../README.md")]
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
pub mod real;
pub mod reliability;
pub mod rng;
pub mod robust;
mod scored;
pub mod sequential;
mod setters;
pub mod tail;
pub mod two_sample;

pub use param::ParamError;
