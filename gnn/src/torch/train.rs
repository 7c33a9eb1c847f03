//! Training of the one-class model.

use std::ops::ControlFlow;

use tch::{COptimizer, Device, Kind, Tensor};

use super::error::Named;
use super::tensor::{from_indices, from_values, int, to_values};
use super::{DeviceChoice, GcnEncoder, GraphTensors, Module, TorchError};
use crate::one_class::{Start, quantile_radius};
use crate::{FitError, GraphSnapshots, Objective, OneClass, OneClassParams, Plateau, StopReason};

/// Training is in `f32`, the kind that GPUs are made for.
const KIND: Kind = Kind::Float;

/// What a training callback is told after each epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Epoch {
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
    pub fn fit(&self, healthy: &GraphSnapshots) -> Result<OneClass, FitError> {
        self.fit_with(healthy, DeviceChoice::Auto, |_| ControlFlow::Continue(()))
    }

    /// Trains a model on healthy data, `[T, N, F]` in the units of the data; `progress` hears of
    /// every epoch and may end the training.
    ///
    /// Every epoch is one `AdamW` step over all snapshots. See [`one_class`](crate::one_class) for
    /// loss, centre and radius. On the CPU the same settings, data, libtorch and number of threads
    /// give the same weights to the last bit.
    ///
    /// # Errors
    ///
    /// [`FitError::Param`], [`FitError::NoObservation`], [`FitError::Overflow`],
    /// [`FitError::Device`], [`FitError::Diverged`], [`FitError::Collapsed`] unless the settings
    /// say [`CollapsePolicy::Report`](crate::CollapsePolicy::Report), and [`FitError::Torch`].
    ///
    /// # Complexity
    ///
    /// Per epoch time O(T L (N d² + E d) + T N log(T N)), memory O(T L (N + E) d).
    pub fn fit_with(
        &self,
        healthy: &GraphSnapshots,
        device: DeviceChoice,
        progress: impl FnMut(Epoch) -> ControlFlow<()>,
    ) -> Result<OneClass, FitError> {
        let start = self.start(healthy)?;
        let device = device.resolve()?;
        let trainer = Trainer::new(self, &start, device.device())?;
        let (losses, stop) = trainer.run(progress)?;
        let encoder = trainer.weights(&losses)?;
        start.finish(encoder, losses, stop, device.name())
    }
}

/// Everything that stays the same from epoch to epoch.
struct Trainer<'a> {
    params: &'a OneClassParams,
    encoder: GcnEncoder,
    optimizer: COptimizer,
    /// `[N, T, F]`.
    x: Tensor,
    graph: GraphTensors,
    /// Rows `n * T + t` to learn from.
    rows: Tensor,
    center: Tensor,
    width: i64,
}

impl<'a> Trainer<'a> {
    fn new(
        params: &'a OneClassParams,
        start: &Start<'_>,
        device: Device,
    ) -> Result<Self, TorchError> {
        let (t, n, f) = start.x.dim();
        let by_node = start.x.view().permuted_axes([1, 0, 2]);
        let x: Vec<f64> = by_node.iter().copied().collect();
        let center = start.initial.center.to_vec();
        let encoder = GcnEncoder::from_encoder(&start.initial.encoder, KIND, device)?;
        let (rate, decay) = (params.learning_rate, params.weight_decay);
        let mut optimizer =
            COptimizer::adamw(rate, 0.9, 0.999, decay, 1e-8, false).named("adamw", &[])?;
        for (_, weight) in encoder.parameters() {
            optimizer
                .add_parameters(weight, 0)
                .named("add_parameters", &[weight])?;
        }
        Ok(Self {
            params,
            encoder,
            optimizer,
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

    fn run(
        &self,
        mut progress: impl FnMut(Epoch) -> ControlFlow<()>,
    ) -> Result<(Vec<f64>, StopReason), FitError> {
        let (mut losses, mut radius) = (Vec::new(), 0.0);
        let mut watch = self.params.plateau.map(Watch::new);
        for index in 0..self.params.epochs {
            let squared = self.squared_distances()?;
            let loss = self.loss(&squared, radius * radius)?;
            let value = loss.f_double_value(&[]).named("value", &[&loss])?;
            if !value.is_finite() {
                return Err(FitError::Diverged {
                    epoch: index,
                    loss: value,
                });
            }
            self.optimizer.zero_grad().named("zero_grad", &[])?;
            loss.f_backward().named("backward", &[&loss])?;
            self.optimizer.step().named("step", &[])?;
            radius = quantile_radius(&mut to_values(&squared)?, self.params.nu);
            losses.push(value);
            let of = self.params.epochs;
            let epoch = Epoch {
                index,
                of,
                loss: value,
                radius,
            };
            if progress(epoch).is_break() {
                return Ok((losses, StopReason::Caller));
            }
            if watch.as_mut().is_some_and(|watch| watch.is_flat(value)) {
                return Ok((losses, StopReason::Plateau));
            }
        }
        Ok((losses, StopReason::LastEpoch))
    }

    /// Squared distances of the rows from the centre, shape `[rows]`.
    fn squared_distances(&self) -> Result<Tensor, TorchError> {
        let z = self.encoder.forward(&self.x, &self.graph)?;
        let z = z.f_reshape([-1, self.width]).named("reshape", &[&z])?;
        let z = z
            .f_index_select(0, &self.rows)
            .named("index_select", &[&z, &self.rows])?;
        let away = z.f_sub(&self.center).named("sub", &[&z, &self.center])?;
        let away = away.f_square().named("square", &[&away])?;
        away.f_sum_dim_intlist(-1, false, KIND)
            .named("sum", &[&away])
    }

    fn loss(&self, squared: &Tensor, radius_squared: f64) -> Result<Tensor, TorchError> {
        if self.params.objective == Objective::Hard {
            return squared.f_mean(KIND).named("mean", &[squared]);
        }
        let outside = squared
            .f_sub_scalar(radius_squared)
            .named("sub", &[squared])?;
        let outside = outside.f_relu().named("relu", &[&outside])?;
        let mean = outside.f_mean(KIND).named("mean", &[&outside])?;
        let mean = mean.f_div_scalar(self.params.nu).named("div", &[&mean])?;
        mean.f_add_scalar(radius_squared).named("add", &[&mean])
    }

    /// The trained weights; a last step that made them infinite is an error of that epoch.
    fn weights(&self, losses: &[f64]) -> Result<crate::GcnEncoder, FitError> {
        for (_, weight) in self.encoder.parameters() {
            if to_values(weight)?.iter().any(|w| !w.is_finite()) {
                let epoch = losses.len().saturating_sub(1);
                let loss = losses.last().copied().unwrap_or(f64::NAN);
                return Err(FitError::Diverged { epoch, loss });
            }
        }
        Ok(self.encoder.to_encoder()?)
    }
}

/// Sees when the loss has stopped falling.
struct Watch {
    rule: Plateau,
    best: f64,
    waited: usize,
}

impl Watch {
    fn new(rule: Plateau) -> Self {
        Self {
            rule,
            best: f64::INFINITY,
            waited: 0,
        }
    }

    fn is_flat(&mut self, loss: f64) -> bool {
        if loss < self.best * (1.0 - self.rule.min_decrease) {
            self.best = loss;
            self.waited = 0;
        } else {
            self.waited += 1;
        }
        self.waited >= self.rule.patience
    }
}
