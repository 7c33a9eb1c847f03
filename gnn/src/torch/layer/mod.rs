//! Layers with gradients; settings are in [`crate::layer`].

mod causal_conv;
mod gat;
mod gatv2;
mod gcn;
mod graph_norm;
mod gru;
mod layer_norm;
mod linear;
mod lstm;
mod node_gru;
mod patch_transformer;
mod readout;
mod recurrent;
mod rgcn;
mod sage;
mod subtractive;
mod tgcn;
mod transformer;

pub use causal_conv::CausalConv;
pub use gat::GatConv;
pub use gatv2::GatV2Conv;
pub use gcn::GcnConv;
pub use graph_norm::GraphNorm;
pub use gru::GruCell;
pub use linear::Linear;
pub use lstm::{LstmCell, LstmState};
pub use node_gru::NodeGru;
pub use patch_transformer::{PatchTransformer, Reconstruction};
pub use readout::AttentionReadout;
pub use recurrent::Sequence;
pub use rgcn::RgcnConv;
pub use sage::SageConv;
pub use subtractive::SubtractiveConv;
pub use tgcn::TgcnCell;
pub use transformer::TransformerLayer;

use tch::Tensor;

use super::TorchError;
use super::error::Named;

/// `y + bias` where there is a bias.
fn with_bias(y: Tensor, bias: Option<&Tensor>) -> Result<Tensor, TorchError> {
    match bias {
        Some(bias) => y.f_add(bias).named("add", &[&y, bias]),
        None => Ok(y),
    }
}

/// `x W^T + b`.
fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor, TorchError> {
    x.f_linear(weight, bias).named("linear", &[x, weight])
}

/// Output of H heads side by side `[N, H C]`, or their mean `[N, C]`.
fn joined(y: Tensor, heads: i64, concat: bool) -> Result<Tensor, TorchError> {
    if concat || heads == 1 {
        return Ok(y);
    }
    let width = y.size().get(1).copied().unwrap_or(0) / heads.max(1);
    let apart = y.f_reshape([-1, heads, width]).named("reshape", &[&y])?;
    apart
        .f_mean_dim([1].as_slice(), false, apart.kind())
        .named("mean", &[&apart])
}

/// `y` with a share `rate` of its entries set to 0 and the others scaled up; 0 leaves all.
fn dropped(y: Tensor, rate: f64) -> Result<Tensor, TorchError> {
    if rate > 0.0 {
        return y.f_dropout(rate, true).named("dropout", &[&y]);
    }
    Ok(y)
}
