#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod count;
pub mod json;
mod names;

pub use count::{Count, sentence};
pub use names::Names;
