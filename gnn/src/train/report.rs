//! What happened during a training.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopReason {
    /// It did not begin: the weights are the initial ones.
    Untrained,
    /// All epochs ran.
    LastEpoch,
    /// The watched value stopped getting better.
    Plateau,
    /// The caller's callback asked for it.
    Caller,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Untrained => "not trained",
            Self::LastEpoch => "all epochs ran",
            Self::Plateau => "no more progress",
            Self::Caller => "stopped by the caller",
        })
    }
}

/// A sign that training does not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Problem {
    /// The loss is not finite.
    Loss {
        /// Epoch, from 0.
        epoch: usize,
    },
    /// The validation value is not finite.
    Validation {
        /// Epoch, from 0.
        epoch: usize,
    },
    /// A gradient is not finite.
    Gradient {
        /// Epoch, from 0.
        epoch: usize,
        /// Name of the parameter.
        parameter: String,
    },
    /// A parameter is not finite.
    Parameter {
        /// Epoch after which it was found, from 0.
        epoch: usize,
        /// Name of the parameter.
        parameter: String,
    },
    /// Every gradient is exactly 0, in this epoch for the first time: the output collapsed to a
    /// constant, every unit died, or the loss has nothing left to ask for.
    NoGradient {
        /// Epoch, from 0.
        epoch: usize,
    },
}

impl Problem {
    /// Epoch, from 0.
    pub fn epoch(&self) -> usize {
        match *self {
            Self::Loss { epoch }
            | Self::Validation { epoch }
            | Self::Gradient { epoch, .. }
            | Self::Parameter { epoch, .. }
            | Self::NoGradient { epoch } => epoch,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loss { epoch } => write!(f, "loss not finite in epoch {epoch}"),
            Self::Validation { epoch } => write!(f, "validation not finite in epoch {epoch}"),
            Self::Gradient { epoch, parameter } => {
                write!(f, "gradient of `{parameter}` not finite in epoch {epoch}")
            }
            Self::Parameter { epoch, parameter } => {
                write!(f, "parameter `{parameter}` not finite after epoch {epoch}")
            }
            Self::NoGradient { epoch } => write!(f, "every gradient is 0 from epoch {epoch}"),
        }
    }
}

/// The course of a training, one entry an epoch.
///
/// `Display` gives a summary for one screen.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrainerReport {
    /// Mean of the losses of the steps, each taken before its step.
    pub losses: Vec<f64>,
    /// Validation values, taken after the last step of the epoch; empty where none are given.
    pub validation: Vec<f64>,
    /// Learning rates.
    pub learning_rates: Vec<f64>,
    /// Joint Euclidean norm of all gradients before clipping, the greatest of the steps.
    pub gradient_norms: Vec<f64>,
    /// Last epoch that was progress: with the best validation value, or the best loss where there is
    /// none.
    pub best_epoch: Option<usize>,
    /// Why training ended; `None` while it runs and after an error.
    pub stop: Option<StopReason>,
    /// What went wrong.
    pub problems: Vec<Problem>,
}

impl TrainerReport {
    /// Number of epochs that ran.
    pub fn epochs_run(&self) -> usize {
        self.losses.len()
    }
}

impl fmt::Display for TrainerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stop = self.stop.map_or("not finished".into(), |s| s.to_string());
        writeln!(f, "{} epochs, {stop}", self.epochs_run())?;
        let best = self.best_epoch.map(|e| format!("best ({e})"));
        let best = best.unwrap_or_else(|| "best".into());
        writeln!(f, "{:<14}{:>14}{best:>14}{:>14}", "", "first", "last")?;
        let rows = [
            ("loss", &self.losses),
            ("validation", &self.validation),
            ("learning rate", &self.learning_rates),
            ("gradient norm", &self.gradient_norms),
        ];
        for (name, values) in rows.into_iter().filter(|(_, values)| !values.is_empty()) {
            write!(f, "{name:<14}")?;
            let best = self.best_epoch.and_then(|epoch| values.get(epoch));
            for value in [values.first(), best, values.last()] {
                match value {
                    Some(value) => write!(f, "{value:>14.6e}")?,
                    None => write!(f, "{:>14}", "-")?,
                }
            }
            writeln!(f)?;
        }
        if self.problems.is_empty() {
            return write!(f, "no problem was found");
        }
        let problems: Vec<String> = self.problems.iter().map(ToString::to_string).collect();
        write!(f, "problems: {}", problems.join("; "))
    }
}
