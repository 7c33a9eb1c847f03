//! A stack of graph convolutions on tensors.

use tch::{Device, Kind, Tensor};

use super::error::Named;
use super::{GcnConv, GraphLayer, GraphTensors, Mode, Module, TorchError, Visitor};

/// [`crate::GcnEncoder`] with gradients: graph convolutions with `ReLU` between them.
#[derive(Debug)]
pub struct GcnEncoder {
    layers: Vec<GcnConv>,
}

impl GcnEncoder {
    /// Trainable copies of the weights of `encoder`, of `kind`, on `device`.
    ///
    /// # Errors
    ///
    /// [`TorchError`], for instance when the device has no room.
    pub fn from_encoder(
        encoder: &crate::GcnEncoder,
        kind: Kind,
        device: Device,
    ) -> Result<Self, TorchError> {
        let layers = encoder
            .layers()
            .iter()
            .map(|l| GcnConv::from_layer(l, kind, device));
        Ok(Self {
            layers: layers.collect::<Result<_, _>>()?,
        })
    }

    /// The weights as a pure-Rust encoder.
    ///
    /// # Errors
    ///
    /// Those of [`GcnConv::to_layer`].
    pub fn to_encoder(&self) -> Result<crate::GcnEncoder, TorchError> {
        let layers = self
            .layers
            .iter()
            .map(GcnConv::to_layer)
            .collect::<Result<_, _>>()?;
        crate::GcnEncoder::from_layers(layers)
            .map_err(|source| TorchError::new("to_encoder", &[], source))
    }

    /// Embeds `x` of shape `[N, …, inputs]`; gives `[N, …, outputs]`.
    ///
    /// # Errors
    ///
    /// Those of [`GraphLayer::forward`].
    pub fn forward(&self, x: &Tensor, graph: &GraphTensors) -> Result<Tensor, TorchError> {
        let mut layers = self.layers.iter();
        let mut z = match layers.next() {
            Some(first) => first.forward(x, graph, Mode::Eval)?,
            None => {
                return Err(TorchError::new(
                    "forward",
                    &[x],
                    "an encoder without layers",
                ));
            }
        };
        for layer in layers {
            let active = z.f_relu().named("relu", &[&z])?;
            z = layer.forward(&active, graph, Mode::Eval)?;
        }
        Ok(z)
    }
}

impl Module for GcnEncoder {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        for (i, layer) in self.layers.iter().enumerate() {
            visitor.module(&i.to_string(), layer);
        }
    }
}
