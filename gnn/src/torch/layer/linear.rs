//! A dense layer on tensors.

use tch::Tensor;

use super::super::module::{ForwardMode, GraphLayer, Init, Module, Visitor};
use super::super::tensor::int;
use super::super::{GraphTensors, TorchError};
use super::linear;
use crate::layer::LinearConfig;

/// `y = W x + b` on the last axis; see [`LinearConfig`].
///
/// Initialised as torch's own: `U(-1/sqrt(inputs), 1/sqrt(inputs))`, weights and bias.
#[derive(Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    /// A layer with random weights.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for settings out of range, or when the device has no room.
    pub fn new(config: &LinearConfig, init: &mut Init) -> Result<Self, TorchError> {
        config
            .check()
            .map_err(|e| TorchError::new("linear", &[], e))?;
        let (inputs, outputs) = (int(config.inputs), int(config.outputs));
        let weight = init.fan_in(&[outputs, inputs], config.inputs)?;
        let bias = config.bias.then(|| init.fan_in(&[outputs], config.inputs));
        Ok(Self {
            weight,
            bias: bias.transpose()?,
        })
    }

    /// A layer with Glorot's weights and a bias of 0, as attention layers have it.
    pub(super) fn glorot(config: &LinearConfig, init: &mut Init) -> Result<Self, TorchError> {
        let (inputs, outputs) = (int(config.inputs), int(config.outputs));
        Ok(Self {
            weight: init.glorot(&[outputs, inputs])?,
            bias: config
                .bias
                .then(|| init.constant(&[outputs], 0.0))
                .transpose()?,
        })
    }

    pub(super) fn weight(&self) -> &Tensor {
        &self.weight
    }

    pub(super) fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// `[…, inputs]` to `[…, outputs]`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for another width, kind or device.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor, TorchError> {
        linear(x, &self.weight, self.bias.as_ref())
    }
}

impl Module for Linear {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.tensor("weight", &self.weight);
        visitor.optional("bias", self.bias.as_ref());
    }
}

impl GraphLayer for Linear {
    fn forward(&self, x: &Tensor, _: &GraphTensors, _: ForwardMode) -> Result<Tensor, TorchError> {
        self.apply(x)
    }
}
