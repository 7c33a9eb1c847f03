//! A network in pure Rust.

use ndarray::{Array2, ArrayRef2, ArrayRef3};

use super::{Activation, Checkpoint, LayerConfig, PreparedGraph};
use crate::error::{ConfigError, EncodeError};
use crate::graph::SelfLoops;
use crate::kernel::{Real, flat, matrix};
use crate::layer::{GatConv, GatV2Conv, GcnConv, Gru, Linear, SageConv, Weights};

/// Scores a [`Checkpoint`] without libtorch, in `f32` or `f64`.
///
/// Dropout is off. The same input gives the same bytes on every machine of one target, see
/// [the module](super).
///
/// # Complexity
///
/// Per layer time O(N d² + E d), memory O(N d): no tensor of messages is made. A GRU over T steps
/// takes time O(N T d²).
///
/// # Example
///
/// ```
/// use astern_gnn::layer::GcnConfig;
/// use astern_gnn::model::PreparedGraph;
/// use astern_gnn::{Checkpoint, Graph, Network, NetworkConfig, StateDict};
/// use astern_gnn::ndarray::array;
///
/// let config = NetworkConfig::new().layer(GcnConfig::new(1, 1).bias(false));
/// let mut state = StateDict::default();
/// state.insert("0.lin.weight", &[1, 1], vec![2.0]);
/// let bytes = Checkpoint::new(config, state)?.to_bytes()?;
///
/// // Elsewhere, and for as many snapshots as there are:
/// let network = Network::<f32>::new(&Checkpoint::from_bytes(&bytes)?)?;
/// let graph = PreparedGraph::new(&Graph::new(array![[1.0], [3.0]], [(0, 1)])?);
/// let y = network.forward(graph.x(), &graph)?;
/// assert_eq!(y[[0, 0]], 2.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Network<F> {
    inputs: usize,
    outputs: usize,
    activation: Activation,
    layers: Vec<Layer<F>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Layer<F> {
    Gru(Gru<F>),
    Linear(Linear<F>),
    Gcn(GcnConv<F>, SelfLoops),
    Sage(SageConv<F>),
    Gat(GatConv<F>),
    GatV2(GatV2Conv<F>),
}

impl<F: Real> Network<F> {
    /// The network of `checkpoint`, its weights rounded to `F`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NonFiniteWeight`] for a weight beyond the range of `F`.
    pub fn new(checkpoint: &Checkpoint) -> Result<Self, ConfigError> {
        let config = checkpoint.config();
        let layers = config.layers.iter().enumerate();
        let layers =
            layers.map(|(i, layer)| Layer::new(layer, &Weights::new(checkpoint.state(), i)));
        Ok(Self {
            inputs: config.inputs(),
            outputs: config.outputs(),
            activation: config.activation,
            layers: layers.collect::<Result<_, _>>()?,
        })
    }

    /// Output `[N, outputs]` for features `x` `[N, inputs]`.
    ///
    /// # Errors
    ///
    /// [`EncodeError::FeatureCount`], [`EncodeError::NodeCount`],
    /// [`EncodeError::EdgeFeatureCount`], and [`EncodeError::InputAxes`] when the network begins with
    /// a GRU.
    pub fn forward(
        &self,
        x: &ArrayRef2<F>,
        graph: &PreparedGraph<F>,
    ) -> Result<Array2<F>, EncodeError> {
        let (n_nodes, n_features) = x.dim();
        self.check(n_nodes, n_features, graph)?;
        let Some((first, rest)) = self.layers.split_first() else {
            return Ok(x.to_owned());
        };
        if let Layer::Gru(_) = first {
            let (expected, got) = (3, 2);
            return Err(EncodeError::InputAxes { expected, got });
        }
        self.finish(first.run(&flat(x), graph)?, rest, graph)
    }

    /// Output `[N, outputs]` for windows `x` `[N, T, inputs]` of a network that begins with a GRU.
    ///
    /// # Errors
    ///
    /// [`EncodeError::FeatureCount`], [`EncodeError::NodeCount`],
    /// [`EncodeError::EdgeFeatureCount`], [`EncodeError::EmptyWindow`], and
    /// [`EncodeError::InputAxes`] when the network does not begin with a GRU.
    pub fn forward_window(
        &self,
        x: &ArrayRef3<F>,
        graph: &PreparedGraph<F>,
    ) -> Result<Array2<F>, EncodeError> {
        let (n_nodes, steps, n_features) = x.dim();
        self.check(n_nodes, n_features, graph)?;
        let Some((Layer::Gru(gru), rest)) = self.layers.split_first() else {
            let (expected, got) = (2, 3);
            return Err(EncodeError::InputAxes { expected, got });
        };
        if steps == 0 {
            return Err(EncodeError::EmptyWindow);
        }
        self.finish(gru.run(&flat(x), steps), rest, graph)
    }

    fn finish(
        &self,
        first: Vec<F>,
        rest: &[Layer<F>],
        graph: &PreparedGraph<F>,
    ) -> Result<Array2<F>, EncodeError> {
        let mut h = first;
        for layer in rest {
            self.activation.apply(&mut h);
            h = layer.run(&h, graph)?;
        }
        Ok(matrix(h, graph.n_nodes(), self.outputs))
    }

    fn check(
        &self,
        n_nodes: usize,
        n_features: usize,
        graph: &PreparedGraph<F>,
    ) -> Result<(), EncodeError> {
        let (expected, got) = (self.inputs, n_features);
        if expected != got {
            return Err(EncodeError::FeatureCount { expected, got });
        }
        let (expected, got) = (graph.n_nodes(), n_nodes);
        if expected != got {
            return Err(EncodeError::NodeCount { expected, got });
        }
        Ok(())
    }
}

impl<F: Real> Layer<F> {
    fn new(config: &LayerConfig, weights: &Weights<'_>) -> Result<Self, ConfigError> {
        Ok(match config {
            LayerConfig::Gru(config) => Self::Gru(Gru::new(config, weights)?),
            LayerConfig::Linear(config) => Self::Linear(Linear::new(config, weights)?),
            LayerConfig::Gcn(config) => Self::Gcn(GcnConv::new(config, weights)?, config.loops),
            LayerConfig::Sage(config) => Self::Sage(SageConv::new(config, weights)?),
            LayerConfig::Gat(config) => Self::Gat(GatConv::new(config, weights)?),
            LayerConfig::GatV2(config) => Self::GatV2(GatV2Conv::new(config, weights)?),
        })
    }

    fn run(&self, x: &[F], graph: &PreparedGraph<F>) -> Result<Vec<F>, EncodeError> {
        Ok(match self {
            Self::Gru(gru) => gru.run(x, 1),
            Self::Linear(linear) => linear.run(x),
            Self::Gcn(gcn, loops) => gcn.propagate(x, graph.edges(*loops), graph.gcn(*loops)),
            Self::Sage(sage) => sage.run(x, graph),
            Self::Gat(gat) => gat.run(x, graph)?,
            Self::GatV2(gatv2) => gatv2.run(x, graph)?,
        })
    }
}
