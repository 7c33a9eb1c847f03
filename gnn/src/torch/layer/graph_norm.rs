//! `GraphNorm` on tensors.

use tch::Tensor;

use super::super::error::Named;
use super::super::module::{ForwardMode, GraphLayer, Init, Module, Visitor};
use super::super::tensor::{int, shaped};
use super::super::{GraphTensors, NodeBatch, Reduce, TorchError};
use crate::layer::GraphNormConfig;

/// Shifts and scales every feature per graph; see [`GraphNormConfig`]. `[N, width]` stays
/// `[N, width]`.
///
/// As a [`GraphLayer`] it takes all nodes as one graph; [`apply`](Self::apply) takes a batch.
///
/// # Complexity
///
/// O(N · width).
///
/// # Source
///
/// Cai et al., `GraphNorm`: A Principled Approach to Accelerating Graph Neural Network Training,
/// 2021 (arXiv 2009.03294); equal to `torch_geometric.nn.GraphNorm` 2.8.1.
#[derive(Debug)]
pub struct GraphNorm {
    config: GraphNormConfig,
    weight: Tensor,
    bias: Tensor,
    mean_scale: Tensor,
}

impl GraphNorm {
    /// A layer with weight 1, bias 0 and the whole mean taken away.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for settings out of range, or when the device has no room.
    pub fn new(config: &GraphNormConfig, init: &mut Init) -> Result<Self, TorchError> {
        config
            .check()
            .map_err(|e| TorchError::new("graph_norm", &[], e))?;
        let width = [int(config.width)];
        Ok(Self {
            config: config.clone(),
            weight: init.constant(&width, 1.0)?,
            bias: init.constant(&width, 0.0)?,
            mean_scale: init.constant(&width, 1.0)?,
        })
    }

    /// Normalises `x` `[N, width]` within each graph of `batch`, or as one graph.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, another kind or another device.
    pub fn apply(&self, x: &Tensor, batch: Option<&NodeBatch>) -> Result<Tensor, TorchError> {
        shaped("graph_norm", x, [None, Some(int(self.config.width))])?;
        let mean = mean(x, batch)?;
        let shift = mean
            .f_mul(&self.mean_scale)
            .named("mul", &[&mean, &self.mean_scale])?;
        let shift = spread(&shift, batch)?;
        let centred = x.f_sub(&shift).named("sub", &[x, &shift])?;
        let squares = centred.f_square().named("square", &[&centred])?;
        let variance = self::mean(&squares, batch)?;
        let variance = variance
            .f_add_scalar(self.config.eps)
            .named("add", &[&variance])?;
        let std = variance.f_sqrt().named("sqrt", &[&variance])?;
        // Divided at the graphs, not at the nodes: there are fewer of them.
        let scale = self
            .weight
            .f_div(&std)
            .named("div", &[&self.weight, &std])?;
        let scale = spread(&scale, batch)?;
        self.bias
            .f_addcmul(&centred, &scale)
            .named("addcmul", &[&self.bias, &centred, &scale])
    }
}

/// Mean of each graph, `[G, d]`, or of all nodes, `[1, d]`.
fn mean(x: &Tensor, batch: Option<&NodeBatch>) -> Result<Tensor, TorchError> {
    match batch {
        Some(batch) => batch.reduce(x, Reduce::Mean),
        None => x
            .f_mean_dim([0].as_slice(), true, x.kind())
            .named("mean", &[x]),
    }
}

/// Rows of graphs as rows of nodes; the row of all nodes is left to be repeated by libtorch.
fn spread(rows: &Tensor, batch: Option<&NodeBatch>) -> Result<Tensor, TorchError> {
    batch.map_or_else(|| Ok(rows.shallow_clone()), |batch| batch.spread(rows))
}

impl Module for GraphNorm {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.tensor("weight", &self.weight);
        visitor.tensor("bias", &self.bias);
        visitor.tensor("mean_scale", &self.mean_scale);
    }
}

impl GraphLayer for GraphNorm {
    fn forward(&self, x: &Tensor, _: &GraphTensors, _: ForwardMode) -> Result<Tensor, TorchError> {
        self.apply(x, None)
    }
}
