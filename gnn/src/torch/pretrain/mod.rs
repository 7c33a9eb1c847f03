//! Training of encoders before there are labels.
//!
//! * [`hop_counts`]: how far two nodes are from each other, predicted from their embeddings.
//! * [`masked_patches`]: hidden stretches of time series, predicted from the others.
//!
//! Both leave the encoder trained in place, to be trained on with labels.

mod hop_count;
mod masked;

pub use hop_count::{HopCountParams, HopCountReport, hop_counts};
pub use masked::{MaskedParams, masked_patches};
