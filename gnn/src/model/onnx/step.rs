//! Steps that several layers take.

use super::OnnxError;
use super::builder::{Builder, Value, X, length, of_float, of_int, of_text};

/// How messages into one node are joined.
#[derive(Debug, Clone, Copy)]
pub(super) enum Join {
    /// Their sum, 0 without any.
    Add,
    /// The greatest, minus infinity without any.
    Max,
}

impl Builder<'_> {
    /// Number of nodes, N, as a list of one.
    pub(super) fn n_nodes(&mut self) -> Value {
        self.node("Shape", &[X], vec![of_int("start", 0), of_int("end", 1)])
    }

    /// `x W^T + b`, with the layer's parameters `{name}weight` `[outputs, inputs]` and
    /// `{name}bias`.
    pub(super) fn dense(
        &mut self,
        x: &str,
        name: &str,
        shape: [usize; 2],
        bias: bool,
    ) -> Result<Value, OnnxError> {
        let weight = self.weight(&format!("{name}weight"), &shape)?;
        let transposed = vec![of_int("transB", 1)];
        if !bias {
            return Ok(self.node("Gemm", &[x, &weight], transposed));
        }
        let bias = self.weight(&format!("{name}bias"), &shape[..1])?;
        Ok(self.node("Gemm", &[x, &weight, &bias], transposed))
    }

    /// `y + bias`, where the layer has one.
    pub(super) fn biased(
        &mut self,
        y: Value,
        width: usize,
        bias: bool,
    ) -> Result<Value, OnnxError> {
        if !bias {
            return Ok(y);
        }
        let bias = self.weight("bias", &[width])?;
        Ok(self.node("Add", &[&y, &bias], vec![]))
    }

    /// Rows (or numbers) of `data` at `places`.
    pub(super) fn gather(&mut self, data: &str, places: &str) -> Value {
        self.node("Gather", &[data, places], vec![])
    }

    /// One part behind the other.
    pub(super) fn concat(&mut self, parts: &[&str]) -> Value {
        self.node("Concat", parts, vec![of_int("axis", 0)])
    }

    /// Adds an axis of length 1.
    pub(super) fn unsqueeze(&mut self, data: &str, axis: i64) -> Value {
        let axes = self.ints(&[axis]);
        self.node("Unsqueeze", &[data, &axes], vec![])
    }

    /// Drops the first axis, of length 1.
    pub(super) fn squeeze(&mut self, data: &str) -> Value {
        let axes = self.ints(&[0]);
        self.node("Squeeze", &[data, &axes], vec![])
    }

    /// Sum over the last axis of `[_, _, _]`.
    pub(super) fn sum_last(&mut self, data: &str) -> Value {
        let axes = self.ints(&[2]);
        self.node("ReduceSum", &[data, &axes], vec![of_int("keepdims", 0)])
    }

    /// Rows of `heads * width` as `[_, heads, width]`. The 0 keeps the first axis, also when it is
    /// empty, where -1 would be ambiguous.
    pub(super) fn split_heads(&mut self, rows: &str, heads: usize, width: usize) -> Value {
        let shape = self.ints(&[0, length(heads), length(width)]);
        self.node("Reshape", &[rows, &shape], vec![])
    }

    /// `x` above 0, else `slope x`.
    pub(super) fn leaky_relu(&mut self, x: &str, slope: f32) -> Value {
        self.node("LeakyRelu", &[x], vec![of_float("alpha", slope)])
    }

    /// `value` for every node: `[N]`, or `[N, width]`.
    pub(super) fn of_nodes(&mut self, value: &str, width: Option<usize>) -> Value {
        let mut shape = self.n_nodes();
        if let Some(width) = width {
            let width = self.ints(&[length(width)]);
            shape = self.concat(&[&shape, &width]);
        }
        self.node("Expand", &[value, &shape], vec![])
    }

    /// Joins messages `[E']` or `[E', width]` by their targets, to `[N]` or `[N, width]`.
    pub(super) fn join(
        &mut self,
        how: Join,
        messages: &str,
        target: &str,
        width: Option<usize>,
    ) -> Value {
        let (name, start) = match how {
            Join::Add => ("add", 0.0),
            Join::Max => ("max", f32::NEG_INFINITY),
        };
        let start = self.float(start);
        let start = self.of_nodes(&start, width);
        let mut places = target.to_owned();
        if width.is_some() {
            let column = self.unsqueeze(target, 1);
            let shape = self.node("Shape", &[messages], vec![]);
            places = self.node("Expand", &[&column, &shape], vec![]);
        }
        self.scatter(&start, &places, messages, name)
    }

    /// `start` with `updates` joined in at `places` of the first axis.
    pub(super) fn scatter(
        &mut self,
        start: &str,
        places: &str,
        updates: &str,
        join: &str,
    ) -> Value {
        let attributes = vec![of_int("axis", 0), of_text("reduction", join)];
        self.node("ScatterElements", &[start, places, updates], attributes)
    }

    /// Number of the edges into each node `[N]`.
    pub(super) fn in_degree(&mut self, target: &str) -> Value {
        let ones = self.ones(target);
        self.join(Join::Add, &ones, target, None)
    }

    /// 1 for every edge, `[E']`.
    pub(super) fn ones(&mut self, target: &str) -> Value {
        let one = self.float(1.0);
        let shape = self.node("Shape", &[target], vec![]);
        self.node("Expand", &[&one, &shape], vec![])
    }

    /// Mean of messages `[E', width]` by their targets, 0 where there are none.
    pub(super) fn mean(&mut self, messages: &str, target: &str, width: usize) -> Value {
        let sum = self.join(Join::Add, messages, target, Some(width));
        let degree = self.in_degree(target);
        let one = self.float(1.0);
        let degree = self.node("Max", &[&degree, &one], vec![]);
        let degree = self.unsqueeze(&degree, 1);
        self.node("Div", &[&sum, &degree], vec![])
    }
}
