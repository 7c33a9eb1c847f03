//! Graph attention (GAT) on tensors.

use tch::Tensor;

use super::super::error::Named;
use super::super::module::{ForwardMode, GraphLayer, Init, Module, Visitor};
use super::super::tensor::int;
use super::super::{Edges, GraphTensors, TorchError};
use super::{joined, linear, with_bias};
use crate::layer::GatConfig;

/// Graph attention; see [`GatConfig`]. Input `[N, inputs]`, output `[N, width]`.
///
/// # Complexity
///
/// Time O(N · inputs · H C + E H C), memory O((N C + E) H): no tensor of messages is made.
///
/// # Source
///
/// Veličković et al., Graph Attention Networks, 2018 (arXiv 1710.10903); equal to
/// `torch_geometric.nn.GATConv` 2.8.1.
#[derive(Debug)]
pub struct GatConv {
    config: GatConfig,
    heads: i64,
    weight: Tensor,
    source: Tensor,
    target: Tensor,
    edge: Option<EdgeWeights>,
    bias: Option<Tensor>,
}

/// `W_e` and `a_edge`.
#[derive(Debug)]
struct EdgeWeights {
    weight: Tensor,
    vector: Tensor,
}

impl GatConv {
    /// A layer with random weights: Glorot's, the bias 0.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for settings out of range, or when the device has no room.
    pub fn new(config: &GatConfig, init: &mut Init) -> Result<Self, TorchError> {
        config.check().map_err(|e| TorchError::new("gat", &[], e))?;
        let (count, width) = (int(config.heads), int(config.outputs));
        let (wide, vector) = (count.saturating_mul(width), [1, count, width]);
        let edge_features = int(config.edge_features);
        Ok(Self {
            heads: count,
            weight: init.glorot(&[wide, int(config.inputs)])?,
            source: init.glorot(&vector)?,
            target: init.glorot(&vector)?,
            edge: (edge_features > 0)
                .then(|| {
                    Ok(EdgeWeights {
                        weight: init.glorot(&[wide, edge_features])?,
                        vector: init.glorot(&vector)?,
                    })
                })
                .transpose()?,
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
        let h = linear(x, &self.weight, None)?;
        edges.softmax(&self.scores(&h, &edges, graph)?)
    }

    /// `[E', H]` of `h` = `W x`, `[N, H C]`.
    fn scores(
        &self,
        h: &Tensor,
        edges: &Edges,
        graph: &GraphTensors,
    ) -> Result<Tensor, TorchError> {
        let source = self.dot(h, &self.source)?;
        let target = self.dot(h, &self.target)?;
        let of_edges = match &self.edge {
            Some(edge) => {
                let width = int(self.config.edge_features);
                let attributes = graph.attributes(self.config.loops, width)?;
                let of_edges = linear(attributes, &edge.weight, None)?;
                Some(self.dot(&of_edges, &edge.vector)?)
            }
            None => None,
        };
        // The scores of GATv2 with one entry a head.
        let one = Tensor::f_ones([1, self.heads, 1], (h.kind(), h.device())).named("ones", &[h])?;
        let slope = self.config.negative_slope;
        edges.scores([&source, &target, &one], of_edges.as_ref(), slope)
    }

    /// `<a_h, row_h>` of every head: rows `[R, H C]`, vectors `[1, H, C]`; gives `[R, H]`.
    fn dot(&self, rows: &Tensor, vectors: &Tensor) -> Result<Tensor, TorchError> {
        if self.heads == 1 {
            let vector = vectors.f_reshape([-1, 1]).named("reshape", &[vectors])?;
            return rows.f_mm(&vector).named("mm", &[rows, &vector]);
        }
        let apart = rows
            .f_reshape([-1, self.heads, int(self.config.outputs)])
            .named("reshape", &[rows])?;
        let products = apart.f_mul(vectors).named("mul", &[&apart, vectors])?;
        products
            .f_sum_dim_intlist([-1].as_slice(), false, products.kind())
            .named("sum", &[&products])
    }
}

impl Module for GatConv {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.tensor("att_src", &self.source);
        visitor.tensor("att_dst", &self.target);
        visitor.optional("att_edge", self.edge.as_ref().map(|e| &e.vector));
        visitor.optional("bias", self.bias.as_ref());
        visitor.tensor("lin.weight", &self.weight);
        visitor.optional("lin_edge.weight", self.edge.as_ref().map(|e| &e.weight));
    }
}

impl GraphLayer for GatConv {
    fn forward(
        &self,
        x: &Tensor,
        graph: &GraphTensors,
        mode: ForwardMode,
    ) -> Result<Tensor, TorchError> {
        let edges = graph.edges(self.config.loops)?;
        let h = linear(x, &self.weight, None)?;
        let scores = self.scores(&h, &edges, graph)?;
        let y = edges.attend(&h, &scores, mode.dropout(self.config.dropout))?;
        let y = joined(y, self.heads, self.config.concat)?;
        with_bias(y, self.bias.as_ref())
    }
}
