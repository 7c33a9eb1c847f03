//! Layers: their settings, and their pure-Rust form.

mod gat;
mod gatv2;
mod gcn;
mod gru;
mod linear;
mod recurrent;
mod sage;
mod weights;

pub use gat::GatConfig;
pub(crate) use gat::GatConv;
pub use gatv2::GatV2Config;
pub(crate) use gatv2::GatV2Conv;
pub(crate) use gcn::check_input;
pub use gcn::{GcnConfig, GcnConv, GcnGraph};
pub(crate) use gru::Gru;
pub(crate) use linear::Linear;
pub use linear::LinearConfig;
pub use recurrent::RecurrentConfig;
pub(crate) use sage::SageConv;
pub use sage::{SageAggregation, SageConfig};
pub(crate) use weights::{Parameters, Weights};

use crate::ParamError;

fn at_least_1(name: &'static str, n: usize) -> Result<(), ParamError> {
    if n > 0 {
        return Ok(());
    }
    Err(ParamError::OutOfRange {
        name,
        value: 0.0,
        allowed: "at least 1",
    })
}

pub(crate) fn check_dropout(dropout: f64) -> Result<(), ParamError> {
    if (0.0..1.0).contains(&dropout) {
        return Ok(());
    }
    Err(ParamError::OutOfRange {
        name: "dropout",
        value: dropout,
        allowed: "at least 0, below 1",
    })
}

fn check_slope(value: f64) -> Result<(), ParamError> {
    if value.is_finite() {
        return Ok(());
    }
    Err(ParamError::OutOfRange {
        name: "negative_slope",
        value,
        allowed: "finite",
    })
}
