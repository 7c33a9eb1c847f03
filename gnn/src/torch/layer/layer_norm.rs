//! Layer norm on tensors, a part of the transformer.

use tch::Tensor;

use super::super::TorchError;
use super::super::error::Named;
use super::super::module::{Init, Module, Visitor};

/// Shifts and scales every row to mean 0 and variance 1, then by weights; equal to
/// `torch.nn.LayerNorm` with its `eps` of 1e-5.
#[derive(Debug)]
pub(super) struct LayerNorm {
    width: i64,
    weight: Tensor,
    bias: Tensor,
}

impl LayerNorm {
    /// Weight 1, bias 0.
    pub(super) fn new(width: i64, init: &mut Init) -> Result<Self, TorchError> {
        Ok(Self {
            width,
            weight: init.constant(&[width], 1.0)?,
            bias: init.constant(&[width], 0.0)?,
        })
    }

    /// `[…, width]` stays so.
    pub(super) fn apply(&self, x: &Tensor) -> Result<Tensor, TorchError> {
        x.f_layer_norm(self.width, Some(&self.weight), Some(&self.bias), 1e-5, true)
            .named("layer_norm", &[x, &self.weight])
    }
}

impl Module for LayerNorm {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.tensor("weight", &self.weight);
        visitor.tensor("bias", &self.bias);
    }
}
