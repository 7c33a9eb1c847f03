//! GAT.

use super::OnnxError;
use super::attention::Heads;
use super::builder::{Builder, Value};
use super::edges::Edges;
use crate::layer::GatConfig;

pub(super) fn gat(b: &mut Builder<'_>, config: &GatConfig, x: &str) -> Result<Value, OnnxError> {
    let heads = Heads {
        count: config.heads,
        width: config.outputs,
        concat: config.concat,
        bias: config.bias,
    };
    let edges = Edges::new(b, config.loops);
    let h = b.dense(x, "lin.", [heads.wide(), config.inputs], false)?;
    let h = b.split_heads(&h, heads.count, heads.width);
    let mut per_node = |vector: &str, ends: &str| {
        let vector = b.weight(vector, &[1, heads.count, heads.width])?;
        let products = b.node("Mul", &[&h, &vector], vec![]);
        let sums = b.sum_last(&products);
        Ok::<_, OnnxError>(b.gather(&sums, ends))
    };
    let of_source = per_node("att_src", &edges.source)?;
    let of_target = per_node("att_dst", &edges.target)?;
    let mut scores = b.node("Add", &[&of_source, &of_target], vec![]);
    if config.edge_features > 0 {
        let vectors = edge_vectors(b, config)?;
        let attributes = edges.attributes(b, config.edge_features);
        let of_edge = b.node("MatMul", &[&attributes, &vectors], vec![]);
        scores = b.node("Add", &[&scores, &of_edge], vec![]);
    }
    let slope = b.setting("negative_slope", config.negative_slope)?;
    let scores = b.leaky_relu(&scores, slope);
    heads.attend(b, &edges, &h, &scores)
}

/// `a_e W_e` of each head as `[edge features, heads]`: the layer never needs `W_e` alone.
fn edge_vectors(b: &mut Builder<'_>, config: &GatConfig) -> Result<Value, OnnxError> {
    let weight = b.parameter("lin_edge.weight")?;
    let vector = b.parameter("att_edge")?;
    let (features, count) = (config.edge_features, config.heads);
    let mut all = vec![0.0; features * count];
    for (row, (weight, a)) in weight.chunks_exact(features).zip(&vector).enumerate() {
        let head = row / config.outputs;
        for (f, w) in weight.iter().enumerate() {
            all[f * count + head] += a * w;
        }
    }
    b.weights("lin_edge.att_edge", &[features, count], &all)
}
