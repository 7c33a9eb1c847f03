//! Joining messages at their receivers.

use tch::{Kind, Tensor};

use super::{Edges, check_rows, per_row};
use crate::graph::Reduce;
use crate::torch::TorchError;
use crate::torch::error::Named;
use crate::torch::kernel;

impl Edges {
    /// Joins messages `[E, …]` at their receivers, `[N, …]`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for another number of edges or another device.
    ///
    /// # Complexity
    ///
    /// O(E d) for messages of d entries.
    pub fn reduce(&self, messages: &Tensor, how: Reduce) -> Result<Tensor, TorchError> {
        check_rows("reduce", messages, self.n_edges())?;
        let masked;
        let messages = match &self.mask {
            Some(mask) => {
                let mask = per_row(mask, messages)?;
                masked = messages.f_mul(&mask).named("mul", &[messages, &mask])?;
                &masked
            }
            None => messages,
        };
        self.join(messages, how)
    }

    /// [`reduce`](Self::reduce) whatever the mask says.
    fn join(&self, messages: &Tensor, how: Reduce) -> Result<Tensor, TorchError> {
        if how == Reduce::Max {
            return self.maximum(messages, 0.0);
        }
        let sum = self.sum(messages)?;
        if how == Reduce::Sum {
            return Ok(sum);
        }
        let degree = self.in_degree(sum.kind())?;
        let degree = per_row(&degree, &sum)?;
        sum.f_div(&degree).named("div", &[&sum, &degree])
    }

    pub(super) fn sum(&self, messages: &Tensor) -> Result<Tensor, TorchError> {
        if self.fits(messages) {
            return kernel::segment_sum(messages, self.sorted());
        }
        let mut shape = messages.size();
        shape[0] = self.n_nodes;
        let zeros = messages
            .f_new_zeros(&shape, (messages.kind(), messages.device()))
            .named("zeros", &[messages])?;
        zeros
            .f_index_add(0, &self.target, messages)
            .named("index_add", &[&zeros, &self.target, messages])
    }

    /// Greatest value of each entry at each receiver; `empty` where there is none.
    pub(super) fn maximum(&self, messages: &Tensor, empty: f64) -> Result<Tensor, TorchError> {
        let offsets = Some(&self.offsets);
        let lowest = f64::NEG_INFINITY;
        let greatest =
            Tensor::f_segment_reduce(messages, "max", None, None, offsets, 0, false, lowest)
                .named("segment_reduce", &[messages, &self.offsets])?;
        let none = self.counts()?.f_eq(0).named("eq", &[&self.offsets])?;
        let none = per_row(&none, &greatest)?;
        greatest
            .f_masked_fill(&none, empty)
            .named("masked_fill", &[&greatest, &none])
    }

    /// Number of edges into each node, `[N]`.
    fn counts(&self) -> Result<Tensor, TorchError> {
        self.offsets
            .f_diff::<&Tensor>(1, 0, None, None)
            .named("diff", &[&self.offsets])
    }

    /// Number of edges into each node, at least 1, `[N]`.
    fn in_degree(&self, kind: Kind) -> Result<Tensor, TorchError> {
        let degree = self.counts()?;
        let degree = degree.f_clamp_min(1).named("clamp_min", &[&degree])?;
        degree.f_to_kind(kind).named("to_kind", &[&degree])
    }

    /// One over the number of edges into the receiver of each edge, `[E]`: the weights of a mean.
    ///
    /// # Errors
    ///
    /// [`TorchError`], for instance when the device has no room.
    pub fn mean_weights(&self, kind: Kind) -> Result<Tensor, TorchError> {
        let degree = self.in_degree(kind)?;
        let inverse = degree.f_reciprocal().named("reciprocal", &[&degree])?;
        self.gather_target(&inverse)
    }
}
