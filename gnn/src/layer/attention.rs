//! The settings of graph attention, which GAT and `GATv2` share.

use serde::{Deserialize, Serialize};

use super::{at_least_1, check_dropout, check_slope};
use crate::error::ConfigError;
use crate::graph::SelfLoops;

/// Settings of a layer of graph attention: [`GatConfig`](super::GatConfig) and
/// [`GatV2Config`](super::GatV2Config) are this, with `S` for what they may share.
///
/// Defaults are those of `torch_geometric.nn.GATConv` and `GATv2Conv`: one head, concatenated, slope .2, no
/// dropout, no weights shared, loops replaced, a bias, no edge attributes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    default = "AttentionConfig::unset",
    deny_unknown_fields,
    bound(deserialize = "S: Deserialize<'de> + Default")
)]
#[non_exhaustive]
pub struct AttentionConfig<S> {
    /// Width of the input rows.
    pub inputs: usize,
    /// Width of the output of one head.
    pub outputs: usize,
    /// Number of heads.
    pub heads: usize,
    /// Whether heads are laid side by side (`heads * outputs` columns) or averaged.
    pub concat: bool,
    /// Slope of `LeakyReLU` below 0.
    pub negative_slope: f64,
    /// Share of the attention coefficients that training sets to 0.
    pub dropout: f64,
    /// Number of edge attributes; 0 leaves them out.
    pub edge_features: usize,
    /// Whether sender and receiver share their weights. GAT leaves no choice: [`OneWeight`].
    #[serde(skip_serializing_if = "is_no_setting")]
    pub share_weights: S,
    /// Rule about loops: [`SelfLoops::Replace`] or [`SelfLoops::AsGiven`].
    pub loops: SelfLoops,
    /// Whether there is a bias.
    pub bias: bool,
}

/// Sender and receiver have one weight, as always in GAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OneWeight;

fn is_no_setting<S>(_: &S) -> bool {
    size_of::<S>() == 0
}

impl<S: Default> AttentionConfig<S> {
    /// A layer with the defaults.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self {
            inputs,
            outputs,
            heads: 1,
            concat: true,
            negative_slope: 0.2,
            dropout: 0.0,
            edge_features: 0,
            share_weights: S::default(),
            loops: SelfLoops::Replace,
            bias: true,
        }
    }

    /// What a file leaves out; [`check`](Self::check) refuses the widths.
    fn unset() -> Self {
        Self::new(0, 0)
    }
}

impl<S> AttentionConfig<S> {
    /// Width of the output rows: `heads * outputs` where heads are concatenated, else `outputs`.
    pub fn width(&self) -> usize {
        if self.concat {
            self.wide()
        } else {
            self.outputs
        }
    }

    /// Width of all heads side by side.
    pub(crate) fn wide(&self) -> usize {
        self.heads.saturating_mul(self.outputs)
    }

    /// Holds every setting against its range.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] for a width or a number of heads of 0, a slope that is not
    /// finite, dropout outside [0, 1).
    pub fn check(&self) -> Result<(), ConfigError> {
        at_least_1("inputs", self.inputs)?;
        at_least_1("outputs", self.outputs)?;
        at_least_1("heads", self.heads)?;
        check_slope(self.negative_slope)?;
        check_dropout(self.dropout)
    }
}

astern_stats::setters!(AttentionConfig<S> {
    /// Sets the number of heads.
    heads: usize,
    /// Sets whether heads are laid side by side or averaged.
    concat: bool,
    /// Sets the slope of `LeakyReLU` below 0.
    negative_slope: f64,
    /// Sets the dropout of the attention coefficients.
    dropout: f64,
    /// Sets the number of edge attributes.
    edge_features: usize,
    /// Sets the rule about loops.
    loops: SelfLoops,
    /// Sets whether there is a bias.
    bias: bool,
});
