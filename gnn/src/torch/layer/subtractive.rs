//! Subtractive aggregation on tensors.

use tch::Tensor;

use super::super::error::Named;
use super::super::module::{ForwardMode, GraphLayer, Init, Module, Visitor};
use super::super::tensor::int;
use super::super::{Edges, GraphTensors, TorchError};
use super::{linear, with_bias};
use crate::graph::SelfLoops;
use crate::layer::{SubtractiveConfig, Subtrahend};

/// How a node deviates from its neighbours; see [`SubtractiveConfig`]. Input `[N, inputs]`, output
/// `[N, outputs]`; without attention axes between are a batch that shares the graph.
///
/// # Complexity
///
/// Time O(N · inputs · outputs + E · outputs), memory O(N · outputs + E): no tensor of messages is
/// made.
///
/// # Source
///
/// Zhou et al., Subtractive Aggregation for Attributed Network Anomaly Detection (AAGNN), CIKM
/// 2021. Deviations from the authors' code:
///
/// * A node without neighbours keeps `u_i`; there it is divided by 0.
/// * The greatest score is subtracted before the exponential, which overflows there; the
///   coefficients are the same.
/// * The activation behind the layer (`ReLU` behind the mean, ELU behind attention) is left to the
///   model.
/// * Edges are sparse and directed, and loops stay as given.
/// * Weights begin as Glorot's uniform ones and the bias as 0.
///
/// # Example
///
/// ```
/// use astern_gnn::layer::SubtractiveConfig;
/// use astern_gnn::torch::tch::{Device, Kind};
/// use astern_gnn::torch::{GraphLayer, GraphTensors, Init, ForwardMode, SubtractiveConv};
/// use astern_gnn::{Graph, ndarray::Array2};
///
/// // Three equal nodes: nobody deviates.
/// let graph = Graph::new(Array2::ones((3, 4)), [(0, 1), (1, 2), (2, 0)])?;
/// let graph = GraphTensors::new(&graph, Kind::Double, Device::Cpu)?;
/// let init = &mut Init::new(7, Kind::Double, Device::Cpu);
/// let layer = SubtractiveConv::new(&SubtractiveConfig::new(4, 8), init)?;
/// let y = layer.forward(graph.x(), &graph, ForwardMode::Eval)?;
/// assert_eq!(y.f_abs()?.f_max()?.f_double_value(&[])?, 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SubtractiveConv {
    config: SubtractiveConfig,
    weight: Tensor,
    /// `a`, `[1, 2 outputs]`: for the node, then for the neighbour.
    attention: Option<Tensor>,
    bias: Option<Tensor>,
}

impl SubtractiveConv {
    /// A layer with random weights: Glorot's, the bias 0.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for settings out of range, or when the device has no room.
    pub fn new(config: &SubtractiveConfig, init: &mut Init) -> Result<Self, TorchError> {
        config
            .check()
            .map_err(|e| TorchError::new("subtractive", &[], e))?;
        let (inputs, outputs) = (int(config.inputs), int(config.outputs));
        Ok(Self {
            weight: init.glorot(&[outputs, inputs])?,
            attention: (config.subtrahend == Subtrahend::Attention)
                .then(|| init.glorot(&[1, outputs.saturating_mul(2)]))
                .transpose()?,
            bias: config
                .bias
                .then(|| init.constant(&[outputs], 0.0))
                .transpose()?,
            config: config.clone(),
        })
    }

    /// `-LeakyReLU(<a, [u_i ‖ u_j]>)` of every edge, `[E, 1]`.
    fn scores(&self, u: &Tensor, edges: &Edges, a: &Tensor) -> Result<Tensor, TorchError> {
        let halves = a.f_reshape([2, -1]).named("reshape", &[a])?;
        let parts = linear(u, &halves, None)?;
        let part = |at| parts.f_narrow(-1, at, 1).named("narrow", &[&parts]);
        let minus = Tensor::f_full([1, 1, 1], -1.0, (u.kind(), u.device())).named("full", &[u])?;
        let slope = self.config.negative_slope;
        edges.scores([&part(1)?, &part(0)?, &minus], None, slope)
    }

    /// `u_i - mean_{j→i} u_j`.
    fn from_mean(u: &Tensor, edges: &Edges, graph: &GraphTensors) -> Result<Tensor, TorchError> {
        let mean = edges.aggregate(u, Some(graph.mean()?))?;
        u.f_sub(&mean).named("sub", &[u, &mean])
    }
}

impl Module for SubtractiveConv {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.optional("att", self.attention.as_ref());
        visitor.optional("bias", self.bias.as_ref());
        visitor.tensor("lin.weight", &self.weight);
    }
}

impl GraphLayer for SubtractiveConv {
    fn forward(
        &self,
        x: &Tensor,
        graph: &GraphTensors,
        mode: ForwardMode,
    ) -> Result<Tensor, TorchError> {
        let edges = graph.edges(SelfLoops::AsGiven)?;
        let y = match &self.attention {
            Some(a) => {
                let u = linear(x, &self.weight, None)?;
                let scores = self.scores(&u, &edges, a)?;
                let dropout = mode.dropout(self.config.dropout);
                let received = edges.attend(&u, &scores, dropout)?;
                u.f_sub(&received).named("sub", &[&u, &received])?
            }
            // Subtraction is linear: it goes where rows are narrower.
            None if self.config.inputs < self.config.outputs => {
                linear(&Self::from_mean(x, &edges, graph)?, &self.weight, None)?
            }
            None => Self::from_mean(&linear(x, &self.weight, None)?, &edges, graph)?,
        };
        with_bias(y, self.bias.as_ref())
    }
}
