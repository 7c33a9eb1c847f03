//! Settings of a training.

use serde::{Deserialize, Serialize};

use super::rule::{at_least_1, positive};
use super::{EarlyStop, Goal, OptimizerConfig, Schedule};
use crate::ParamError;

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
/// | `optimizer` | | see [`OptimizerConfig`] |
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
/// # Ok::<(), astern_gnn::ParamError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// Seed of dropout and of the seed that a step tells the loss.
    pub seed: u64,
}

impl TrainParams {
    /// The defaults.
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

    /// Sets the number of epochs.
    #[must_use]
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Sets the number of steps in an epoch.
    #[must_use]
    pub fn batches(mut self, batches: usize) -> Self {
        self.batches = batches;
        self
    }

    /// Sets how the learning rate changes.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Clips gradients.
    #[must_use]
    pub fn clip(mut self, clip: Clip) -> Self {
        self.clip = Some(clip);
        self
    }

    /// Sets which validation values are better.
    #[must_use]
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = goal;
        self
    }

    /// Ends training early.
    #[must_use]
    pub fn early_stop(mut self, early_stop: EarlyStop) -> Self {
        self.early_stop = Some(early_stop);
        self
    }

    /// Sets the seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Holds every setting against its range.
    ///
    /// # Errors
    ///
    /// [`ParamError::OutOfRange`].
    pub fn check(&self) -> Result<(), ParamError> {
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
