//! `GATv2`.

use super::OnnxError;
use super::attention::Heads;
use super::builder::{Builder, Value, of_int};
use super::edges::Edges;
use crate::layer::GatV2Config;

pub(super) fn gatv2(
    b: &mut Builder<'_>,
    config: &GatV2Config,
    x: &str,
) -> Result<Value, OnnxError> {
    let heads = Heads {
        count: config.heads,
        width: config.outputs,
        concat: config.concat,
        bias: config.bias,
    };
    let wide = heads.wide();
    let edges = Edges::new(b, config.loops);
    let left = b.dense(x, "lin_l.", [wide, config.inputs], config.bias)?;
    let right = if config.share_weights {
        left.clone()
    } else {
        b.dense(x, "lin_r.", [wide, config.inputs], config.bias)?
    };
    let of_source = b.gather(&left, &edges.source);
    let of_target = b.gather(&right, &edges.target);
    let mut sum = b.node("Add", &[&of_source, &of_target], vec![]);
    if config.edge_features > 0 {
        let weight = b.weight("lin_edge.weight", &[wide, config.edge_features])?;
        let attributes = edges.attributes(b, config.edge_features);
        let transposed = vec![of_int("transB", 1)];
        let of_edge = b.node("Gemm", &[&attributes, &weight], transposed);
        sum = b.node("Add", &[&sum, &of_edge], vec![]);
    }
    let slope = b.setting("negative_slope", config.negative_slope)?;
    let sum = b.leaky_relu(&sum, slope);
    let sum = b.split_heads(&sum, heads.count, heads.width);
    let attention = b.weight("att", &[1, heads.count, heads.width])?;
    let products = b.node("Mul", &[&sum, &attention], vec![]);
    let scores = b.sum_last(&products);
    let left = b.split_heads(&left, heads.count, heads.width);
    heads.attend(b, &edges, &left, &scores)
}
