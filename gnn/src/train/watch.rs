//! Sees whether a value still gets better: the one rule behind early stops and plateaus.

use serde::{Deserialize, Serialize};

use super::rule::{from_0, from_0_below_1};
use crate::error::ConfigError;

/// Which values are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Smaller ones: a loss.
    #[default]
    Minimize,
    /// Greater ones: an accuracy.
    Maximize,
}

/// How much better than the best so far a value must be to count as progress.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MinDelta {
    /// By more than this, at least 0.
    Absolute(f64),
    /// By more than this share of the best value's size, in [0, 1).
    Relative(f64),
}

impl MinDelta {
    pub(crate) fn check(self) -> Result<(), ConfigError> {
        match self {
            Self::Absolute(delta) => from_0("min_delta", delta),
            Self::Relative(share) => from_0_below_1("min_delta", share),
        }
    }

    fn of(self, best: f64) -> f64 {
        match self {
            Self::Absolute(delta) => delta,
            Self::Relative(share) => share * best.abs(),
        }
    }
}

/// When training ends early: after `patience` epochs in a row without progress.
///
/// What is watched is the validation value, or the training loss where none is given.
///
/// # Example
///
/// ```
/// use astern_gnn::train::{EarlyStop, MinDelta};
///
/// let stop = EarlyStop::after(20).min_delta(MinDelta::Absolute(1e-3)).restore_best(true);
/// assert_eq!(stop.patience, 20);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default = "EarlyStop::unset", deny_unknown_fields)]
#[non_exhaustive]
pub struct EarlyStop {
    /// Epochs to wait, at least 1.
    pub patience: usize,
    /// What counts as progress; by default any.
    pub min_delta: MinDelta,
    /// Whether the parameters of the best epoch are put back when training ends, for whatever
    /// reason; needs a validation value.
    pub restore_best: bool,
}

astern_stats::setters!(EarlyStop {
    /// Sets what counts as progress.
    min_delta: MinDelta,
    /// Sets whether the best parameters are put back.
    restore_best: bool,
});

impl EarlyStop {
    /// Stops after `patience` epochs in a row without any progress.
    pub fn after(patience: usize) -> Self {
        Self {
            patience,
            min_delta: MinDelta::Absolute(0.0),
            restore_best: false,
        }
    }

    /// What a file leaves out; the check of a training refuses the patience.
    fn unset() -> Self {
        Self::after(0)
    }
}

/// The best value so far, and how long ago it was; for training loops of your own.
///
/// # Example
///
/// ```
/// use astern_gnn::train::{Goal, MinDelta, Watch};
///
/// let mut watch = Watch::new(Goal::Minimize, MinDelta::Absolute(0.0));
/// for loss in [3.0, 1.0, 2.0, 1.5] {
///     watch.observe(loss);
/// }
/// assert_eq!((watch.best(), watch.waited()), (Some(1.0), 2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    goal: Goal,
    min_delta: MinDelta,
    best: Option<f64>,
    waited: usize,
}

impl Watch {
    /// A watch that has seen nothing.
    pub fn new(goal: Goal, min_delta: MinDelta) -> Self {
        Self {
            goal,
            min_delta,
            best: None,
            waited: 0,
        }
    }

    /// Whether `value` is progress over the best one; the first value is.
    pub fn observe(&mut self, value: f64) -> bool {
        let better = self.best.is_none_or(|best| {
            let gain = match self.goal {
                Goal::Minimize => best - value,
                Goal::Maximize => value - best,
            };
            gain > self.min_delta.of(best)
        });
        if better {
            self.best = Some(value);
            self.waited = 0;
        } else {
            self.waited += 1;
        }
        better
    }

    /// The last value that was progress.
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// Number of values since then.
    pub fn waited(&self) -> usize {
        self.waited
    }

    /// What was seen, under other rules from now on.
    #[cfg(feature = "torch")]
    pub(super) fn under(self, goal: Goal, min_delta: MinDelta) -> Self {
        Self {
            goal,
            min_delta,
            ..self
        }
    }

    pub(super) fn forget_waiting(&mut self) {
        self.waited = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(values: &[f64], goal: Goal, min_delta: MinDelta) -> Vec<usize> {
        let mut watch = Watch::new(goal, min_delta);
        let seen = values.iter().map(|&value| {
            watch.observe(value);
            watch.waited()
        });
        seen.collect()
    }

    #[test]
    fn progress_is_by_more_than_the_delta() {
        let (down, up) = (Goal::Minimize, Goal::Maximize);
        let any = MinDelta::Absolute(0.0);
        assert_eq!(
            waits(&[3.0, 2.0, 2.0, 4.0, 1.0], down, any),
            [0, 0, 1, 2, 0]
        );
        assert_eq!(waits(&[3.0, 2.0, 2.0, 4.0, 1.0], up, any), [0, 1, 2, 0, 1]);
        let half = MinDelta::Absolute(0.5);
        assert_eq!(waits(&[3.0, 2.5, 2.25, 1.75], down, half), [0, 1, 0, 1]);
        let share = MinDelta::Relative(0.5);
        assert_eq!(waits(&[4.0, 2.0, 1.5, 0.75], down, share), [0, 1, 0, 1]);
        // A share of the size: it works below 0 too.
        assert_eq!(waits(&[-4.0, -5.0, -6.5], down, share), [0, 1, 0]);
        assert_eq!(waits(&[-4.0, -1.5], up, share), [0, 0]);
    }

    #[test]
    fn nothing_is_progress_over_a_value_that_cannot_be_beaten() {
        let any = MinDelta::Absolute(0.0);
        let best = [f64::NEG_INFINITY, f64::NEG_INFINITY, 1.0, f64::NAN];
        assert_eq!(waits(&best, Goal::Minimize, any), [0, 1, 2, 3]);
    }
}
