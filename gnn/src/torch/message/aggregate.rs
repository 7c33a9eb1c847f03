//! Gather, scale and sum in one step.

use tch::Tensor;

use super::{Edges, check_rows, per_row};
use crate::torch::TorchError;
use crate::torch::error::Named;
use crate::torch::kernel;

impl Edges {
    /// Sum of the senders' features at each receiver, scaled by `weights` where given:
    /// `y_i = Σ_{j→i} w_ji x_j`. `x` of shape `[N, …]` gives `[N, …]`.
    ///
    /// Weights are `[E]`, or `[E, H]` for H heads, each of which scales its share of the entries of
    /// a row, one after the other.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, another kind or another device.
    ///
    /// # Complexity
    ///
    /// Time O(E d) and memory O(N d) for rows of d entries, on the CPU without a tensor of
    /// messages. Both `x` and `weights` get gradients.
    pub fn aggregate(&self, x: &Tensor, weights: Option<&Tensor>) -> Result<Tensor, TorchError> {
        check_rows("aggregate", x, self.n_nodes)?;
        if let Some(weights) = weights {
            check_rows("aggregate", weights, self.n_edges())?;
        }
        let masked;
        let weights = match (weights, &self.mask) {
            (Some(weights), Some(mask)) => {
                let mask = per_row(mask, weights)?;
                masked = weights.f_mul(&mask).named("mul", &[weights, &mask])?;
                Some(&masked)
            }
            (weights, mask) => weights.or(mask.as_ref()),
        };
        if let Some(other) = weights.filter(|w| w.kind() != x.kind()) {
            let source = format!("rows are {:?}, weights {:?}", x.kind(), other.kind());
            return Err(TorchError::new("aggregate", &[x, other], source));
        }
        if let Some(many) = weights.filter(|w| w.dim() > 2) {
            return Err(TorchError::new(
                "aggregate",
                &[many],
                "weights are [E] or [E, heads]",
            ));
        }
        let heads = weights.map_or(1, |w| w.size().get(1).copied().unwrap_or(1));
        let shape = x.size();
        let width = shape.iter().skip(1).product::<i64>();
        if heads == 0 || width % heads != 0 {
            let source = format!("{heads} heads do not divide rows of {width} entries");
            return Err(TorchError::new("aggregate", &[x], source));
        }
        let rows = x.f_reshape([self.n_nodes, width]).named("reshape", &[x])?;
        let sum = if self.fits(x) && weights.is_none_or(|w| self.fits(w)) {
            kernel::aggregate(&rows, weights, self.sorted(), heads)?
        } else {
            self.aggregate_by_messages(&rows, weights, heads)?
        };
        sum.f_reshape(&shape).named("reshape", &[&sum])
    }

    fn aggregate_by_messages(
        &self,
        rows: &Tensor,
        weights: Option<&Tensor>,
        heads: i64,
    ) -> Result<Tensor, TorchError> {
        let messages = self.gather_source(rows)?;
        let Some(weights) = weights else {
            return self.sum(&messages);
        };
        let width = rows.size().get(1).copied().unwrap_or(0);
        let parts = [self.n_edges(), heads, width / heads.max(1)];
        let messages = messages.f_reshape(parts).named("reshape", &[&messages])?;
        let weights = weights
            .f_reshape([self.n_edges(), heads, 1])
            .named("reshape", &[weights])?;
        let messages = messages
            .f_mul(&weights)
            .named("mul", &[&messages, &weights])?;
        let sum = self.sum(&messages)?;
        sum.f_reshape([self.n_nodes, width])
            .named("reshape", &[&sum])
    }
}
