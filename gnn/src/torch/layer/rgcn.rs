//! Relational graph convolution on tensors.

use tch::Tensor;

use super::super::error::Named;
use super::super::graph::Relation;
use super::super::module::{ForwardMode, GraphLayer, Init, Module, Visitor};
use super::super::tensor::int;
use super::super::{GraphTensors, TorchError};
use super::with_bias;
use crate::layer::RgcnConfig;

/// A graph convolution with weights for each relation; see [`RgcnConfig`]. Input `[N, …, inputs]`,
/// output `[N, …, outputs]`; axes between are a batch that shares the graph.
///
/// # Complexity
///
/// Time O(R N · inputs · outputs + E · min(inputs, outputs)) for R relations. No tensor of messages
/// is made.
///
/// # Source
///
/// Schlichtkrull et al., Modeling Relational Data with Graph Convolutional Networks, 2018 (arXiv
/// 1703.06103); equal to `torch_geometric.nn.RGCNConv` 2.8.1. Without block-diagonal weights.
///
/// # Example
///
/// ```
/// use astern_gnn::layer::RgcnConfig;
/// use astern_gnn::torch::tch::{Device, Kind};
/// use astern_gnn::torch::{GraphLayer, GraphTensors, Init, ForwardMode, RgcnConv};
/// use astern_gnn::{Graph, ndarray::Array2};
///
/// let (calls, runs_on) = (0, 1);
/// let graph = Graph::new(Array2::ones((3, 4)), [(0, 1), (2, 1)])?
///     .with_edge_type(&[calls, runs_on], 2)?;
/// let graph = GraphTensors::new(&graph, Kind::Float, Device::Cpu)?;
/// let layer = RgcnConv::new(&RgcnConfig::new(4, 8, 2), &mut Init::new(7, Kind::Float, Device::Cpu))?;
/// assert_eq!(layer.forward(graph.x(), &graph, ForwardMode::Eval)?.size(), [3, 8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RgcnConv {
    config: RgcnConfig,
    /// `[R, inputs, outputs]`, or `[B, inputs, outputs]` of bases.
    weight: Tensor,
    /// `[R, B]`.
    mixture: Option<Tensor>,
    root: Option<Tensor>,
    bias: Option<Tensor>,
}

impl RgcnConv {
    /// A layer with random weights: Glorot's, the bias 0.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for settings out of range, or when the device has no room.
    pub fn new(config: &RgcnConfig, init: &mut Init) -> Result<Self, TorchError> {
        config
            .check()
            .map_err(|e| TorchError::new("rgcn", &[], e))?;
        let (inputs, outputs) = (int(config.inputs), int(config.outputs));
        let relations = int(config.relations);
        let bases = config.bases.map(int);
        Ok(Self {
            weight: init.glorot(&[bases.unwrap_or(relations), inputs, outputs])?,
            mixture: bases
                .map(|bases| init.glorot(&[relations, bases]))
                .transpose()?,
            root: config
                .root_weight
                .then(|| init.glorot(&[inputs, outputs]))
                .transpose()?,
            bias: config
                .bias
                .then(|| init.constant(&[outputs], 0.0))
                .transpose()?,
            config: config.clone(),
        })
    }

    /// Weights of every relation, `[R, inputs, outputs]`.
    fn weights(&self) -> Result<Tensor, TorchError> {
        let Some(mixture) = &self.mixture else {
            return Ok(self.weight.shallow_clone());
        };
        let bases = int(self.config.bases.unwrap_or(0));
        let flat = self
            .weight
            .f_reshape([bases, -1])
            .named("reshape", &[&self.weight])?;
        let mixed = matmul(mixture, &flat)?;
        let config = &self.config;
        let shape = [config.relations, config.inputs, config.outputs].map(int);
        mixed.f_reshape(shape).named("reshape", &[&mixed])
    }

    /// `mean_{j→i in r}(x_j) W_r`: propagation is linear, so it goes where rows are narrower.
    fn received(&self, x: &Tensor, relation: &Relation, w: &Tensor) -> Result<Tensor, TorchError> {
        let mean = Some(&relation.mean);
        if self.config.inputs <= self.config.outputs {
            matmul(&relation.edges.aggregate(x, mean)?, w)
        } else {
            relation.edges.aggregate(&matmul(x, w)?, mean)
        }
    }
}

impl Module for RgcnConv {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.tensor("weight", &self.weight);
        visitor.optional("comp", self.mixture.as_ref());
        visitor.optional("root", self.root.as_ref());
        visitor.optional("bias", self.bias.as_ref());
    }
}

impl GraphLayer for RgcnConv {
    fn forward(
        &self,
        x: &Tensor,
        graph: &GraphTensors,
        _: ForwardMode,
    ) -> Result<Tensor, TorchError> {
        let (got, expected) = (graph.n_edge_types(), self.config.relations);
        if got != expected {
            let source = format!("the layer has {expected} relations, the graph {got}");
            return Err(TorchError::new("rgcn", &[x], source));
        }
        let weights = self.weights()?;
        let weights = weights.f_unbind(0).named("unbind", &[&weights])?;
        let mut y = match &self.root {
            Some(root) => Some(matmul(x, root)?),
            None => None,
        };
        for (relation, weight) in graph.relations()?.iter().zip(&weights) {
            let received = self.received(x, relation, weight)?;
            y = Some(match y {
                Some(y) => y.f_add(&received).named("add", &[&y, &received])?,
                None => received,
            });
        }
        let y = y.ok_or_else(|| TorchError::new("rgcn", &[x], "no relation"))?;
        with_bias(y, self.bias.as_ref())
    }
}

fn matmul(x: &Tensor, weight: &Tensor) -> Result<Tensor, TorchError> {
    x.f_matmul(weight).named("matmul", &[x, weight])
}
