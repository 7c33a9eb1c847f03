//! Graph convolution (GCN) on tensors.

use tch::Tensor;

use super::super::module::{ForwardMode, GraphLayer, Init, Module, Visitor};
use super::super::tensor::int;
use super::super::{GraphTensors, TorchError};
use super::{linear, with_bias};
use crate::graph::SelfLoops;
use crate::layer::GcnConfig;

/// Graph convolution; see [`GcnConfig`].
///
/// Nodes are the first axis of the input, features the last; axes between them are a batch that
/// shares the graph: `[N, inputs]` gives `[N, outputs]`, and T snapshots as `[N, T, inputs]` give
/// `[N, T, outputs]`, which is the same as one graph of T separate blocks without its T-fold
/// edges. Weights, input and graph have the same kind and device.
///
/// # Complexity
///
/// Per snapshot time O(N · inputs · outputs + E · min(inputs, outputs)): messages are the narrower
/// of the two. No tensor of messages is made.
///
/// # Source
///
/// Kipf and Welling, 2017 (arXiv 1609.02907); equal to `torch_geometric.nn.GCNConv` 2.8.1.
///
/// # Example
///
/// ```
/// use astern_gnn::layer::GcnConfig;
/// use astern_gnn::torch::tch::{Device, Kind};
/// use astern_gnn::torch::{GcnConv, GraphLayer, GraphTensors, Init, ForwardMode};
/// use astern_gnn::{Graph, ndarray::Array2};
///
/// let graph = Graph::new(Array2::ones((3, 4)), [(0, 1), (1, 2)])?;
/// let graph = GraphTensors::new(&graph, Kind::Float, Device::Cpu)?;
/// let layer = GcnConv::new(&GcnConfig::new(4, 8), &mut Init::new(7, Kind::Float, Device::Cpu))?;
/// assert_eq!(layer.forward(graph.x(), &graph, ForwardMode::Eval)?.size(), [3, 8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct GcnConv {
    loops: SelfLoops,
    inputs: i64,
    outputs: i64,
    weight: Tensor,
    bias: Option<Tensor>,
}

impl GcnConv {
    /// A layer with random weights: Glorot's, the bias 0.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for settings out of range, or when the device has no room.
    pub fn new(config: &GcnConfig, init: &mut Init) -> Result<Self, TorchError> {
        config.check().map_err(|e| TorchError::new("gcn", &[], e))?;
        let (inputs, outputs) = (int(config.inputs), int(config.outputs));
        Ok(Self {
            loops: config.loops,
            inputs,
            outputs,
            weight: init.glorot(&[outputs, inputs])?,
            bias: config
                .bias
                .then(|| init.constant(&[outputs], 0.0))
                .transpose()?,
        })
    }
}

impl Module for GcnConv {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.tensor("lin.weight", &self.weight);
        visitor.optional("bias", self.bias.as_ref());
    }
}

impl GraphLayer for GcnConv {
    fn forward(
        &self,
        x: &Tensor,
        graph: &GraphTensors,
        _: ForwardMode,
    ) -> Result<Tensor, TorchError> {
        let edges = graph.edges(self.loops)?;
        let coefficients = Some(graph.gcn(self.loops)?);
        // Propagation is linear: it goes where rows are narrower.
        let y = if self.inputs < self.outputs {
            linear(&edges.aggregate(x, coefficients)?, &self.weight, None)?
        } else {
            edges.aggregate(&linear(x, &self.weight, None)?, coefficients)?
        };
        with_bias(y, self.bias.as_ref())
    }
}
