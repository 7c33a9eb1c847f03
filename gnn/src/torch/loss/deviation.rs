//! Deviation loss.

use astern_stats::rng::seeded;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::super::TorchError;
use super::super::error::Named;
use super::{mean, same_shape};
use crate::error::ConfigError;
use crate::train::rule::positive;

/// Settings of the deviation loss.
///
/// | setting | default | allowed |
/// |---|---|---|
/// | `margin` | 5 | above 0 |
/// | `draws` | 5000 | at least 2 |
/// | `seed` | 0 | |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DeviationConfig {
    /// Standard deviations that anomalies should lie above the mean of healthy scores.
    pub margin: f64,
    /// Numbers drawn from the prior of healthy scores, N(0, 1).
    pub draws: usize,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for DeviationConfig {
    fn default() -> Self {
        Self {
            margin: 5.0,
            draws: 5000,
            seed: 0,
        }
    }
}

astern_stats::setters!(DeviationConfig {
    /// Sets the margin.
    margin: f64,
    /// Sets the number of draws.
    draws: usize,
    /// Sets the seed of the draws.
    seed: u64,
});

/// Deviation loss, for a few confirmed anomalies among many items taken as healthy:
/// `(1 - y) |dev| + y max(0, margin - dev)` with `dev = (score - μ) / σ`, mean `μ` and standard
/// deviation `σ` of draws from N(0, 1).
///
/// Scores of healthy items are drawn to the mean of the prior, those of anomalies far above it; a
/// score of 3 then reads as three standard deviations.
///
/// # Source
///
/// Pang, Shen and van den Hengel, Deep Anomaly Detection with Deviation Networks, 2019
/// (arXiv 1911.08623); Ding et al., Meta-GDN, 2021, for graphs. Deviation: the prior is drawn from
/// once, not in every step, so that the loss is a function of the scores.
///
/// # Example
///
/// ```
/// use astern_gnn::torch::loss::{Deviation, DeviationConfig};
/// use astern_gnn::torch::tch::Tensor;
///
/// let loss = Deviation::new(&DeviationConfig::default())?;
/// let scores = Tensor::f_from_slice(&[0.0, 6.0])?;
/// let anomalous = Tensor::f_from_slice(&[0.0, 1.0])?;
/// assert!(loss.loss(&scores, &anomalous, None)?.f_double_value(&[])? < 0.05);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deviation {
    margin: f64,
    mean: f64,
    std: f64,
}

impl Deviation {
    /// Checks the settings and draws from the prior.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`].
    pub fn new(config: &DeviationConfig) -> Result<Self, ConfigError> {
        positive("margin", config.margin)?;
        if config.draws < 2 {
            return Err(ConfigError::OutOfRange {
                name: "draws",
                value: config.draws as f64,
                allowed: "at least 2",
            });
        }
        let mut rng = seeded(config.seed, 0);
        let draws = StandardNormal.sample_iter(&mut rng).take(config.draws);
        // Welford's: the draws need not be kept.
        let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for draw in draws {
            let draw: f64 = draw;
            n += 1.0;
            let away = draw - mean;
            mean += away / n;
            squares += away * (draw - mean);
        }
        Ok(Self {
            margin: config.margin,
            mean,
            std: (squares / (n - 1.0)).sqrt(),
        })
    }

    /// Deviation of each score from the prior, in standard deviations.
    ///
    /// # Errors
    ///
    /// [`TorchError`] when libtorch refuses.
    pub fn deviations(&self, scores: &Tensor) -> Result<Tensor, TorchError> {
        let away = scores.f_sub_scalar(self.mean).named("sub", &[scores])?;
        away.f_div_scalar(self.std).named("div", &[&away])
    }

    /// Mean loss of `scores`; `anomalous` is 1 for confirmed anomalies, else 0.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, or weights of sum 0.
    pub fn loss(
        &self,
        scores: &Tensor,
        anomalous: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Tensor, TorchError> {
        same_shape("deviation", scores, anomalous)?;
        let away = self.deviations(scores)?;
        let healthy = away.f_abs().named("abs", &[&away])?;
        let short = away
            .f_neg()
            .and_then(|short| short.f_add_scalar(self.margin));
        let short = short.and_then(|short| short.f_relu());
        let short = short.named("relu", &[&away])?;
        let items = healthy
            .f_lerp_tensor(&short, anomalous)
            .named("lerp", &[&healthy, &short, anomalous])?;
        mean(&items, weights)
    }
}
