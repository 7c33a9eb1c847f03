//! What GAT and `GATv2` share: the softmax over the edges into a node, and the weighted sum.

use super::OnnxError;
use super::builder::{Builder, Value, length, of_int};
use super::edges::Edges;
use super::step::Join;

/// Heads of an attention layer, and what happens to what they say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads {
    pub(super) count: usize,
    pub(super) width: usize,
    pub(super) concat: bool,
    pub(super) bias: bool,
}

impl Heads {
    /// Width of all heads side by side.
    pub(super) fn wide(self) -> usize {
        self.count * self.width
    }

    /// `y_i = b + join_h Σ_{j→i} α_jih h_jh` for `h` `[N, H, C]` and scores `[E', H]`, with
    /// `α = softmax_j(score)` over the edges into `i`: less the greatest, 1e-16 added to the sum.
    pub(super) fn attend(
        self,
        b: &mut Builder<'_>,
        edges: &Edges,
        h: &str,
        scores: &str,
    ) -> Result<Value, OnnxError> {
        let greatest = b.join(Join::Max, scores, &edges.target, Some(self.count));
        let greatest = b.gather(&greatest, &edges.target);
        let less = b.node("Sub", &[scores, &greatest], vec![]);
        let powers = b.node("Exp", &[&less], vec![]);
        let sums = b.join(Join::Add, &powers, &edges.target, Some(self.count));
        let sums = b.gather(&sums, &edges.target);
        let tiny = b.float(1e-16);
        let sums = b.node("Add", &[&sums, &tiny], vec![]);
        let alpha = b.node("Div", &[&powers, &sums], vec![]);

        let alpha = b.unsqueeze(&alpha, 2);
        let senders = b.gather(h, &edges.source);
        let messages = b.node("Mul", &[&senders, &alpha], vec![]);
        let flat = b.ints(&[0, length(self.wide())]);
        let messages = b.node("Reshape", &[&messages, &flat], vec![]);
        let y = b.join(Join::Add, &messages, &edges.target, Some(self.wide()));
        if self.concat {
            return b.biased(y, self.wide(), self.bias);
        }
        let heads = b.split_heads(&y, self.count, self.width);
        let axes = b.ints(&[1]);
        let y = b.node("ReduceMean", &[&heads, &axes], vec![of_int("keepdims", 0)]);
        b.biased(y, self.width, self.bias)
    }
}
