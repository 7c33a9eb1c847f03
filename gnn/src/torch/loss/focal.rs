//! Focal loss.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::super::TorchError;
use super::super::error::Named;
use super::{mean, same_shape, weighted_sum};
use crate::error::ConfigError;
use crate::train::rule::{from_0, share};

/// What the sum of the focal loss is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FocalMean {
    /// The sum of the weights: a mean over the items.
    #[default]
    Items,
    /// The sum of the weights of the positives, at least 1, as in the paper.
    Positives,
}

/// Settings of the focal loss.
///
/// | setting | default | allowed |
/// |---|---|---|
/// | `alpha` | .25 | [0, 1] |
/// | `gamma` | 2 | at least 0 |
/// | `mean` | items | |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct FocalConfig {
    /// Weight of positives; that of negatives is `1 - alpha`.
    pub alpha: f64,
    /// How much items that are classified well already are left aside.
    pub gamma: f64,
    /// What the sum is divided by.
    pub mean: FocalMean,
}

impl Default for FocalConfig {
    fn default() -> Self {
        Self {
            alpha: 0.25,
            gamma: 2.0,
            mean: FocalMean::Items,
        }
    }
}

astern_stats::setters!(FocalConfig {
    /// Sets the weight of positives.
    alpha: f64,
    /// Sets how much easy items are left aside.
    gamma: f64,
    /// Sets what the sum is divided by.
    mean: FocalMean,
});

impl FocalConfig {
    /// Holds every setting against its range.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`].
    pub fn check(&self) -> Result<(), ConfigError> {
        share("alpha", self.alpha)?;
        from_0("gamma", self.gamma)
    }
}

/// Focal loss of each item, `-α_t (1 - p_t)^γ log p_t`, shape of `logits`; `targets` are 0 and 1.
///
/// `p_t` is the probability given to the right class. All is computed from logarithms, so that it
/// and its gradient are finite for every finite logit and every `γ`.
///
/// # Errors
///
/// [`TorchError`] for settings out of range, other shapes or kinds.
///
/// # Source
///
/// Lin, Goyal, Girshick, He and Dollár, Focal Loss for Dense Object Detection, 2017
/// (arXiv 1708.02002).
pub fn focal_items(
    logits: &Tensor,
    targets: &Tensor,
    config: &FocalConfig,
) -> Result<Tensor, TorchError> {
    config
        .check()
        .map_err(|e| TorchError::new("focal", &[], e))?;
    same_shape("focal", logits, targets)?;
    let scaled = |t: &Tensor, by: f64, plus: f64| {
        let t = t.f_mul_scalar(by).named("mul", &[t])?;
        t.f_add_scalar(plus).named("add", &[&t])
    };
    // +1 for positives, -1 for negatives: the logit of the right class.
    let sign = scaled(targets, 2.0, -1.0)?;
    let right = logits.f_mul(&sign).named("mul", &[logits, &sign])?;
    let log_p = right.f_log_sigmoid().named("log_sigmoid", &[&right])?;
    let wrong = right.f_neg().named("neg", &[&right])?;
    let log_rest = wrong.f_log_sigmoid().named("log_sigmoid", &[&wrong])?;
    let focus = scaled(&log_rest, config.gamma, 0.0)?;
    let focus = focus.f_exp().named("exp", &[&focus])?;
    let alpha = scaled(targets, 1.0 - 2.0 * config.alpha, config.alpha - 1.0)?;
    let factor = focus.f_mul(&alpha).named("mul", &[&focus, &alpha])?;
    factor.f_mul(&log_p).named("mul", &[&factor, &log_p])
}

/// [`focal_items`], joined by the rule of the settings.
///
/// # Errors
///
/// Those of [`focal_items`], and for weights of another shape or sum 0.
///
/// # Example
///
/// ```
/// use astern_gnn::torch::loss::{FocalConfig, FocalMean, focal};
/// use astern_gnn::torch::tch::Tensor;
///
/// let logits = Tensor::f_from_slice(&[2.0, -3.0, -3.0, -3.0])?;
/// let targets = Tensor::f_from_slice(&[1.0, 0.0, 0.0, 0.0])?;
/// let config = FocalConfig::default().mean(FocalMean::Positives);
/// assert!(focal(&logits, &targets, &config, None)?.f_double_value(&[])? < 0.01);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn focal(
    logits: &Tensor,
    targets: &Tensor,
    config: &FocalConfig,
    weights: Option<&Tensor>,
) -> Result<Tensor, TorchError> {
    let items = focal_items(logits, targets, config)?;
    if config.mean == FocalMean::Items {
        return mean(&items, weights);
    }
    let (sum, positives) = match weights {
        Some(weights) => (
            weighted_sum(&items, weights)?,
            weighted_sum(targets, weights)?,
        ),
        None => (
            items.f_sum(items.kind()).named("sum", &[&items])?,
            targets.f_sum(items.kind()).named("sum", &[targets])?,
        ),
    };
    let positives = positives
        .f_clamp_min(1.0)
        .named("clamp_min", &[&positives])?;
    sum.f_div(&positives).named("div", &[&sum, &positives])
}

/// The bias of a last layer that gives every item the probability `positives` before training,
/// `-ln((1 - π) / π)`: the paper's start, π = .01, keeps the many negatives from swamping the first
/// epochs.
///
/// # Errors
///
/// [`ConfigError::OutOfRange`] unless `0 < positives < 1`.
pub fn prior_bias(positives: f64) -> Result<f64, ConfigError> {
    if positives > 0.0 && positives < 1.0 {
        return Ok(-((1.0 - positives) / positives).ln());
    }
    Err(ConfigError::OutOfRange {
        name: "positives",
        value: positives,
        allowed: "above 0, below 1",
    })
}
