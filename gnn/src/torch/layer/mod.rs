//! Layers with gradients; settings are in [`crate::layer`].

mod gat;
mod gatv2;
mod gcn;
mod linear;
mod sage;

pub use gat::GatConv;
pub use gatv2::GatV2Conv;
pub use gcn::GcnConv;
pub use linear::Linear;
pub use sage::SageConv;

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
