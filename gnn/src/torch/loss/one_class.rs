//! One-class losses: embeddings of healthy data within a sphere.

use tch::Tensor;

use super::super::TorchError;
use super::super::error::Named;
use super::super::tensor::to_values;
use super::mean;
use crate::kernel::quantile_radius;
use crate::train::rule::above_0_to_1;

/// Squared Euclidean distance of each row of `z` `[n, d]` from `center` `[d]`, `[n]`.
///
/// # Errors
///
/// [`TorchError`] for other shapes.
pub fn squared_distances(z: &Tensor, center: &Tensor) -> Result<Tensor, TorchError> {
    let away = z.f_sub(center).named("sub", &[z, center])?;
    let away = away.f_square().named("square", &[&away])?;
    away.f_sum_dim_intlist(-1, false, away.kind())
        .named("sum", &[&away])
}

/// `mean(d)` of squared distances `d`: the hard loss of Ruff et al., Deep One-Class
/// Classification, 2018.
///
/// # Errors
///
/// [`TorchError`] for no item, or weights of another shape or sum 0.
pub fn one_class_hard(squared: &Tensor, weights: Option<&Tensor>) -> Result<Tensor, TorchError> {
    mean(squared, weights)
}

/// `r² + mean(max(0, d - r²)) / ν` of squared distances `d`: a sphere that a share of about `ν` may
/// leave (Wang et al., OCGNN, 2021). The radius is a constant here; take [`sphere_radius`] after
/// every epoch, and keep it with the model.
///
/// # Errors
///
/// [`TorchError`] for `nu` outside (0, 1], no item, or weights of another shape or sum 0.
///
/// # Example
///
/// ```
/// use astern_gnn::torch::loss::{one_class_soft, sphere_radius, squared_distances};
/// use astern_gnn::torch::tch::Tensor;
///
/// let z = Tensor::f_from_slice(&[1.0, 0.0, 0.0, 3.0])?.f_reshape([2, 2])?;
/// let center = Tensor::f_from_slice(&[0.0, 0.0])?;
/// let squared = squared_distances(&z, &center)?;
/// assert_eq!(sphere_radius(&squared, 0.5)?, 2.0);
/// // 4 + (0 + 5) / 2 / 0.5
/// assert_eq!(one_class_soft(&squared, 2.0, 0.5, None)?.f_double_value(&[])?, 9.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn one_class_soft(
    squared: &Tensor,
    radius: f64,
    nu: f64,
    weights: Option<&Tensor>,
) -> Result<Tensor, TorchError> {
    check_nu(nu)?;
    let radius_squared = radius * radius;
    let outside = squared
        .f_sub_scalar(radius_squared)
        .named("sub", &[squared])?;
    let outside = outside.f_relu().named("relu", &[&outside])?;
    let mean = mean(&outside, weights)?;
    let mean = mean.f_div_scalar(nu).named("div", &[&mean])?;
    mean.f_add_scalar(radius_squared).named("add", &[&mean])
}

/// The `(1 - ν)`-quantile of the distances, `torch.quantile(sqrt(d), 1 - ν)`; 0 for no distance.
///
/// # Errors
///
/// [`TorchError`] for `nu` outside (0, 1], or when the tensor cannot be read.
///
/// # Complexity
///
/// O(n log n) on the CPU.
pub fn sphere_radius(squared: &Tensor, nu: f64) -> Result<f64, TorchError> {
    check_nu(nu)?;
    Ok(quantile_radius(&mut to_values(squared)?, nu))
}

fn check_nu(nu: f64) -> Result<(), TorchError> {
    above_0_to_1("nu", nu).map_err(|e| TorchError::new("one_class", &[], e))
}
