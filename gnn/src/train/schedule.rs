//! Learning rates over the epochs.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::rule::{above_0_to_1, at_least_1, from_0, positive};
use super::watch::{Goal, MinDelta, Watch};
use crate::error::ConfigError;

/// How the learning rate changes from epoch to epoch; the rate is `base` at the start.
///
/// All but [`ReduceOnPlateau`](Self::ReduceOnPlateau) are pure functions of the number of the
/// epoch, `t` from 0, and equal torch's `StepLR`, `ExponentialLR` and `CosineAnnealingLR` in closed
/// form.
///
/// # Example
///
/// ```
/// use astern_gnn::train::Schedule;
///
/// let cosine = Schedule::Cosine { warm_up: 2, epochs: 12, floor: 0.0 };
/// let rates: Vec<f64> = [0, 1, 2, 7, 12, 20].map(|t| cosine.rate(0.1, t)).to_vec();
/// assert_eq!(rates[..3], [0.05, 0.1, 0.1]);
/// assert!((rates[3] - 0.05).abs() < 1e-15 && rates[4] < 1e-15 && rates[5] < 1e-15);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Schedule {
    /// `base`.
    #[default]
    Constant,
    /// `base * factor^(t / every)`, the quotient rounded down.
    Step {
        /// Epochs between two changes, at least 1.
        every: usize,
        /// In (0, 1].
        factor: f64,
    },
    /// `base * factor^t`.
    Exponential {
        /// In (0, 1].
        factor: f64,
    },
    /// Linear warm-up `base * (t + 1) / warm_up` over the first epochs, then half a cosine from
    /// `base` down to `floor`, reached in epoch `epochs` and kept (Loshchilov and Hutter, 2017).
    Cosine {
        /// Epochs of the warm-up; 0 for none.
        warm_up: usize,
        /// Epochs in all, above `warm_up`.
        epochs: usize,
        /// Last rate, at least 0.
        floor: f64,
    },
    /// The rate times `factor` whenever more than `patience` epochs in a row brought no progress;
    /// torch's `ReduceLROnPlateau` without cooldown.
    ReduceOnPlateau {
        /// In (0, 1].
        factor: f64,
        /// Epochs without progress that are borne.
        patience: usize,
        /// What counts as progress.
        min_delta: MinDelta,
        /// Smallest rate, at least 0.
        floor: f64,
    },
}

impl Schedule {
    /// The rate in epoch `t`, from 0; `base` for [`ReduceOnPlateau`](Self::ReduceOnPlateau), which
    /// depends on what was measured.
    pub fn rate(&self, base: f64, t: usize) -> f64 {
        match *self {
            Self::Constant | Self::ReduceOnPlateau { .. } => base,
            Self::Step { every, factor } => base * factor.powf((t / every.max(1)) as f64),
            Self::Exponential { factor } => base * factor.powf(t as f64),
            Self::Cosine { warm_up, .. } if t < warm_up => base * (t + 1) as f64 / warm_up as f64,
            Self::Cosine {
                warm_up,
                epochs,
                floor,
            } => {
                let falling = epochs.saturating_sub(warm_up).max(1);
                let share = (t - warm_up).min(falling) as f64 / falling as f64;
                floor + (base - floor) * 0.5 * (1.0 + (PI * share).cos())
            }
        }
    }

    /// Holds every setting against its range.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`].
    pub fn check(&self) -> Result<(), ConfigError> {
        match *self {
            Self::Constant => Ok(()),
            Self::Step { every, factor } => {
                at_least_1("schedule.every", every)?;
                above_0_to_1("schedule.factor", factor)
            }
            Self::Exponential { factor } => above_0_to_1("schedule.factor", factor),
            Self::Cosine {
                warm_up,
                epochs,
                floor,
            } => {
                let falling = epochs.saturating_sub(warm_up);
                positive("schedule.epochs - schedule.warm_up", falling as f64)?;
                from_0("schedule.floor", floor)
            }
            Self::ReduceOnPlateau {
                factor,
                min_delta,
                floor,
                ..
            } => {
                above_0_to_1("schedule.factor", factor)?;
                min_delta.check()?;
                from_0("schedule.floor", floor)
            }
        }
    }
}

/// A schedule on its way: what a training loop asks for the rate.
///
/// # Example
///
/// ```
/// use astern_gnn::train::{Goal, MinDelta, Schedule, Scheduler};
///
/// let halve = Schedule::ReduceOnPlateau {
///     factor: 0.5,
///     patience: 0,
///     min_delta: MinDelta::Absolute(0.0),
///     floor: 0.0,
/// };
/// let mut scheduler = Scheduler::new(halve, 0.1, Goal::Minimize);
/// scheduler.observe(1.0);
/// assert_eq!(scheduler.rate(1), 0.1);
/// scheduler.observe(1.0);
/// assert_eq!(scheduler.rate(2), 0.05);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scheduler {
    schedule: Schedule,
    base: f64,
    watch: Watch,
    /// Product of the reductions so far.
    reduced: f64,
}

impl Scheduler {
    /// At the start, with learning rate `base`.
    pub fn new(schedule: Schedule, base: f64, goal: Goal) -> Self {
        Self {
            schedule,
            base,
            watch: Watch::new(goal, min_delta(&schedule)),
            reduced: 1.0,
        }
    }

    /// The rate of epoch `t`, from 0.
    pub fn rate(&self, t: usize) -> f64 {
        let rate = self.schedule.rate(self.base, t);
        match self.schedule {
            // A floor above the base must not raise it.
            Schedule::ReduceOnPlateau { floor, .. } => (rate * self.reduced).max(floor.min(rate)),
            _ => rate,
        }
    }

    /// Takes note of what the epoch led to.
    pub fn observe(&mut self, value: f64) {
        let Schedule::ReduceOnPlateau {
            factor, patience, ..
        } = self.schedule
        else {
            return;
        };
        self.watch.observe(value);
        if self.watch.waited() > patience {
            self.reduced *= factor;
            self.watch.forget_waiting();
        }
    }

    /// What was seen, under another schedule from now on.
    #[cfg(feature = "torch")]
    pub(super) fn under(self, schedule: Schedule, base: f64, goal: Goal) -> Self {
        Self {
            schedule,
            base,
            watch: self.watch.under(goal, min_delta(&schedule)),
            ..self
        }
    }
}

fn min_delta(schedule: &Schedule) -> MinDelta {
    match schedule {
        Schedule::ReduceOnPlateau { min_delta, .. } => *min_delta,
        _ => MinDelta::Absolute(0.0),
    }
}
