//! `GATv2` on tensors.

use tch::Tensor;

use super::super::module::{ForwardMode, GraphLayer, Init, Module, Visitor};
use super::super::tensor::int;
use super::super::{Edges, GraphTensors, TorchError};
use super::{Linear, joined, linear, with_bias};
use crate::layer::{GatV2Config, LinearConfig};

/// Graph attention whose ranking of neighbours depends on the receiver; see [`GatV2Config`].
/// Input `[N, inputs]`, output `[N, width]`.
///
/// # Complexity
///
/// Time O(N · inputs · H C + E H C), memory O(N H C + E H): no tensor of
/// messages is made on the CPU.
///
/// # Source
///
/// Brody, Alon and Yahav, How Attentive are Graph Attention Networks?, 2022 (arXiv 2105.14491);
/// equal to `torch_geometric.nn.GATv2Conv` 2.8.1.
#[derive(Debug)]
pub struct GatV2Conv {
    config: GatV2Config,
    left: Linear,
    /// Absent where weights are shared.
    right: Option<Linear>,
    edge: Option<Tensor>,
    attention: Tensor,
    bias: Option<Tensor>,
}

impl GatV2Conv {
    /// A layer with random weights: Glorot's, biases 0.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for settings out of range, or when the device has no room.
    pub fn new(config: &GatV2Config, init: &mut Init) -> Result<Self, TorchError> {
        config
            .check()
            .map_err(|e| TorchError::new("gatv2", &[], e))?;
        let (count, width) = (int(config.heads), int(config.outputs));
        let wide = config.heads.saturating_mul(config.outputs);
        let dense = LinearConfig::new(config.inputs, wide).bias(config.bias);
        let edge_features = int(config.edge_features);
        Ok(Self {
            left: Linear::glorot(&dense, init)?,
            right: (!config.share_weights)
                .then(|| Linear::glorot(&dense, init))
                .transpose()?,
            edge: (edge_features > 0)
                .then(|| init.glorot(&[int(wide), edge_features]))
                .transpose()?,
            attention: init.glorot(&[1, count, width])?,
            bias: config
                .bias
                .then(|| init.constant(&[int(config.width())], 0.0))
                .transpose()?,
            config: config.clone(),
        })
    }

    /// Attention coefficients `[E', H]` of the edges with loops, in the order of
    /// [`Propagation`](crate::Propagation).
    ///
    /// # Errors
    ///
    /// Those of [`forward`](GraphLayer::forward).
    pub fn attention(&self, x: &Tensor, graph: &GraphTensors) -> Result<Tensor, TorchError> {
        let edges = graph.edges(self.config.loops)?;
        let left = self.left.apply(x)?;
        edges.softmax(&self.scores(x, &left, &edges, graph)?)
    }

    /// `[E', H]` of `left` = `W_l x`, `[N, H C]`.
    fn scores(
        &self,
        x: &Tensor,
        left: &Tensor,
        edges: &Edges,
        graph: &GraphTensors,
    ) -> Result<Tensor, TorchError> {
        let right = self
            .right
            .as_ref()
            .map(|right| right.apply(x))
            .transpose()?;
        let right = right.as_ref().unwrap_or(left);
        let of_edges = match &self.edge {
            Some(weight) => {
                let width = int(self.config.edge_features);
                let attributes = graph.attributes(self.config.loops, width)?;
                Some(linear(attributes, weight, None)?)
            }
            None => None,
        };
        let slope = self.config.negative_slope;
        edges.scores([left, right, &self.attention], of_edges.as_ref(), slope)
    }
}

impl Module for GatV2Conv {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.tensor("att", &self.attention);
        visitor.optional("bias", self.bias.as_ref());
        visitor.module("lin_l", &self.left);
        if let Some(right) = &self.right {
            visitor.module("lin_r", right);
        }
        visitor.optional("lin_edge.weight", self.edge.as_ref());
    }
}

impl GraphLayer for GatV2Conv {
    fn forward(
        &self,
        x: &Tensor,
        graph: &GraphTensors,
        mode: ForwardMode,
    ) -> Result<Tensor, TorchError> {
        let edges = graph.edges(self.config.loops)?;
        let left = self.left.apply(x)?;
        let scores = self.scores(x, &left, &edges, graph)?;
        let y = edges.attend(&left, &scores, mode.dropout(self.config.dropout))?;
        let y = joined(y, int(self.config.heads), self.config.concat)?;
        with_bias(y, self.bias.as_ref())
    }
}
