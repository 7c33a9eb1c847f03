//! Attention readout on tensors.

use tch::Tensor;

use super::super::error::Named;
use super::super::module::{Init, Module, Visitor};
use super::super::tensor::{int, shaped};
use super::super::{NodeBatch, Reduce, TorchError};
use super::Linear;
use crate::layer::{AttentionReadoutConfig, LinearConfig};

/// One row for each graph, the mean of its nodes weighted by attention; see
/// [`AttentionReadoutConfig`]. `[N, inputs]` gives `[G, width]`; 0 for a graph without nodes.
///
/// Readouts without weights (sum, mean, greatest value) are [`NodeBatch::reduce`].
///
/// # Complexity
///
/// Time O(N · inputs · width).
///
/// # Source
///
/// Li et al., Gated Graph Sequence Neural Networks, 2016 (arXiv 1511.05493); equal to
/// `torch_geometric.nn.aggr.AttentionalAggregation` 2.8.1 with dense layers, whose parameter names
/// it has (`gate_nn`, `nn`).
///
/// # Example
///
/// ```
/// use astern_gnn::layer::AttentionReadoutConfig;
/// use astern_gnn::torch::tch::{Device, Kind, Tensor};
/// use astern_gnn::torch::{AttentionReadout, Init, NodeBatch};
///
/// let batch = NodeBatch::new(&Tensor::f_from_slice(&[0i64, 0, 1])?, 2)?;
/// let x = Tensor::f_ones([3, 4], (Kind::Float, Device::Cpu))?;
/// let init = &mut Init::new(7, Kind::Float, Device::Cpu);
/// let readout = AttentionReadout::new(&AttentionReadoutConfig::new(4).outputs(8), init)?;
/// assert_eq!(readout.forward(&x, &batch)?.size(), [2, 8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AttentionReadout {
    inputs: i64,
    gate: Linear,
    value: Option<Linear>,
}

impl AttentionReadout {
    /// A readout with random weights: torch's own for dense layers.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for settings out of range, or when the device has no room.
    pub fn new(config: &AttentionReadoutConfig, init: &mut Init) -> Result<Self, TorchError> {
        config
            .check()
            .map_err(|e| TorchError::new("readout", &[], e))?;
        let dense = |outputs| LinearConfig::new(config.inputs, outputs);
        Ok(Self {
            inputs: int(config.inputs),
            gate: Linear::new(&dense(1), init)?,
            value: config
                .outputs
                .map(|outputs| Linear::new(&dense(outputs), init))
                .transpose()?,
        })
    }

    /// `[N, inputs]` to `[G, width]`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, another kind or another device.
    pub fn forward(&self, x: &Tensor, batch: &NodeBatch) -> Result<Tensor, TorchError> {
        shaped("readout", x, [Some(batch.n_nodes()), Some(self.inputs)])?;
        let scores = self.gate.apply(x)?;
        let scores = scores.f_reshape(-1).named("reshape", &[&scores])?;
        let alpha = batch.softmax(&scores)?;
        let alpha = alpha.f_unsqueeze(1).named("unsqueeze", &[&alpha])?;
        let values = match &self.value {
            Some(value) => value.apply(x)?,
            None => x.shallow_clone(),
        };
        let weighted = values.f_mul(&alpha).named("mul", &[&values, &alpha])?;
        batch.reduce(&weighted, Reduce::Sum)
    }
}

impl Module for AttentionReadout {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.module("gate_nn", &self.gate);
        if let Some(value) = &self.value {
            visitor.module("nn", value);
        }
    }
}
