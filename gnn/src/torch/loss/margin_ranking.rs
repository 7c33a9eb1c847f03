//! Margin ranking.

use tch::Tensor;

use super::super::TorchError;
use super::super::error::Named;
use super::{mean, same_shape};
use crate::train::rule::from_0;

/// Mean of `max(0, margin - (higher - lower))` over pairs of scores: each of `higher` should lie at
/// least `margin` above its partner. torch's `MarginRankingLoss` with target 1.
///
/// # Errors
///
/// [`TorchError`] for a margin that is negative or not finite, other shapes, or weights of sum 0.
///
/// # Example
///
/// ```
/// use astern_gnn::torch::loss::margin_ranking;
/// use astern_gnn::torch::tch::Tensor;
///
/// let anomalous = Tensor::f_from_slice(&[3.0, 1.0])?;
/// let healthy = Tensor::f_from_slice(&[1.0, 0.5])?;
/// let loss = margin_ranking(&anomalous, &healthy, 1.0, None)?;
/// assert_eq!(loss.f_double_value(&[])?, 0.25);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn margin_ranking(
    higher: &Tensor,
    lower: &Tensor,
    margin: f64,
    weights: Option<&Tensor>,
) -> Result<Tensor, TorchError> {
    from_0("margin", margin).map_err(|e| TorchError::new("margin_ranking", &[], e))?;
    same_shape("margin_ranking", higher, lower)?;
    let short = lower.f_sub(higher).named("sub", &[lower, higher])?;
    let short = short.f_add_scalar(margin).named("add", &[&short])?;
    let items = short.f_relu().named("relu", &[&short])?;
    mean(&items, weights)
}
