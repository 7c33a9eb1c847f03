//! Which layers a network has.

use serde::{Deserialize, Serialize};

use super::Activation;
use crate::error::ConfigError;
use crate::layer::{
    GatConfig, GatV2Config, GcnConfig, LinearConfig, Parameters, RecurrentConfig, SageConfig,
    check_dropout,
};

/// Largest number of weights in a network: half a gigabyte.
const MAX_WEIGHTS: usize = 1 << 26;

/// Settings of one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LayerConfig {
    /// A GRU over the window of each node, that of `torch.nn.GRU`; the first layer only.
    Gru(RecurrentConfig),
    /// A dense layer on each node.
    Linear(LinearConfig),
    /// Graph convolution.
    Gcn(GcnConfig),
    /// `GraphSAGE`.
    Sage(SageConfig),
    /// Graph attention.
    Gat(GatConfig),
    /// `GATv2`.
    #[serde(rename = "gatv2")]
    GatV2(GatV2Config),
}

impl LayerConfig {
    /// Width of the input rows.
    pub fn inputs(&self) -> usize {
        match self {
            Self::Gru(config) => config.inputs,
            Self::Linear(config) => config.inputs,
            Self::Gcn(config) => config.inputs,
            Self::Sage(config) => config.inputs,
            Self::Gat(config) => config.inputs,
            Self::GatV2(config) => config.inputs,
        }
    }

    /// Width of the output rows.
    pub fn width(&self) -> usize {
        match self {
            Self::Gru(config) => config.outputs,
            Self::Linear(config) => config.outputs,
            Self::Gcn(config) => config.outputs,
            Self::Sage(config) => config.outputs,
            Self::Gat(config) => config.width(),
            Self::GatV2(config) => config.width(),
        }
    }

    /// Holds every setting against its range.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`].
    pub fn check(&self) -> Result<(), ConfigError> {
        match self {
            Self::Gru(config) => config.check(),
            Self::Linear(config) => config.check(),
            Self::Gcn(config) => config.check(),
            Self::Sage(config) => config.check(),
            Self::Gat(config) => config.check(),
            Self::GatV2(config) => config.check(),
        }
    }

    fn parameters(&self) -> Parameters {
        match self {
            Self::Gru(config) => config.gru_parameters(),
            Self::Linear(config) => config.parameters(),
            Self::Gcn(config) => config.parameters(),
            Self::Sage(config) => config.parameters(),
            Self::Gat(config) => config.parameters(),
            Self::GatV2(config) => config.parameters(),
        }
    }
}

macro_rules! from_config {
    ($($variant:ident: $config:ty,)*) => {
        $(impl From<$config> for LayerConfig {
            fn from(config: $config) -> Self {
                Self::$variant(config)
            }
        })*
    };
}

from_config! {
    Gru: RecurrentConfig,
    Linear: LinearConfig,
    Gcn: GcnConfig,
    Sage: SageConfig,
    Gat: GatConfig,
    GatV2: GatV2Config,
}

/// Settings of a network: layers in order, with an activation and dropout between them and nothing
/// after the last.
///
/// A network takes `[N, F]`; one that begins with a GRU takes windows `[N, T, F]`. Its parameters
/// are named by layer, as `0.lin.weight`, `1.att`.
///
/// # Example
///
/// What each service did over a window, then what it receives from its neighbours:
///
/// ```
/// use astern_gnn::layer::{GatV2Config, LinearConfig, RecurrentConfig};
/// use astern_gnn::model::Activation;
/// use astern_gnn::NetworkConfig;
///
/// let config = NetworkConfig::new()
///     .layer(RecurrentConfig::new(4, 32))
///     .layer(GatV2Config::new(32, 16).heads(2).edge_features(3))
///     .layer(LinearConfig::new(32, 1))
///     .activation(Activation::Elu)
///     .dropout(0.1);
/// config.check()?;
/// assert_eq!((config.inputs(), config.outputs()), (4, 1));
/// # Ok::<(), astern_gnn::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct NetworkConfig {
    /// Layers in order.
    pub layers: Vec<LayerConfig>,
    /// What stands between them.
    pub activation: Activation,
    /// Share of the values between layers that training sets to 0.
    pub dropout: f64,
}

impl NetworkConfig {
    /// No layer yet, `ReLU`, no dropout.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer at the end.
    #[must_use]
    pub fn layer(mut self, layer: impl Into<LayerConfig>) -> Self {
        self.layers.push(layer.into());
        self
    }

    /// Width of the input rows; 0 without layers.
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, LayerConfig::inputs)
    }

    /// Width of the output rows; 0 without layers.
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, LayerConfig::width)
    }

    /// Whether the input is a window `[N, T, F]`.
    pub fn takes_window(&self) -> bool {
        matches!(self.layers.first(), Some(LayerConfig::Gru(_)))
    }

    /// Holds every setting against its range, and each layer against the one before it.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoLayer`], [`ConfigError::OutOfRange`], also for a GRU that is not first,
    /// [`ConfigError::LayerChain`], and [`ConfigError::TooManyWeights`] above 2²⁶ weights.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.layers.is_empty() {
            return Err(ConfigError::NoLayer { widths: Vec::new() });
        }
        check_dropout(self.dropout)?;
        for (i, layer) in self.layers.iter().enumerate() {
            layer.check()?;
            if i > 0 && matches!(layer, LayerConfig::Gru(_)) {
                return Err(ConfigError::OutOfRange {
                    name: "position of the GRU",
                    value: i as f64,
                    allowed: "0: only the input is a window",
                });
            }
        }
        for (i, pair) in self.layers.windows(2).enumerate() {
            let (expected, got) = (pair[0].width(), pair[1].inputs());
            if expected != got {
                return Err(ConfigError::LayerChain {
                    layer: i + 1,
                    expected,
                    got,
                });
            }
        }
        let mut sizes = self.parameters().map(|(_, shape)| {
            let size = shape
                .iter()
                .try_fold(1usize, |n, &axis| n.checked_mul(axis));
            size.unwrap_or(usize::MAX)
        });
        let total = sizes.try_fold(0usize, usize::checked_add);
        if total.is_none_or(|n| n > MAX_WEIGHTS) {
            let widths = self.layers.iter().map(LayerConfig::width);
            return Err(ConfigError::TooManyWeights {
                widths: std::iter::once(self.inputs()).chain(widths).collect(),
                limit: MAX_WEIGHTS,
            });
        }
        Ok(())
    }

    /// Names, `0.lin.weight` and so on, and shapes of all parameters: what a [`Checkpoint`] must hold.
    ///
    /// [`Checkpoint`]: super::Checkpoint
    pub fn parameters(&self) -> impl Iterator<Item = (String, Vec<usize>)> {
        self.layers.iter().enumerate().flat_map(|(i, layer)| {
            let parameters = layer.parameters().into_iter();
            parameters.map(move |(name, shape)| (format!("{i}.{name}"), shape))
        })
    }
}

astern_stats::setters!(NetworkConfig {
    /// Sets what stands between layers.
    activation: Activation,
    /// Sets the dropout between layers; the dropout of attention is the layer's.
    dropout: f64,
});
