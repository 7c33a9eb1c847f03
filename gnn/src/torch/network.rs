//! A network on tensors.

use tch::{Device, Kind, Tensor};

use super::error::Named;
use super::module::{ForwardMode, GraphLayer, Init, Module, Visitor};
use super::{
    GatConv, GatV2Conv, GcnConv, GraphTensors, Linear, NodeGru, SageConv, TorchError, load_state,
    state_of,
};
use crate::model::{Activation, Checkpoint, LayerConfig, NetworkConfig};

/// The network of a [`NetworkConfig`] with gradients: what [`crate::Network`] scores.
///
/// Input `[N, F]`, or windows `[N, T, F]` where the first layer is a GRU; output `[N, outputs]`.
/// Parameters are named by layer: `0.lin.weight`, `1.att`.
///
/// # Example
///
/// ```
/// use astern_gnn::layer::{GatV2Config, LinearConfig};
/// use astern_gnn::torch::tch::{Device, Kind};
/// use astern_gnn::torch::{GraphLayer, GraphTensors, ForwardMode, TrainableNetwork};
/// use astern_gnn::model::PreparedGraph;
/// use astern_gnn::{Graph, NetworkConfig, ndarray::Array2};
///
/// let config = NetworkConfig::new()
///     .layer(GatV2Config::new(4, 8).heads(2))
///     .layer(LinearConfig::new(16, 1));
/// let network = TrainableNetwork::new(&config, 7, Kind::Float, Device::Cpu)?;
/// let graph = Graph::new(Array2::ones((3, 4)), [(0, 1), (1, 2)])?;
/// let tensors = GraphTensors::new(&graph, Kind::Float, Device::Cpu)?;
/// let y = network.forward(tensors.x(), &tensors, ForwardMode::Eval)?;
/// assert_eq!(y.size(), [3, 1]);
///
/// // Trained or not, the same network runs without libtorch.
/// let pure = astern_gnn::Network::<f32>::new(&network.checkpoint()?)?;
/// let graph = PreparedGraph::new(&graph);
/// let off = pure.forward(graph.x(), &graph)?[[2, 0]] - y.f_double_value(&[2, 0])? as f32;
/// assert!(off.abs() < 1e-5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TrainableNetwork {
    config: NetworkConfig,
    layers: Vec<Layer>,
}

#[derive(Debug)]
enum Layer {
    Gru(NodeGru),
    Linear(Linear),
    Gcn(GcnConv),
    Sage(SageConv),
    Gat(GatConv),
    GatV2(GatV2Conv),
}

impl TrainableNetwork {
    /// A network with random weights from `seed`: each layer as it is by itself.
    ///
    /// # Errors
    ///
    /// [`TorchError`] whose source is a [`ConfigError`](crate::ConfigError) for settings that do not
    /// pass [`NetworkConfig::check`], or when the device has no room.
    pub fn new(
        config: &NetworkConfig,
        seed: u64,
        kind: Kind,
        device: Device,
    ) -> Result<Self, TorchError> {
        config
            .check()
            .map_err(|e| TorchError::new("network", &[], e))?;
        let mut init = Init::new(seed, kind, device);
        let layers = config.layers.iter();
        Ok(Self {
            layers: layers
                .map(|layer| Layer::new(layer, &mut init))
                .collect::<Result<_, _>>()?,
            config: config.clone(),
        })
    }

    /// The network of `checkpoint`, to train on or to score.
    ///
    /// # Errors
    ///
    /// [`TorchError`], for instance when the device has no room.
    pub fn from_checkpoint(
        checkpoint: &Checkpoint,
        kind: Kind,
        device: Device,
    ) -> Result<Self, TorchError> {
        let network = Self::new(checkpoint.config(), 0, kind, device)?;
        load_state(&network, checkpoint.state())?;
        Ok(network)
    }

    /// Settings and weights as they are now, exactly.
    ///
    /// # Errors
    ///
    /// [`TorchError`] when a weight cannot be read; its source is a
    /// [`ConfigError`](crate::ConfigError) when one is not finite.
    pub fn checkpoint(&self) -> Result<Checkpoint, TorchError> {
        let state = state_of(self)?;
        Checkpoint::new(self.config.clone(), state)
            .map_err(|e| TorchError::new("checkpoint", &[], e))
    }

    /// The settings.
    pub fn config(&self) -> &NetworkConfig {
        &self.config
    }
}

impl Module for TrainableNetwork {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        for (i, layer) in self.layers.iter().enumerate() {
            visitor.module(&i.to_string(), layer.get());
        }
    }
}

impl GraphLayer for TrainableNetwork {
    fn forward(
        &self,
        x: &Tensor,
        graph: &GraphTensors,
        mode: ForwardMode,
    ) -> Result<Tensor, TorchError> {
        let mut layers = self.layers.iter();
        // Checked: there is a first layer.
        let mut h = match layers.next() {
            Some(first) => first.get().forward(x, graph, mode)?,
            None => x.shallow_clone(),
        };
        let rate = mode.dropout(self.config.dropout);
        for layer in layers {
            h = activate(self.config.activation, &h)?;
            if rate > 0.0 {
                h = h.f_dropout(rate, true).named("dropout", &[&h])?;
            }
            h = layer.get().forward(&h, graph, mode)?;
        }
        Ok(h)
    }
}

fn activate(activation: Activation, x: &Tensor) -> Result<Tensor, TorchError> {
    match activation {
        Activation::Identity => Ok(x.shallow_clone()),
        Activation::Relu => x.f_relu().named("relu", &[x]),
        Activation::Elu => x.f_elu().named("elu", &[x]),
        Activation::LeakyRelu => x.f_leaky_relu().named("leaky_relu", &[x]),
        Activation::Tanh => x.f_tanh().named("tanh", &[x]),
        Activation::Sigmoid => x.f_sigmoid().named("sigmoid", &[x]),
    }
}

impl Layer {
    fn new(config: &LayerConfig, init: &mut Init) -> Result<Self, TorchError> {
        Ok(match config {
            LayerConfig::Gru(config) => Self::Gru(NodeGru::new(config, init)?),
            LayerConfig::Linear(config) => Self::Linear(Linear::new(config, init)?),
            LayerConfig::Gcn(config) => Self::Gcn(GcnConv::new(config, init)?),
            LayerConfig::Sage(config) => Self::Sage(SageConv::new(config, init)?),
            LayerConfig::Gat(config) => Self::Gat(GatConv::new(config, init)?),
            LayerConfig::GatV2(config) => Self::GatV2(GatV2Conv::new(config, init)?),
        })
    }

    fn get(&self) -> &dyn GraphLayer {
        match self {
            Self::Gru(layer) => layer,
            Self::Linear(layer) => layer,
            Self::Gcn(layer) => layer,
            Self::Sage(layer) => layer,
            Self::Gat(layer) => layer,
            Self::GatV2(layer) => layer,
        }
    }
}
