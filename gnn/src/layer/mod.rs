//! Layers: their settings, and their pure-Rust form.

mod attention;
mod causal_conv;
mod gat;
mod gatv2;
mod gcn;
mod graph_norm;
mod gru;
mod linear;
mod patch_transformer;
mod prepared;
mod readout;
mod recurrent;
mod rgcn;
mod sage;
mod subtractive;
mod tgcn;
mod transformer;
mod weights;

pub use attention::{AttentionConfig, OneWeight};
pub use causal_conv::CausalConvConfig;
pub use gat::GatConfig;
pub(crate) use gat::GatConv;
pub use gatv2::GatV2Config;
pub(crate) use gatv2::GatV2Conv;
pub use gcn::GcnConfig;
pub(crate) use gcn::GcnConv;
pub use graph_norm::GraphNormConfig;
pub(crate) use gru::Gru;
pub(crate) use linear::Linear;
pub use linear::LinearConfig;
pub use patch_transformer::{PatchMask, PatchTransformerConfig};
pub use prepared::PreparedGraph;
pub use readout::AttentionReadoutConfig;
pub use recurrent::RecurrentConfig;
pub use rgcn::RgcnConfig;
pub(crate) use sage::SageConv;
pub use sage::{SageAggregation, SageConfig};
pub use subtractive::{SubtractiveConfig, Subtrahend};
pub use tgcn::TgcnConfig;
pub use transformer::TransformerConfig;
pub(crate) use weights::{Parameters, Weights};

use crate::error::ConfigError;

fn at_least_1(name: &'static str, n: usize) -> Result<(), ConfigError> {
    if n > 0 {
        return Ok(());
    }
    Err(ConfigError::OutOfRange {
        name,
        value: 0.0,
        allowed: "at least 1",
    })
}

fn check_above_0(name: &'static str, value: f64) -> Result<(), ConfigError> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(ConfigError::OutOfRange {
        name,
        value,
        allowed: "finite, above 0",
    })
}

pub(crate) fn check_dropout(dropout: f64) -> Result<(), ConfigError> {
    if (0.0..1.0).contains(&dropout) {
        return Ok(());
    }
    Err(ConfigError::OutOfRange {
        name: "dropout",
        value: dropout,
        allowed: "at least 0, below 1",
    })
}

fn check_slope(value: f64) -> Result<(), ConfigError> {
    if value.is_finite() {
        return Ok(());
    }
    Err(ConfigError::OutOfRange {
        name: "negative_slope",
        value,
        allowed: "finite",
    })
}
