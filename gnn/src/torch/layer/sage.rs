//! `GraphSAGE` on tensors.

use tch::Tensor;

use super::super::error::Named;
use super::super::module::{ForwardMode, GraphLayer, Init, Module, Visitor};
use super::super::{GraphTensors, Reduce, TorchError};
use super::Linear;
use crate::graph::SelfLoops;
use crate::layer::{LinearConfig, SageAggregation, SageConfig};

/// `y_i = W_l aggregate_{j→i}(x_j) + b + W_r x_i`; see [`SageConfig`].
///
/// Nothing depends on the number of nodes: a trained layer takes any graph.
///
/// # Complexity
///
/// Time O(N · inputs · outputs + E · inputs); with the greatest value a tensor of messages is made,
/// O(E · inputs) memory.
///
/// # Source
///
/// Hamilton, Ying and Leskovec, Inductive Representation Learning on Large Graphs, 2017 (arXiv
/// 1706.02216); equal to `torch_geometric.nn.SAGEConv` 2.8.1. Without LSTM aggregation.
#[derive(Debug)]
pub struct SageConv {
    aggregation: SageAggregation,
    normalize: bool,
    project: Option<Linear>,
    left: Linear,
    right: Option<Linear>,
}

impl SageConv {
    /// A layer with random weights: torch's own for dense layers.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for settings out of range, or when the device has no room.
    pub fn new(config: &SageConfig, init: &mut Init) -> Result<Self, TorchError> {
        config
            .check()
            .map_err(|e| TorchError::new("sage", &[], e))?;
        let (inputs, outputs) = (config.inputs, config.outputs);
        let square = LinearConfig::new(inputs, inputs);
        let across = LinearConfig::new(inputs, outputs);
        Ok(Self {
            aggregation: config.aggregation,
            normalize: config.normalize,
            project: config
                .project
                .then(|| Linear::new(&square, init))
                .transpose()?,
            left: Linear::new(&across.clone().bias(config.bias), init)?,
            right: config
                .root_weight
                .then(|| Linear::new(&across.bias(false), init))
                .transpose()?,
        })
    }
}

impl Module for SageConv {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        if let Some(project) = &self.project {
            visitor.module("lin", project);
        }
        visitor.module("lin_l", &self.left);
        if let Some(right) = &self.right {
            visitor.module("lin_r", right);
        }
    }
}

impl GraphLayer for SageConv {
    fn forward(
        &self,
        x: &Tensor,
        graph: &GraphTensors,
        _: ForwardMode,
    ) -> Result<Tensor, TorchError> {
        let projected;
        let neighbours = match &self.project {
            Some(project) => {
                let h = project.apply(x)?;
                projected = h.f_relu().named("relu", &[&h])?;
                &projected
            }
            None => x,
        };
        let edges = graph.edges(SelfLoops::AsGiven)?;
        let received = match self.aggregation {
            SageAggregation::Mean => edges.aggregate(neighbours, Some(graph.mean()?))?,
            SageAggregation::Max => edges.reduce(&edges.gather_source(neighbours)?, Reduce::Max)?,
        };
        let mut y = self.left.apply(&received)?;
        if let Some(right) = &self.right {
            let own = right.apply(x)?;
            y = y.f_add(&own).named("add", &[&y, &own])?;
        }
        if !self.normalize {
            return Ok(y);
        }
        let length = y
            .f_norm_scalaropt_dim(2.0, [-1].as_slice(), true)
            .named("norm", &[&y])?;
        let length = length.f_clamp_min(1e-12).named("clamp_min", &[&length])?;
        y.f_div(&length).named("div", &[&y, &length])
    }
}
