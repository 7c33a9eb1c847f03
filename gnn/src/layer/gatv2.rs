//! `GATv2`.

use serde::{Deserialize, Serialize};

use super::{at_least_1, check_dropout, check_slope};
use crate::{ParamError, SelfLoops};

/// Settings of a `GATv2` layer: `y_i = Σ_{j→i} α_ji W_l x_j + b` with
/// `α = softmax_j <a, LeakyReLU(W_l x_j + W_r x_i + W_e e_ji)>`, per head.
///
/// Defaults are those of `torch_geometric.nn.GATv2Conv`: one head, concatenated, slope .2, no dropout,
/// loops replaced, a bias, no edge attributes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GatV2Config {
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
    /// Whether `W_r` is `W_l`.
    pub share_weights: bool,
    /// Rule about loops: [`SelfLoops::Replace`] or [`SelfLoops::AsGiven`].
    pub loops: SelfLoops,
    /// Whether there is a bias.
    pub bias: bool,
}

impl GatV2Config {
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
            share_weights: false,
            loops: SelfLoops::Replace,
            bias: true,
        }
    }

    /// Sets the number of heads.
    #[must_use]
    pub fn heads(mut self, heads: usize) -> Self {
        self.heads = heads;
        self
    }

    /// Sets whether heads are laid side by side or averaged.
    #[must_use]
    pub fn concat(mut self, concat: bool) -> Self {
        self.concat = concat;
        self
    }

    /// Sets the slope of `LeakyReLU` below 0.
    #[must_use]
    pub fn negative_slope(mut self, negative_slope: f64) -> Self {
        self.negative_slope = negative_slope;
        self
    }

    /// Sets the dropout of the attention coefficients.
    #[must_use]
    pub fn dropout(mut self, dropout: f64) -> Self {
        self.dropout = dropout;
        self
    }

    /// Sets the number of edge attributes.
    #[must_use]
    pub fn edge_features(mut self, edge_features: usize) -> Self {
        self.edge_features = edge_features;
        self
    }

    /// Sets whether sender and receiver share their weights.
    #[must_use]
    pub fn share_weights(mut self, share_weights: bool) -> Self {
        self.share_weights = share_weights;
        self
    }

    /// Sets the rule about loops.
    #[must_use]
    pub fn loops(mut self, loops: SelfLoops) -> Self {
        self.loops = loops;
        self
    }

    /// Sets whether there is a bias.
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// Width of the output rows: `heads * outputs` where heads are concatenated, else `outputs`.
    pub fn width(&self) -> usize {
        if self.concat {
            self.heads.saturating_mul(self.outputs)
        } else {
            self.outputs
        }
    }

    /// Holds every setting against its range.
    ///
    /// # Errors
    ///
    /// [`ParamError::OutOfRange`] for a width or a number of heads of 0, a slope that is not
    /// finite, dropout outside [0, 1).
    pub fn check(&self) -> Result<(), ParamError> {
        at_least_1("inputs", self.inputs)?;
        at_least_1("outputs", self.outputs)?;
        at_least_1("heads", self.heads)?;
        check_slope(self.negative_slope)?;
        check_dropout(self.dropout)
    }
}
