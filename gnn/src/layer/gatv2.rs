//! `GATv2`.

use serde::{Deserialize, Serialize};

use super::{Parameters, Weights, at_least_1, check_dropout, check_slope};
use crate::kernel::{Dense, Heads, Real, add_rows, attend, filled, leaky_dot};
use crate::model::PreparedGraph;
use crate::{EncodeError, ParamError, SelfLoops};

/// Settings of a `GATv2` layer: `y_i = Σ_{j→i} α_ji W_l x_j + b` with
/// `α = softmax_j <a, LeakyReLU(W_l x_j + W_r x_i + W_e e_ji)>`, per head.
///
/// Defaults are those of `torch_geometric.nn.GATv2Conv`: one head, concatenated, slope .2, no dropout,
/// loops replaced, a bias, no edge attributes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default = "GatV2Config::unset", deny_unknown_fields)]
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

    /// Width of the output rows: `heads * outputs` where heads are concatenated, else `outputs`.
    pub fn width(&self) -> usize {
        if self.concat {
            self.heads.saturating_mul(self.outputs)
        } else {
            self.outputs
        }
    }

    /// What a file leaves out; [`check`](Self::check) refuses the widths.
    fn unset() -> Self {
        Self::new(0, 0)
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

    pub(crate) fn parameters(&self) -> Parameters {
        let wide = self.heads.saturating_mul(self.outputs);
        let mut all = vec![
            ("lin_l.weight", vec![wide, self.inputs]),
            ("att", vec![1, self.heads, self.outputs]),
        ];
        if !self.share_weights {
            all.push(("lin_r.weight", vec![wide, self.inputs]));
        }
        if self.edge_features > 0 {
            all.push(("lin_edge.weight", vec![wide, self.edge_features]));
        }
        if self.bias {
            all.push(("lin_l.bias", vec![wide]));
            if !self.share_weights {
                all.push(("lin_r.bias", vec![wide]));
            }
            all.push(("bias", vec![self.width()]));
        }
        all
    }
}

astern_stats::setters!(GatV2Config {
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
    /// Sets whether sender and receiver share their weights.
    share_weights: bool,
    /// Sets the rule about loops.
    loops: SelfLoops,
    /// Sets whether there is a bias.
    bias: bool,
});

/// `GATv2` in pure Rust: scores are summed edge by edge, no tensor of messages is made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GatV2Conv<F> {
    heads: Heads,
    loops: SelfLoops,
    slope: F,
    left: Dense<F>,
    /// Absent where weights are shared.
    right: Option<Dense<F>>,
    /// `W_e^T`, `[edge_features, H C]`; empty without edge attributes.
    edge: Vec<F>,
    edge_features: usize,
    attention: Vec<F>,
    bias: Vec<F>,
}

impl<F: Real> GatV2Conv<F> {
    pub(crate) fn new(config: &GatV2Config, weights: &Weights<'_>) -> Result<Self, ParamError> {
        let features = config.edge_features;
        let shape = [config.heads * config.outputs, config.inputs];
        let dense = |name| weights.dense(name, shape, config.bias);
        let edge: Vec<F> = weights.given("lin_edge.weight", features > 0)?;
        let column = |f: usize| edge.iter().skip(f).step_by(features.max(1)).copied();
        Ok(Self {
            heads: Heads {
                count: config.heads,
                width: config.outputs,
                concat: config.concat,
            },
            loops: config.loops,
            slope: F::of(config.negative_slope),
            left: dense("lin_l.")?,
            right: (!config.share_weights)
                .then(|| dense("lin_r."))
                .transpose()?,
            edge: (0..features).flat_map(column).collect(),
            edge_features: features,
            attention: weights.get("att")?,
            bias: weights.given("bias", config.bias)?,
        })
    }

    pub(crate) fn run(&self, x: &[F], graph: &PreparedGraph<F>) -> Result<Vec<F>, EncodeError> {
        let (features, width) = (self.edge_features, self.heads.width);
        let wide = self.left.outputs();
        let attributes = graph.attributes(self.loops, features)?;
        let left = self.left.apply(x);
        let right = self.right.as_ref().map(|right| right.apply(x));
        let right = right.as_deref().unwrap_or(&left);
        let mut sum = vec![F::ZERO; if features > 0 { wide } else { 0 }];
        let mut y = filled(&self.bias, graph.n_nodes(), self.heads.outputs());
        attend(
            graph.edges(self.loops),
            self.heads,
            &left,
            |edge, scores| {
                let source = &left[edge.source as usize * wide..][..wide];
                let mut target = &right[edge.target as usize * wide..][..wide];
                if features > 0 {
                    sum.copy_from_slice(target);
                    add_rows(
                        &mut sum,
                        &attributes[edge.index * features..][..features],
                        &self.edge,
                    );
                    target = &sum;
                }
                let heads = source.chunks_exact(width).zip(target.chunks_exact(width));
                let heads = heads.zip(self.attention.chunks_exact(width));
                for (score, ((l, r), a)) in scores.iter_mut().zip(heads) {
                    *score = leaky_dot(a, l, r, self.slope);
                }
            },
            &mut y,
        );
        Ok(y)
    }
}
