//! GCN.

use super::OnnxError;
use super::builder::{Builder, Value};
use super::edges::Edges;
use super::step::Join;
use crate::layer::GcnConfig;

pub(super) fn gcn(
    b: &mut Builder<'_>,
    config: &GcnConfig,
    weighted: bool,
    x: &str,
) -> Result<Value, OnnxError> {
    let edges = Edges::new(b, config.loops);
    let weights = edges.weights(b, weighted);
    let coefficients = coefficients(b, &edges, &weights);
    let shape = [config.outputs, config.inputs];
    // Propagation is linear: it goes where rows are narrower.
    let y = if config.inputs < config.outputs {
        let received = propagate(b, &edges, &coefficients, x, config.inputs);
        b.dense(&received, "lin.", shape, false)?
    } else {
        let h = b.dense(x, "lin.", shape, false)?;
        propagate(b, &edges, &coefficients, &h, config.outputs)
    };
    b.biased(y, config.outputs, config.bias)
}

/// `w_ji / sqrt(deg_j deg_i)` `[E', 1]` with in-degrees; a node of degree 0 has 0.
fn coefficients(b: &mut Builder<'_>, edges: &Edges, weights: &str) -> Value {
    let degree = b.join(Join::Add, weights, &edges.target, None);
    let root = b.node("Sqrt", &[&degree], vec![]);
    let inverse = b.node("Reciprocal", &[&root], vec![]);
    let zero = b.float(0.0);
    let positive = b.node("Greater", &[&degree, &zero], vec![]);
    let inverse = b.node("Where", &[&positive, &inverse, &zero], vec![]);
    let of_source = b.gather(&inverse, &edges.source);
    let of_target = b.gather(&inverse, &edges.target);
    let product = b.node("Mul", &[&of_source, &of_target], vec![]);
    let coefficients = b.node("Mul", &[weights, &product], vec![]);
    b.unsqueeze(&coefficients, 1)
}

fn propagate(
    b: &mut Builder<'_>,
    edges: &Edges,
    coefficients: &str,
    x: &str,
    width: usize,
) -> Value {
    let senders = b.gather(x, &edges.source);
    let messages = b.node("Mul", &[&senders, coefficients], vec![]);
    b.join(Join::Add, &messages, &edges.target, Some(width))
}
