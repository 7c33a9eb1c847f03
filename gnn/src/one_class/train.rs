//! Training on libtorch.

use std::cell::Cell;
use std::ops::ControlFlow;

use tch::{Device, Kind, Tensor};

use super::fit::Start;
use super::{Objective, OneClass, OneClassError, OneClassParams};
use crate::graph::GraphSnapshots;
use crate::torch::error::Named;
use crate::torch::loss::{one_class_hard, one_class_soft, sphere_radius, squared_distances};
use crate::torch::tensor::{from_indices, from_values, int};
use crate::torch::train::{TrainError, Trainer};
use crate::torch::{
    DeviceChoice, ForwardMode, GraphLayer, GraphTensors, TorchError, TrainableNetwork,
};
use crate::train::StopReason;
use crate::train::{AdamConfig, EarlyStop, MinDelta, OptimizerConfig, TrainParams};

/// Training is in `f32`, the kind that GPUs are made for.
const KIND: Kind = Kind::Float;

/// What a training callback receives after each epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct OneClassEpoch {
    /// Number of the epoch, from 0.
    pub index: usize,
    /// Most epochs there will be.
    pub of: usize,
    /// Loss, taken before the step.
    pub loss: f64,
    /// Radius for the next epoch, in units of the embedding.
    pub radius: f64,
}

impl OneClassParams {
    /// Trains a model on healthy data: [`fit_with`](Self::fit_with) on the first GPU, or on the
    /// CPU where there is none.
    ///
    /// # Errors
    ///
    /// Those of [`fit_with`](Self::fit_with).
    pub fn fit(&self, healthy: &GraphSnapshots) -> Result<OneClass, OneClassError> {
        self.fit_with(healthy, DeviceChoice::Auto, |_| ControlFlow::Continue(()))
    }

    /// Trains a model on healthy data, `[T, N, F]` in the units of the data; `progress` receives
    /// every epoch and may end the training.
    ///
    /// Every epoch is one `AdamW` step over all snapshots. See [the module](super) for
    /// loss, centre and radius. On the CPU the same settings, data, libtorch and number of threads
    /// give the same weights to the last bit.
    ///
    /// # Errors
    ///
    /// [`OneClassError::Param`], [`OneClassError::NoObservation`], [`OneClassError::Scale`],
    /// [`OneClassError::Device`], [`OneClassError::Diverged`], [`OneClassError::Collapsed`] unless the settings
    /// say [`CollapsePolicy::Report`](crate::one_class::CollapsePolicy::Report), and [`OneClassError::Torch`].
    ///
    /// # Complexity
    ///
    /// Per epoch time O(T L (N d² + E d) + T N log(T N)), memory O(T L (N + E) d).
    pub fn fit_with(
        &self,
        healthy: &GraphSnapshots,
        device: DeviceChoice,
        progress: impl FnMut(OneClassEpoch) -> ControlFlow<()>,
    ) -> Result<OneClass, OneClassError> {
        let start = self.start(healthy)?;
        let device = device.resolve()?;
        let task = Task::new(&start, device.device())?;
        let (losses, stop) = self.train(&task, progress)?;
        let checkpoint = task.network.checkpoint()?;
        start.finish(checkpoint, losses, stop, device.name())
    }
}

/// Everything that stays the same from epoch to epoch.
struct Task {
    network: TrainableNetwork,
    /// `[N, T, F]`.
    x: Tensor,
    graph: GraphTensors,
    /// Rows `n * T + t` to learn from.
    rows: Tensor,
    center: Tensor,
    width: i64,
}

impl Task {
    fn new(start: &Start<'_>, device: Device) -> Result<Self, TorchError> {
        let (t, n, f) = start.x.dim();
        let by_node = start.x.view().permuted_axes([1, 0, 2]);
        let x: Vec<f64> = by_node.iter().copied().collect();
        let center = start.initial.center.to_vec();
        Ok(Self {
            network: TrainableNetwork::from_checkpoint(&start.initial.checkpoint, KIND, device)?,
            x: from_values(&x, &[int(n), int(t), int(f)], KIND, device)?,
            graph: GraphTensors::new(&start.data.structure(), KIND, device)?,
            rows: from_indices(
                start.rows.iter().map(|row| int(row % n * t + row / n)),
                device,
            )?,
            center: from_values(&center, &[int(center.len())], KIND, device)?,
            width: int(center.len()),
        })
    }

    /// Squared distances of the rows from the centre, shape `[rows]`.
    fn squared_distances(&self) -> Result<Tensor, TorchError> {
        let z = self
            .network
            .forward(&self.x, &self.graph, ForwardMode::Eval)?;
        let z = z.f_reshape([-1, self.width]).named("reshape", &[&z])?;
        let z = z
            .f_index_select(0, &self.rows)
            .named("index_select", &[&z, &self.rows])?;
        squared_distances(&z, &self.center)
    }
}

impl OneClassParams {
    fn train(
        &self,
        task: &Task,
        mut progress: impl FnMut(OneClassEpoch) -> ControlFlow<()>,
    ) -> Result<(Vec<f64>, StopReason), OneClassError> {
        let radius = Cell::new(0.0);
        let mut trainer = Trainer::new(&task.network, &self.training())?.on_epoch(|epoch| {
            progress(OneClassEpoch {
                index: epoch.index,
                of: epoch.of,
                loss: epoch.loss,
                radius: radius.get(),
            })
        });
        let report = trainer.run(|_| {
            let squared = task.squared_distances()?;
            let loss = match self.objective {
                Objective::Hard => one_class_hard(&squared, None),
                Objective::SoftBoundary => one_class_soft(&squared, radius.get(), self.nu, None),
            };
            radius.set(sphere_radius(&squared, self.nu)?);
            loss
        })?;
        Ok((report.losses, report.stop.unwrap_or(StopReason::LastEpoch)))
    }

    fn training(&self) -> TrainParams {
        let adam = AdamConfig::new(self.learning_rate).weight_decay(self.weight_decay);
        let params = TrainParams::new(OptimizerConfig::AdamW(adam)).epochs(self.epochs);
        match self.plateau {
            Some(rule) => params.early_stop(
                EarlyStop::after(rule.patience).min_delta(MinDelta::Relative(rule.min_decrease)),
            ),
            None => params,
        }
    }
}

impl From<TrainError> for OneClassError {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Param(error) => Self::Param(error),
            TrainError::Torch(error) => Self::Torch(error),
            TrainError::Diverged { problem, value } => Self::Diverged {
                epoch: problem.epoch(),
                loss: value,
            },
            other @ TrainError::NoValidation => Self::Torch(TorchError::new("train", &[], other)),
        }
    }
}
