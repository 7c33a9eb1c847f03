//! What the examples share: the committed sample data, and the loop that feeds a guard with it.
#![forbid(unsafe_code)]

mod incident;
mod sample;

pub use incident::{Incident, watch};
pub use sample::{Sample, SampleError, data, output, sample, simulated};
