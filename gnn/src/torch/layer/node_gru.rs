//! A GRU over the past of every node: time, then graph.

use tch::Tensor;

use super::super::module::{ForwardMode, GraphLayer, Init, Module, Visitor};
use super::super::tensor::shaped;
use super::super::{GraphTensors, TorchError};
use super::GruCell;
use crate::layer::RecurrentConfig;

/// Sums up a window `[N, T, F]` as the last state of a GRU, `[N, d]`, the same weights for every
/// node; used before graph layers.
///
/// All nodes are one batch: the cheapest way from windows to graph layers. Parameters have the
/// names of `torch.nn.GRU` (`weight_ih_l0`, …). As a [`GraphLayer`] it does not look at the graph.
///
/// # Complexity
///
/// Time O(N T d (F + d)).
///
/// # Example
///
/// ```
/// use astern_gnn::layer::{GatV2Config, RecurrentConfig};
/// use astern_gnn::torch::tch::{Device, Kind, Tensor};
/// use astern_gnn::torch::{GatV2Conv, GraphLayer, GraphTensors, Init, ForwardMode, NodeGru};
/// use astern_gnn::{EdgeIndex, Graph};
///
/// let init = &mut Init::new(7, Kind::Float, Device::Cpu);
/// let time = NodeGru::new(&RecurrentConfig::new(4, 16), init)?;
/// let space = GatV2Conv::new(&GatV2Config::new(16, 8), init)?;
///
/// let graph = Graph::of_edges(EdgeIndex::new(3, [(1, 0), (2, 1)])?);
/// let graph = GraphTensors::new(&graph, Kind::Float, Device::Cpu)?;
/// let window = Tensor::f_ones([3, 12, 4], (Kind::Float, Device::Cpu))?;
/// let z = space.forward(&time.last(&window)?, &graph, ForwardMode::Eval)?;
/// assert_eq!(z.size(), [3, 8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NodeGru {
    cell: GruCell,
}

impl NodeGru {
    /// A layer with random weights: torch's own for recurrent layers.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for settings out of range, or when the device has no room.
    pub fn new(config: &RecurrentConfig, init: &mut Init) -> Result<Self, TorchError> {
        let cell = GruCell::new(config, init)?;
        Ok(Self { cell })
    }

    /// The state of every node after the window `[N, T, F]`, `[N, d]`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, no step, another kind or another device.
    pub fn last(&self, window: &Tensor) -> Result<Tensor, TorchError> {
        shaped("gru", window, [None; 3])?;
        Ok(self.cell.sequence(window, None)?.last)
    }
}

impl Module for NodeGru {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        self.cell.weights.visit("_l0", visitor);
    }
}

impl GraphLayer for NodeGru {
    fn forward(&self, x: &Tensor, _: &GraphTensors, _: ForwardMode) -> Result<Tensor, TorchError> {
        self.last(x)
    }
}
