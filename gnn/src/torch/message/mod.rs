//! Message passing on tensors: the one primitive that every layer stands on.
//!
//! * `edges`: [`Edges`], and bringing features of nodes to edges.
//! * `reduce`: joining what edges carry at their receivers.
//! * `aggregate`: gather, scale and sum in one step.
//! * `attention`: softmax over the edges into a node, scores, weighted means.
//! * `passing`: [`MessagePassing`], layers defined by their messages.

mod aggregate;
mod attention;
mod edges;
mod passing;
mod reduce;
#[cfg(test)]
mod tests;

pub use edges::Edges;
pub use passing::{Ends, MessagePassing};

use tch::Tensor;

use super::TorchError;
use super::error::Named;

/// The first axis of `x` has `expected` entries.
fn check_rows(op: &'static str, x: &Tensor, expected: i64) -> Result<(), TorchError> {
    let got = if x.defined() { x.size() } else { Vec::new() };
    if got.first() == Some(&expected) {
        return Ok(());
    }
    let source = format!("the first axis must have {expected} entries");
    Err(TorchError::new(op, &[x], source))
}

/// `values` `[R]` as `[R, 1, …]`, to go with `rows` of shape `[R, …]`.
fn per_row(values: &Tensor, rows: &Tensor) -> Result<Tensor, TorchError> {
    let mut shape = vec![1; rows.dim().max(1)];
    shape[0] = -1;
    values.f_reshape(&shape).named("reshape", &[values])
}
