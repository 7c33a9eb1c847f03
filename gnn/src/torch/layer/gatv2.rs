//! `GATv2` on tensors.

use tch::Tensor;

use super::super::error::Named;
use super::super::module::{GraphLayer, Init, Mode, Module, Visitor};
use super::super::tensor::int;
use super::super::{Edges, GraphTensors, TorchError};
use super::heads::Heads;
use super::{Linear, linear, with_bias};
use crate::layer::{GatV2Config, LinearConfig};

/// Graph attention whose ranking of neighbours depends on the receiver; see [`GatV2Config`].
/// Input `[N, inputs]`, output `[N, width]`.
///
/// # Complexity
///
/// Time O(N · inputs · H C + E H C), memory O((N + E) H C) for the tensor under the score.
///
/// # Source
///
/// Brody, Alon and Yahav, How Attentive are Graph Attention Networks?, 2022 (arXiv 2105.14491);
/// equal to `torch_geometric.nn.GATv2Conv` 2.8.1.
#[derive(Debug)]
pub struct GatV2Conv {
    config: GatV2Config,
    heads: Heads,
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
            heads: Heads {
                count,
                width,
                concat: config.concat,
            },
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
        let edges = graph.edges(self.config.loops)?.copies(self.heads.count)?;
        let (_, scores) = self.scores(x, &edges, graph)?;
        self.heads.columns(&edges.softmax(&scores)?)
    }

    /// `W_l x` of every head, `[H N, C]`, and the scores `[H E]`.
    fn scores(
        &self,
        x: &Tensor,
        edges: &Edges,
        graph: &GraphTensors,
    ) -> Result<(Tensor, Tensor), TorchError> {
        let left = self.heads.split(&self.left.apply(x)?)?;
        let right = match &self.right {
            Some(right) => &self.heads.split(&right.apply(x)?)?,
            None => &left,
        };
        // The sums are this function's own: the next two steps overwrite them.
        let mut sum = edges.gather_source(&left)?;
        let target = edges.gather_target(right)?;
        sum = sum.f_add_(&target).named("add_", &[&target])?;
        if let Some(weight) = &self.edge {
            let attributes = graph.attributes(self.config.loops, int(self.config.edge_features))?;
            let of_edge = self.heads.split(&linear(attributes, weight, None)?)?;
            sum = sum.f_add_(&of_edge).named("add_", &[&of_edge])?;
        }
        let active = super::leaky_relu(&sum, self.config.negative_slope)?;
        let scores = self.heads.dot(&active, &self.attention)?;
        Ok((left, scores))
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
    fn forward(&self, x: &Tensor, graph: &GraphTensors, mode: Mode) -> Result<Tensor, TorchError> {
        let edges = graph.edges(self.config.loops)?.copies(self.heads.count)?;
        let (left, scores) = self.scores(x, &edges, graph)?;
        let y = edges.attend(&left, &scores, mode.dropout(self.config.dropout))?;
        with_bias(self.heads.join(&y)?, self.bias.as_ref())
    }
}
