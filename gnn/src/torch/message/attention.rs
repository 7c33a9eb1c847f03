//! Attention over the edges into a node.

use tch::Tensor;

use super::{Edges, check_rows};
use crate::torch::TorchError;
use crate::torch::error::Named;
use crate::torch::kernel;

impl Edges {
    /// Softmax of scores over the edges into each receiver, each head by itself: `[E]` or `[E, H]`
    /// to the same shape.
    ///
    /// `α_e = exp(s_e - max) / (Σ exp(s - max) + 1e-16)`, the maximum taken as a constant, as in
    /// `PyTorch` Geometric.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for another number of edges or another device.
    pub fn softmax(&self, scores: &Tensor) -> Result<Tensor, TorchError> {
        check_rows("softmax", scores, self.n_edges())?;
        if self.fits(scores) {
            return kernel::softmax(scores, self.sorted());
        }
        let greatest = tch::no_grad(|| self.gather_target(&self.maximum(scores, 0.0)?))?;
        let shifted = scores.f_sub(&greatest).named("sub", &[scores, &greatest])?;
        let raised = shifted.f_exp().named("exp", &[&shifted])?;
        let total = self.gather_target(&self.sum(&raised)?)?;
        let total = total.f_add_scalar(1e-16).named("add", &[&total])?;
        raised.f_div(&total).named("div", &[&raised, &total])
    }

    /// Mean of the senders' features weighted by the softmax of `scores` over the edges into each
    /// receiver: `y_i = Σ_{j→i} α_ji x_j`, `x` of shape `[N, H C]`, scores `[E, H]`.
    ///
    /// `dropout` sets that share of the coefficients to 0 and scales the others up; 0 leaves all.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, another kind or another device.
    pub fn attend(&self, x: &Tensor, scores: &Tensor, dropout: f64) -> Result<Tensor, TorchError> {
        let alpha = self.softmax(scores)?;
        if dropout > 0.0 {
            let kept = alpha.f_dropout(dropout, true).named("dropout", &[&alpha])?;
            return self.aggregate(x, Some(&kept));
        }
        self.aggregate(x, Some(&alpha))
    }

    /// Scores of attention: `<a, LeakyReLU(l_j + r_i + m_e)>` for every head, `[E, H]`; `l` and `r`
    /// of shape `[N, H C]`, `m` of shape `[E, H C]`, `a` of shape `[1, H, C]`.
    pub(in crate::torch) fn scores(
        &self,
        [left, right, vector]: [&Tensor; 3],
        of_edges: Option<&Tensor>,
        slope: f64,
    ) -> Result<Tensor, TorchError> {
        check_rows("scores", left, self.n_nodes)?;
        let [_, heads, width] = vector.size()[..] else {
            return Err(TorchError::new("scores", &[vector], "one vector a head"));
        };
        if self.fits(left) && left.size() == [self.n_nodes, heads * width] {
            return kernel::scores([left, right, vector], of_edges, self.sorted(), heads, slope);
        }
        let source = self.gather_source(left)?;
        let target = self.gather_target(right)?;
        let mut sum = source.f_add(&target).named("add", &[&source, &target])?;
        if let Some(of_edges) = of_edges {
            sum = sum.f_add(of_edges).named("add", &[&sum, of_edges])?;
        }
        let active = leaky_relu(&sum, slope)?;
        let active = active
            .f_reshape([-1, heads, width])
            .named("reshape", &[&active])?;
        let products = active.f_mul(vector).named("mul", &[&active, vector])?;
        products
            .f_sum_dim_intlist([-1].as_slice(), false, products.kind())
            .named("sum", &[&products])
    }
}

/// `x` where it is above 0, else `slope * x`.
///
/// The derivative of `LeakyReLU`, with `x` as what it is multiplied by: `tch` has the function itself
/// only with slope .01.
fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor, TorchError> {
    let sign = x.f_detach().named("detach", &[x])?;
    sign.f_leaky_relu_backward(x, slope, false)
        .named("leaky_relu", &[x])
}
