//! GRU over the window of each node.

use super::OnnxError;
use super::builder::{Builder, Value, length, of_int};
use super::proto::{AttributeProto, KIND_INTS, NodeProto};
use crate::layer::RecurrentConfig;

/// From windows `x` `[N, T, F]` to last states `[N, outputs]`. With `linear_before_reset` the
/// candidate state is torch's: `tanh(W x + b + r (R h + c))`.
pub(super) fn gru(
    b: &mut Builder<'_>,
    config: &RecurrentConfig,
    x: &str,
) -> Result<Value, OnnxError> {
    let width = config.outputs;
    let mut input = vec![guarded(b, x)];
    for (of, inputs) in [("ih", config.inputs), ("hh", width)] {
        let name = format!("weight_{of}_l0");
        let values = update_first(b.parameter(&name)?, width * inputs);
        input.push(b.weights(&name, &[1, 3 * width, inputs], &values)?);
    }
    if config.bias {
        let mut values = update_first(b.parameter("bias_ih_l0")?, width);
        values.extend(update_first(b.parameter("bias_hh_l0")?, width));
        input.push(b.weights("bias_l0", &[1, 6 * width], &values)?);
    }
    let state = "0.gru.state".to_owned();
    b.push(NodeProto {
        input,
        // The states of all steps are not asked for.
        output: vec![String::new(), state.clone()],
        op_type: "GRU".to_owned(),
        attribute: vec![
            of_int("hidden_size", length(width)),
            of_int("linear_before_reset", 1),
        ],
    });
    let state = b.squeeze(&state);
    let (start, end, axis) = (b.ints(&[0]), b.ints(&[-1]), b.ints(&[0]));
    Ok(b.node("Slice", &[&state, &start, &end, &axis], vec![]))
}

/// Windows `[T, N + 1, F]`. onnxruntime's GRU ends the whole process when there is no node or no
/// step. So there is one more node, of zeros; and the first step is taken by its number, which is an
/// error where there is none.
fn guarded(b: &mut Builder<'_>, x: &str) -> Value {
    let (one_behind, axis) = (b.ints(&[0, 1]), b.ints(&[0]));
    let x = b.node("Pad", &[x, &one_behind, "", &axis], vec![]);
    let steps_first = AttributeProto {
        name: "perm".to_owned(),
        ints: vec![1, 0, 2],
        kind: KIND_INTS,
        ..AttributeProto::default()
    };
    let x = b.node("Transpose", &[&x], vec![steps_first]);
    let first = b.gather(&x, &axis);
    let (start, end) = (b.ints(&[1]), b.ints(&[i64::MAX]));
    let rest = b.node("Slice", &[&x, &start, &end, &axis], vec![]);
    b.concat(&[&first, &rest])
}

/// Gates of `size` numbers each, from torch's order r, z, n to ONNX's order z, r, h.
fn update_first(mut gates: Vec<f64>, size: usize) -> Vec<f64> {
    for k in 0..size.min(gates.len() / 2) {
        gates.swap(k, size + k);
    }
    gates
}
