//! Layers with gradients; settings are in [`crate::layer`].

mod gat;
mod gatv2;
mod gcn;
mod heads;
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

/// `x` where it is above 0, else `slope * x`.
///
/// The derivative of `LeakyReLU`, with `x` as what it is multiplied by: `tch` has the function itself
/// only with slope .01.
fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor, TorchError> {
    let sign = x.f_detach().named("detach", &[x])?;
    sign.f_leaky_relu_backward(x, slope, false)
        .named("leaky_relu", &[x])
}
