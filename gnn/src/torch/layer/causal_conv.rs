//! Causal convolution over time on tensors.

use tch::Tensor;

use super::super::error::Named;
use super::super::module::{ForwardMode, GraphLayer, Init, Module, Visitor};
use super::super::tensor::{int, shaped};
use super::super::{GraphTensors, TorchError};
use crate::layer::CausalConvConfig;

/// A convolution over the past of every node; see [`CausalConvConfig`]. `[N, T, inputs]` gives
/// `[N, T, outputs]`, and no step sees a later one.
///
/// `weight` is `[outputs, inputs, K]` as in `torch.nn.Conv1d`; its last entry along K weighs the
/// present step. As a [`GraphLayer`] it does not look at the graph: between graph layers on
/// `[N, T, …]` it makes a spatio-temporal network.
///
/// # Complexity
///
/// Time O(N T K · inputs · outputs).
///
/// # Source
///
/// Bai, Kolter and Koltun, 2018 (arXiv 1803.01271), one convolution of their network.
///
/// # Example
///
/// ```
/// use astern_gnn::layer::CausalConvConfig;
/// use astern_gnn::torch::tch::{Device, Kind, Tensor};
/// use astern_gnn::torch::{CausalConv, Init};
///
/// let config = CausalConvConfig::new(4, 8, 3).dilation(2);
/// assert_eq!(config.reach(), 4);
/// let layer = CausalConv::new(&config, &mut Init::new(7, Kind::Float, Device::Cpu))?;
/// let window = Tensor::f_ones([3, 12, 4], (Kind::Float, Device::Cpu))?;
/// assert_eq!(layer.apply(&window)?.size(), [3, 12, 8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CausalConv {
    config: CausalConvConfig,
    weight: Tensor,
    bias: Option<Tensor>,
}

impl CausalConv {
    /// A layer with random weights: torch's own for convolutions,
    /// `U(-1/sqrt(inputs K), 1/sqrt(inputs K))`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for settings out of range, or when the device has no room.
    pub fn new(config: &CausalConvConfig, init: &mut Init) -> Result<Self, TorchError> {
        config
            .check()
            .map_err(|e| TorchError::new("causal_conv", &[], e))?;
        let shape = [config.outputs, config.inputs, config.kernel].map(int);
        let fan_in = config.inputs.saturating_mul(config.kernel);
        Ok(Self {
            weight: init.fan_in(&shape, fan_in)?,
            bias: config
                .bias
                .then(|| init.fan_in(&shape[..1], fan_in))
                .transpose()?,
            config: config.clone(),
        })
    }

    /// `[N, T, inputs]` to `[N, T, outputs]`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, another kind or another device.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor, TorchError> {
        let inputs = Some(int(self.config.inputs));
        shaped("causal_conv", x, [None, None, inputs])?;
        let time_last = x.f_transpose(1, 2).named("transpose", &[x])?;
        let padded = time_last
            .f_constant_pad_nd([int(self.config.reach()), 0])
            .named("pad", &[&time_last])?;
        let y = padded
            .f_conv1d(
                &self.weight,
                self.bias.as_ref(),
                1,
                0,
                int(self.config.dilation),
                1,
            )
            .named("conv1d", &[&padded, &self.weight])?;
        y.f_transpose(1, 2).named("transpose", &[&y])
    }
}

impl Module for CausalConv {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.tensor("weight", &self.weight);
        visitor.optional("bias", self.bias.as_ref());
    }
}

impl GraphLayer for CausalConv {
    fn forward(&self, x: &Tensor, _: &GraphTensors, _: ForwardMode) -> Result<Tensor, TorchError> {
        self.apply(x)
    }
}
