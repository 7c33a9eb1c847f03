//! One anomaly score a node, over any encoder.

use tch::Tensor;

use super::super::module::{ForwardMode, GraphLayer, Init, Module, Visitor};
use super::super::{GraphTensors, Linear, TorchError};
use crate::layer::LinearConfig;

/// An encoder and a dense layer that turns an embedding into one score, `s = w · z + b`.
///
/// The output is `[N, 1]`, in deviations of the prior once it is trained by
/// [`fit`](super::fit) or [`meta_train`](super::meta_train).
///
/// # Example
///
/// ```
/// use astern_gnn::layer::GcnConfig;
/// use astern_gnn::torch::few::AnomalyHead;
/// use astern_gnn::torch::tch::{Device, Kind};
/// use astern_gnn::torch::{GcnConv, GraphLayer, GraphTensors, Init, ForwardMode};
/// use astern_gnn::{Graph, ndarray::Array2};
///
/// let init = &mut Init::new(1, Kind::Float, Device::Cpu);
/// let encoder = GcnConv::new(&GcnConfig::new(4, 8), init)?;
/// let model = AnomalyHead::new(encoder, 8, init)?;
/// let graph = Graph::new(Array2::ones((3, 4)), [(0, 1), (1, 2)])?;
/// let graph = GraphTensors::new(&graph, Kind::Float, Device::Cpu)?;
/// assert_eq!(model.forward(graph.x(), &graph, ForwardMode::Eval)?.size(), [3, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AnomalyHead<E> {
    encoder: E,
    output: Linear,
}

impl<E: GraphLayer> AnomalyHead<E> {
    /// A head with random weights on `encoder`, whose embeddings are `width` wide.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for a width of 0, or when the device has no room.
    pub fn new(encoder: E, width: usize, init: &mut Init) -> Result<Self, TorchError> {
        Ok(Self {
            encoder,
            output: Linear::new(&LinearConfig::new(width, 1), init)?,
        })
    }

    /// The encoder.
    pub fn encoder(&self) -> &E {
        &self.encoder
    }
}

impl<E: GraphLayer> Module for AnomalyHead<E> {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.module("encoder", &self.encoder);
        visitor.module("output", &self.output);
    }
}

impl<E: GraphLayer> GraphLayer for AnomalyHead<E> {
    fn forward(
        &self,
        x: &Tensor,
        graph: &GraphTensors,
        mode: ForwardMode,
    ) -> Result<Tensor, TorchError> {
        let z = self.encoder.forward(x, graph, mode)?;
        self.output.apply(&z)
    }
}
