//! Several heads as copies of the graph: rows `[N, H C]` to `[H N, C]` and back.

use tch::Tensor;

use super::super::TorchError;
use super::super::error::Named;

/// How many heads, and how wide each is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads {
    pub(super) count: i64,
    pub(super) width: i64,
    pub(super) concat: bool,
}

impl Heads {
    /// `[R, H C]` to `[H R, C]`: head by head.
    pub(super) fn split(self, rows: &Tensor) -> Result<Tensor, TorchError> {
        if self.count == 1 {
            return Ok(rows.shallow_clone());
        }
        let apart = rows
            .f_reshape([-1, self.count, self.width])
            .named("reshape", &[rows])?;
        let apart = apart.f_transpose(0, 1).named("transpose", &[&apart])?;
        apart
            .f_reshape([-1, self.width])
            .named("reshape", &[&apart])
    }

    /// `[H R, C]` to `[R, H C]`, or to their mean `[R, C]`.
    pub(super) fn join(self, rows: &Tensor) -> Result<Tensor, TorchError> {
        if self.count == 1 {
            return Ok(rows.shallow_clone());
        }
        let apart = rows
            .f_reshape([self.count, -1, self.width])
            .named("reshape", &[rows])?;
        if !self.concat {
            return apart
                .f_mean_dim([0].as_slice(), false, apart.kind())
                .named("mean", &[&apart]);
        }
        let together = apart.f_transpose(0, 1).named("transpose", &[&apart])?;
        together
            .f_reshape([-1, self.count * self.width])
            .named("reshape", &[&together])
    }

    /// `<a_h, row>` for the rows `[H R, C]` of each head h, with `vector` of shape `[1, H, C]`;
    /// gives `[H R]`.
    pub(super) fn dot(self, rows: &Tensor, vector: &Tensor) -> Result<Tensor, TorchError> {
        if self.count == 1 {
            let vector = vector.f_reshape(-1).named("reshape", &[vector])?;
            return rows.f_mv(&vector).named("mv", &[rows, &vector]);
        }
        let apart = rows
            .f_reshape([self.count, -1, self.width])
            .named("reshape", &[rows])?;
        let vector = vector
            .f_reshape([self.count, self.width, 1])
            .named("reshape", &[vector])?;
        let product = apart.f_bmm(&vector).named("bmm", &[&apart, &vector])?;
        product.f_reshape(-1).named("reshape", &[&product])
    }

    /// Coefficients `[H E]` as `[E, H]`.
    pub(super) fn columns(self, values: &Tensor) -> Result<Tensor, TorchError> {
        let apart = values
            .f_reshape([self.count, -1])
            .named("reshape", &[values])?;
        let columns = apart.f_transpose(0, 1).named("transpose", &[&apart])?;
        columns.f_contiguous().named("contiguous", &[&columns])
    }
}
