//! `GATv2`.

use super::{AttentionConfig, Parameters, PreparedGraph, Weights};
use crate::error::{ConfigError, EncodeError};
use crate::graph::SelfLoops;
use crate::kernel::{Dense, Heads, Real, add_rows, attend, filled, leaky_dot};

/// Settings of a `GATv2` layer: `y_i = Σ_{j→i} α_ji W_l x_j + b` with
/// `α = softmax_j <a, LeakyReLU(W_l x_j + W_r x_i + W_e e_ji)>`, per head.
///
/// The defaults are those of [`AttentionConfig`]; `share_weights` says whether `W_r` is `W_l`.
pub type GatV2Config = AttentionConfig<bool>;

impl GatV2Config {
    pub(crate) fn parameters(&self) -> Parameters {
        let wide = self.wide();
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
    /// Sets whether sender and receiver share their weights.
    share_weights: bool,
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
    pub(crate) fn new(config: &GatV2Config, weights: &Weights<'_>) -> Result<Self, ConfigError> {
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
