//! Graph attention (GAT).

use super::{AttentionConfig, OneWeight, Parameters, PreparedGraph, Weights};
use crate::error::{ConfigError, EncodeError};
use crate::graph::SelfLoops;
use crate::kernel::{Dense, Heads, Real, add_rows, attend, dot, filled, leaky_relu};

/// Settings of a GAT layer: `y_i = Σ_{j→i} α_ji W x_j + b` with
/// `α = softmax_j LeakyReLU(<a_src, W x_j> + <a_dst, W x_i> + <a_edge, W_e e_ji>)`, per head.
///
/// The defaults are those of [`AttentionConfig`].
pub type GatConfig = AttentionConfig<OneWeight>;

impl GatConfig {
    pub(crate) fn parameters(&self) -> Parameters {
        let wide = self.wide();
        let vector = || vec![1, self.heads, self.outputs];
        let mut all = vec![
            ("lin.weight", vec![wide, self.inputs]),
            ("att_src", vector()),
            ("att_dst", vector()),
        ];
        if self.edge_features > 0 {
            all.push(("lin_edge.weight", vec![wide, self.edge_features]));
            all.push(("att_edge", vector()));
        }
        if self.bias {
            all.push(("bias", vec![self.width()]));
        }
        all
    }
}

/// Graph attention in pure Rust.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GatConv<F> {
    heads: Heads,
    loops: SelfLoops,
    slope: F,
    weight: Dense<F>,
    source: Vec<F>,
    target: Vec<F>,
    /// `W_e^T a_edge` of every head: `<a_edge, W_e e> = <W_e^T a_edge, e>`. Empty without edge
    /// attributes.
    edge: Vec<F>,
    edge_features: usize,
    bias: Vec<F>,
}

impl<F: Real> GatConv<F> {
    pub(crate) fn new(config: &GatConfig, weights: &Weights<'_>) -> Result<Self, ConfigError> {
        let (width, edge_features) = (config.outputs, config.edge_features);
        let mut edge = Vec::new();
        if edge_features > 0 {
            let weight: Vec<F> = weights.get("lin_edge.weight")?;
            let vector: Vec<F> = weights.get("att_edge")?;
            let of_head = weight
                .chunks_exact(width * edge_features)
                .zip(vector.chunks_exact(width));
            for (weight, vector) in of_head {
                let mut sum = vec![F::ZERO; edge_features];
                add_rows(&mut sum, vector, weight);
                edge.extend(sum);
            }
        }
        Ok(Self {
            heads: Heads {
                count: config.heads,
                width,
                concat: config.concat,
            },
            loops: config.loops,
            slope: F::of(config.negative_slope),
            weight: weights.dense("lin.", [config.heads * width, config.inputs], false)?,
            source: weights.get("att_src")?,
            target: weights.get("att_dst")?,
            edge,
            edge_features,
            bias: weights.given("bias", config.bias)?,
        })
    }

    pub(crate) fn run(&self, x: &[F], graph: &PreparedGraph<F>) -> Result<Vec<F>, EncodeError> {
        let (count, features) = (self.heads.count, self.edge_features);
        let attributes = graph.attributes(self.loops, features)?;
        let h = self.weight.apply(x);
        let source = self.per_head(&h, &self.source);
        let target = self.per_head(&h, &self.target);
        let mut y = filled(&self.bias, graph.n_nodes(), self.heads.outputs());
        attend(
            graph.edges(self.loops),
            self.heads,
            &h,
            |edge, scores| {
                let of_edge = &attributes[edge.index * features..][..features];
                for (head, score) in scores.iter_mut().enumerate() {
                    let at = |node: u32| node as usize * count + head;
                    let mut sum = source[at(edge.source)] + target[at(edge.target)];
                    if features > 0 {
                        sum += dot(&self.edge[head * features..][..features], of_edge);
                    }
                    *score = leaky_relu(sum, self.slope);
                }
            },
            &mut y,
        );
        Ok(y)
    }

    /// `<a_h, h_i>` of every node and head, `[N, H]`.
    fn per_head(&self, h: &[F], vector: &[F]) -> Vec<F> {
        let parts = h
            .chunks_exact(self.heads.width)
            .zip(vector.chunks_exact(self.heads.width).cycle());
        parts.map(|(h, a)| dot(a, h)).collect()
    }
}
