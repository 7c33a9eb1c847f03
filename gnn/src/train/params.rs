//! Settings of a training.

use serde::{Deserialize, Serialize};

use super::rule::{at_least_1, positive};
use super::{EarlyStop, Goal, OptimizerConfig, Schedule};
use crate::error::ConfigError;

/// What is done to gradients before a step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Clip {
    /// All gradients are scaled by `c / (n + 1e-6)` where their joint Euclidean norm `n` is above
    /// `c`, as torch's `clip_grad_norm_` does.
    Norm(f64),
    /// Each entry is cut to `[-c, c]`.
    Value(f64),
}

/// Settings of a training. They are checked once, when a trainer is made.
///
/// | setting | default | allowed |
/// |---|---|---|
/// | `optimizer` | Adam | see [`OptimizerConfig`] |
/// | `epochs` | 200 | at least 1 |
/// | `batches` | 1 | at least 1 |
/// | `schedule` | constant | see [`Schedule`] |
/// | `clip` | none | above 0 |
/// | `goal` | minimise | |
/// | `early_stop` | none | see [`EarlyStop`] |
/// | `seed` | 0 | |
///
/// # Example
///
/// ```
/// use astern_gnn::train::{Clip, EarlyStop, OptimizerConfig, TrainParams};
///
/// let params = TrainParams::new(OptimizerConfig::adam(0.01))
///     .epochs(300)
///     .clip(Clip::Norm(1.0))
///     .early_stop(EarlyStop::after(30).restore_best(true))
///     .seed(7);
/// params.check()?;
/// # Ok::<(), astern_gnn::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TrainParams {
    /// What takes the steps.
    pub optimizer: OptimizerConfig,
    /// Most epochs.
    pub epochs: usize,
    /// Steps in an epoch; 1 where each takes all of the data.
    pub batches: usize,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// What is done to gradients.
    pub clip: Option<Clip>,
    /// Which validation values are better.
    pub goal: Goal,
    /// When training ends early.
    pub early_stop: Option<EarlyStop>,
    /// Seed of dropout and of the seed that a step gives to the loss.
    pub seed: u64,
}

impl Default for TrainParams {
    fn default() -> Self {
        Self::new(OptimizerConfig::default())
    }
}

astern_stats::setters!(TrainParams {
    /// Sets the number of epochs.
    epochs: usize,
    /// Sets the number of steps in an epoch.
    batches: usize,
    /// Sets how the learning rate changes.
    schedule: Schedule,
    /// Clips gradients.
    clip: Clip,
    /// Sets which validation values are better.
    goal: Goal,
    /// Ends training early.
    early_stop: EarlyStop,
    /// Sets the seed.
    seed: u64,
});

impl TrainParams {
    /// The defaults with this optimiser.
    pub fn new(optimizer: OptimizerConfig) -> Self {
        Self {
            optimizer,
            epochs: 200,
            batches: 1,
            schedule: Schedule::Constant,
            clip: None,
            goal: Goal::Minimize,
            early_stop: None,
            seed: 0,
        }
    }

    /// Holds every setting against its range.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`].
    pub fn check(&self) -> Result<(), ConfigError> {
        self.optimizer.check()?;
        at_least_1("epochs", self.epochs)?;
        at_least_1("batches", self.batches)?;
        self.schedule.check()?;
        if let Some(Clip::Norm(limit) | Clip::Value(limit)) = self.clip {
            positive("clip", limit)?;
        }
        if let Some(stop) = &self.early_stop {
            at_least_1("early_stop.patience", stop.patience)?;
            stop.min_delta.check()?;
        }
        Ok(())
    }
}
