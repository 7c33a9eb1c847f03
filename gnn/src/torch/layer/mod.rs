//! Layers with gradients; settings are in [`crate::layer`].

mod causal_conv;
mod gat;
mod gatv2;
mod gcn;
mod graph_norm;
mod gru;
mod heads;
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

/// `y` with a share `rate` of its entries set to 0 and the others scaled up; 0 leaves all.
fn dropped(y: Tensor, rate: f64) -> Result<Tensor, TorchError> {
    if rate > 0.0 {
        return y.f_dropout(rate, true).named("dropout", &[&y]);
    }
    Ok(y)
}

/// `x` where it is above 0, else `slope * x`.
///
/// The derivative of `LeakyReLU`, with `x` as what it is multiplied by: `tch` has the function itself
/// only with slope .01.
fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor, TorchError> {
    let sign = x.f_detach().named("detach", &[x])?;
    sign.f_leaky_relu_backward(x, slope, false)
        .named("leaky_relu", &[x])
}
