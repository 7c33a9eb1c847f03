//! What models are trained for: losses from logits, scores or embeddings.
//!
//! | loss | file of | for |
//! |---|---|---|
//! | [`CrossEntropy`] | classes | nodes of several classes, weighted by class |
//! | [`focal`] | two classes | few positives among many negatives |
//! | [`margin_ranking`] | pairs | one of two should score higher |
//! | [`Deviation`] | scores | few labelled anomalies |
//! | [`one_class_hard`], [`one_class_soft`] | embeddings | healthy data only |
//! | [`SparseReconstruction`] | features and edges | no labels at all |
//!
//! Each takes optional `weights`, one an item, by which its mean is weighted: 0 and 1 make a mask.
//! Weights that sum to 0 are an error, for there is nothing to learn from.

mod cross_entropy;
mod deviation;
mod focal;
mod margin_ranking;
mod one_class;
mod reconstruction;

pub use cross_entropy::CrossEntropy;
pub use deviation::{Deviation, DeviationConfig};
pub use focal::{FocalConfig, FocalMean, focal, focal_items, prior_bias};
pub use margin_ranking::margin_ranking;
pub use one_class::{one_class_hard, one_class_soft, sphere_radius, squared_distances};
pub use reconstruction::{NodeErrors, SparseReconstruction, attribute_errors};

use tch::Tensor;

use super::TorchError;
use super::error::Named;

/// `Σ w v / Σ w`; `weights` has the shape of `values`.
fn mean(values: &Tensor, weights: Option<&Tensor>) -> Result<Tensor, TorchError> {
    if !values.defined() {
        return Err(TorchError::new("mean", &[], "there is no tensor"));
    }
    let Some(weights) = weights else {
        if values.numel() == 0 {
            return Err(TorchError::new("mean", &[values], "there is no item"));
        }
        return values.f_mean(values.kind()).named("mean", &[values]);
    };
    let total = weights.f_sum(values.kind()).named("sum", &[weights])?;
    if total.f_double_value(&[]).named("value", &[weights])?.abs() <= 0.0 {
        return Err(TorchError::new("mean", &[weights], "weights sum to 0"));
    }
    let sum = weighted_sum(values, weights)?;
    sum.f_div(&total).named("div", &[&sum, &total])
}

/// `Σ w v`.
fn weighted_sum(values: &Tensor, weights: &Tensor) -> Result<Tensor, TorchError> {
    same_shape("weights", values, weights)?;
    // By choice and not by product: where the weight is 0, not even `NaN` counts.
    let none = weights.f_eq(0.0).named("eq", &[weights])?;
    let kept = values
        .f_masked_fill(&none, 0.0)
        .named("masked_fill", &[values, &none])?;
    let weighted = kept.f_mul(weights).named("mul", &[&kept, weights])?;
    weighted.f_sum(values.kind()).named("sum", &[&weighted])
}

fn same_shape(op: &'static str, a: &Tensor, b: &Tensor) -> Result<(), TorchError> {
    if a.size() == b.size() {
        return Ok(());
    }
    Err(TorchError::new(op, &[a, b], "shapes must be equal"))
}
