//! Where a training stands.

use serde::{Deserialize, Serialize};

#[cfg(feature = "torch")]
use super::{MinDelta, StopReason, TrainParams};
use super::{Scheduler, TrainerReport, Watch};

/// Everything but tensors that the next epoch depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    scheduler: Scheduler,
    /// For the early stop.
    watch: Watch,
    pub(crate) report: TrainerReport,
}

impl Progress {
    /// Number of the next epoch.
    pub(crate) fn epoch(&self) -> usize {
        self.report.epochs_run()
    }
}

#[cfg(feature = "torch")]
impl Progress {
    pub(crate) fn new(params: &TrainParams) -> Self {
        let base = params.optimizer.learning_rate();
        Self {
            scheduler: Scheduler::new(params.schedule, base, params.goal),
            watch: Watch::new(params.goal, min_delta(params)),
            report: TrainerReport::default(),
        }
    }

    /// The same under settings that may have changed.
    pub(crate) fn under(self, params: &TrainParams) -> Self {
        let (base, goal) = (params.optimizer.learning_rate(), params.goal);
        Self {
            scheduler: self.scheduler.under(params.schedule, base, goal),
            watch: self.watch.under(goal, min_delta(params)),
            ..self
        }
    }

    pub(crate) fn learning_rate(&self) -> f64 {
        self.scheduler.rate(self.epoch())
    }

    /// Takes note of an epoch; whether it is the best so far.
    pub(crate) fn observe(&mut self, epoch: &Measured) -> bool {
        let watched = epoch.validation.unwrap_or(epoch.loss);
        self.scheduler.observe(watched);
        let better = self.watch.observe(watched);
        let report = &mut self.report;
        if better {
            report.best_epoch = Some(report.epochs_run());
        }
        report.losses.push(epoch.loss);
        report.validation.extend(epoch.validation);
        report.learning_rates.push(epoch.learning_rate);
        report.gradient_norms.push(epoch.gradient_norm);
        better
    }

    /// Why there is no further epoch, if there is none.
    pub(crate) fn stop(&self, params: &TrainParams) -> Option<StopReason> {
        let patience = params.early_stop.map_or(usize::MAX, |s| s.patience);
        if self.watch.waited() >= patience {
            Some(StopReason::Plateau)
        } else if self.epoch() >= params.epochs {
            Some(StopReason::LastEpoch)
        } else {
            None
        }
    }
}

/// What one epoch gave.
#[cfg(feature = "torch")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) loss: f64,
    pub(crate) validation: Option<f64>,
    pub(crate) learning_rate: f64,
    pub(crate) gradient_norm: f64,
}

#[cfg(feature = "torch")]
fn min_delta(params: &TrainParams) -> MinDelta {
    let any = MinDelta::Absolute(0.0);
    params.early_stop.map_or(any, |stop| stop.min_delta)
}
