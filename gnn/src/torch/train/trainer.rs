//! The training loop.

use std::fmt;
use std::ops::ControlFlow;

use tch::Tensor;

use super::super::error::Named;
use super::super::{Module, TorchError};
use super::generator::Generator;
use super::{Epoch, Gradients, Optimizer, TrainError, TrainStep};
use crate::train::{
    Measured, Problem, Progress, StopReason, TrainCheckpoint, TrainParams, TrainerReport,
};

type Validation<'a> = Box<dyn FnMut(&TrainStep) -> Result<f64, TorchError> + 'a>;
type Listener<'a> = Box<dyn FnMut(&Epoch<'_>) -> ControlFlow<()> + 'a>;

/// Trains a module: any one, by whatever closure gives its loss.
///
/// In each epoch `batches` times: the loss, its gradients, clipping, a step of the optimiser; then
/// the validation value, the early stop, and the callback. See [the module](super) for an example
/// and for what is reproducible.
///
/// # Complexity
///
/// Beside loss and validation, time and memory O(parameters) a step; the report grows by four
/// numbers an epoch.
pub struct Trainer<'a> {
    core: Core,
    validation: Option<Validation<'a>>,
    on_epoch: Option<Listener<'a>>,
}

impl fmt::Debug for Trainer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainer")
            .field("core", &self.core)
            .finish_non_exhaustive()
    }
}

impl<'a> Trainer<'a> {
    /// A training of all parameters of `module` from its first epoch on. The parameters share their
    /// memory with the module, which stays free to be used.
    ///
    /// # Errors
    ///
    /// [`TrainError::Param`].
    pub fn new(module: &dyn Module, params: &TrainParams) -> Result<Self, TrainError> {
        Core::new(module, params).map(Self::of)
    }

    /// Puts the parameters of `checkpoint` into `module` and goes on as if training had never
    /// stopped. Change [`TrainCheckpoint::params`] before to train for longer or otherwise.
    ///
    /// # Example
    ///
    /// ```
    /// use astern_gnn::layer::LinearConfig;
    /// use astern_gnn::torch::tch::{Device, Kind, Tensor};
    /// use astern_gnn::torch::train::{TrainStep, Trainer};
    /// use astern_gnn::torch::{Init, Linear, TorchError, state_of};
    /// use astern_gnn::train::{TrainCheckpoint, OptimizerConfig, TrainParams};
    ///
    /// let new = || Linear::new(&LinearConfig::new(2, 1), &mut Init::new(1, Kind::Float, Device::Cpu));
    /// let x = Tensor::f_ones([4, 2], (Kind::Float, Device::Cpu))?;
    /// let error = |layer: &Linear, _: &TrainStep| -> Result<Tensor, TorchError> {
    ///     let y = layer.apply(&x)?;
    ///     let loss = y.f_square().and_then(|y| y.f_mean(Kind::Float));
    ///     loss.map_err(|e| TorchError::new("mean", &[&y], e))
    /// };
    /// let params = TrainParams::new(OptimizerConfig::adam(0.1)).epochs(10);
    /// let layer = new()?;
    /// let mut trainer = Trainer::new(&layer, &params)?;
    /// trainer.run(|step| error(&layer, step))?;
    /// let bytes = trainer.checkpoint(serde_json::json!({"outputs": 1}))?.to_bytes()?;
    ///
    /// let mut checkpoint = TrainCheckpoint::from_bytes(&bytes)?;
    /// checkpoint.params.epochs = 20;
    /// let resumed = new()?;
    /// Trainer::resume(&resumed, &checkpoint)?.run(|step| error(&resumed, step))?;
    ///
    /// let whole = new()?;
    /// Trainer::new(&whole, &params.epochs(20))?.run(|step| error(&whole, step))?;
    /// assert_eq!(state_of(&resumed)?, state_of(&whole)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`TrainError::Param`], and [`TrainError::Torch`] when the checkpoint is of another module or
    /// optimiser.
    pub fn resume(module: &dyn Module, checkpoint: &TrainCheckpoint) -> Result<Self, TrainError> {
        Core::resume(module, checkpoint).map(Self::of)
    }

    fn of(core: Core) -> Self {
        Self {
            core,
            validation: None,
            on_epoch: None,
        }
    }

    /// Sets what gives the validation value after each epoch. It runs without gradients; let the
    /// model run in [`ForwardMode::Eval`](super::super::ForwardMode::Eval).
    #[must_use]
    pub fn validate(
        mut self,
        value: impl FnMut(&TrainStep) -> Result<f64, TorchError> + 'a,
    ) -> Self {
        self.validation = Some(Box::new(value));
        self
    }

    /// Sets what receives every epoch and may end the training.
    #[must_use]
    pub fn on_epoch(mut self, listener: impl FnMut(&Epoch<'_>) -> ControlFlow<()> + 'a) -> Self {
        self.on_epoch = Some(Box::new(listener));
        self
    }

    /// Trains until the last epoch, the early stop or the callback's word. `loss` gives a single
    /// number with gradients.
    ///
    /// A second call goes on after the callback's word, and does nothing after the other ends.
    ///
    /// # Errors
    ///
    /// [`TrainError::NoValidation`], [`TrainError::Diverged`], and [`TrainError::Torch`] from loss
    /// and validation; [`report`](Self::report) gives the course up to there.
    pub fn run(
        &mut self,
        mut loss: impl FnMut(&TrainStep) -> Result<Tensor, TorchError>,
    ) -> Result<TrainerReport, TrainError> {
        let Self {
            core,
            validation,
            on_epoch,
        } = self;
        if core.keeps_best() && validation.is_none() {
            return Err(TrainError::NoValidation);
        }
        core.go_on()?;
        let mut stop = core.progress.stop(&core.params);
        while stop.is_none() {
            let (measured, is_best) = core.epoch(&mut loss, validation.as_mut())?;
            let answer = on_epoch.as_mut().map(|tell| {
                tell(&Epoch {
                    index: core.progress.epoch() - 1,
                    of: core.params.epochs,
                    loss: measured.loss,
                    validation: measured.validation,
                    learning_rate: measured.learning_rate,
                    gradient_norm: measured.gradient_norm,
                    is_best,
                    core,
                })
            });
            stop = if answer.is_some_and(|answer| answer.is_break()) {
                Some(StopReason::Caller)
            } else {
                core.progress.stop(&core.params)
            };
        }
        core.finish(stop)?;
        Ok(core.progress.report.clone())
    }

    /// The course of the training so far.
    pub fn report(&self) -> &TrainerReport {
        &self.core.progress.report
    }

    /// The training as it is now, to be taken up again; `config` is kept with it, see
    /// [`TrainCheckpoint::config`]. Where the best parameters were put back, the last ones are saved
    /// beside them.
    ///
    /// # Errors
    ///
    /// [`TorchError`] when a tensor cannot be read.
    pub fn checkpoint(&self, config: serde_json::Value) -> Result<TrainCheckpoint, TorchError> {
        self.core.checkpoint(config)
    }
}

/// A training without its closures.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) params: TrainParams,
    pub(super) optimizer: Optimizer,
    pub(super) progress: Progress,
    /// Parameters of the best epoch.
    pub(super) best: Option<Vec<Tensor>>,
    /// Parameters of the last epoch while those of the best one are in their place.
    pub(super) last: Option<Vec<Tensor>>,
}

impl Core {
    pub(super) fn new(module: &dyn Module, params: &TrainParams) -> Result<Self, TrainError> {
        params.check()?;
        Ok(Self {
            params: params.clone(),
            optimizer: Optimizer::new(&params.optimizer, module)?,
            progress: Progress::new(params),
            best: None,
            last: None,
        })
    }

    fn keeps_best(&self) -> bool {
        self.params.early_stop.is_some_and(|stop| stop.restore_best)
    }

    /// One epoch; whether it is the best so far.
    fn epoch(
        &mut self,
        loss: &mut impl FnMut(&TrainStep) -> Result<Tensor, TorchError>,
        validation: Option<&mut Validation<'_>>,
    ) -> Result<(Measured, bool), TrainError> {
        let (epoch, batches) = (self.progress.epoch(), self.params.batches);
        let learning_rate = self.progress.learning_rate();
        let (mut total, mut gradient_norm) = (0.0, 0.0f64);
        for batch in 0..batches {
            let step = TrainStep::new(self.params.seed, epoch, batch, batches);
            let (value, norm) = self.step(&step, loss, learning_rate)?;
            total += value;
            gradient_norm = gradient_norm.max(norm);
        }
        let last = TrainStep::new(self.params.seed, epoch, batches - 1, batches);
        let value = validation.map(|value| tch::no_grad(|| value(&last)));
        let value = value.transpose()?;
        if let Some(value) = value.filter(|value| !value.is_finite()) {
            return Err(self.diverged(Problem::Validation { epoch }, value));
        }
        let measured = Measured {
            loss: total / batches as f64,
            validation: value,
            learning_rate,
            gradient_norm,
        };
        let known = |p: &Problem| matches!(p, Problem::NoGradient { .. });
        if gradient_norm <= 0.0 && !self.progress.report.problems.iter().any(known) {
            let problem = Problem::NoGradient { epoch };
            self.progress.report.problems.push(problem);
        }
        let is_best = self.progress.observe(&measured);
        if is_best && self.keeps_best() {
            self.best = Some(self.copies()?);
        }
        Ok((measured, is_best))
    }

    /// One step: the loss before it, and the joint norm of the gradients.
    fn step(
        &mut self,
        step: &TrainStep,
        loss: &mut impl FnMut(&TrainStep) -> Result<Tensor, TorchError>,
        learning_rate: f64,
    ) -> Result<(f64, f64), TrainError> {
        let epoch = step.epoch;
        let generator = Generator::seeded(step.seed);
        let loss = loss(step)?;
        drop(generator);
        let value = loss.f_double_value(&[]).named("value", &[&loss])?;
        if !value.is_finite() {
            return Err(self.diverged(Problem::Loss { epoch }, value));
        }
        let parameters: Vec<&Tensor> = self.optimizer.parameters().map(|(_, p)| p).collect();
        let mut gradients = Gradients::by(&loss, &parameters)?;
        let norms = gradients.norms()?;
        if let Some(broken) = norms.iter().position(|norm| !norm.is_finite()) {
            let named = self.optimizer.parameters().nth(broken);
            let parameter = named.map_or_else(String::new, |(name, _)| name.to_owned());
            return Err(self.diverged(Problem::Gradient { epoch, parameter }, value));
        }
        let norm = norms.iter().map(|norm| norm * norm).sum::<f64>().sqrt();
        if let Some(clip) = self.params.clip {
            gradients.clip(clip, norm)?;
        }
        self.optimizer.step(&gradients, learning_rate)?;
        Ok((value, norm))
    }

    fn diverged(&mut self, problem: Problem, value: f64) -> TrainError {
        self.progress.report.problems.push(problem.clone());
        TrainError::Diverged { problem, value }
    }

    fn copies(&self) -> Result<Vec<Tensor>, TorchError> {
        let copy = |(_, p): (&str, &Tensor)| p.f_detach_copy().named("detach_copy", &[p]);
        self.optimizer.parameters().map(copy).collect()
    }

    /// Takes up where the last call of `run` ended.
    fn go_on(&mut self) -> Result<(), TorchError> {
        if self.progress.stop(&self.params).is_some() {
            return Ok(());
        }
        self.progress.report.stop = None;
        match self.last.take() {
            Some(last) => self.put(&last),
            None => Ok(()),
        }
    }

    /// Looks whether the parameters can be used, and puts the best ones in.
    fn finish(&mut self, stop: Option<StopReason>) -> Result<(), TrainError> {
        if self.last.is_some() {
            return Ok(());
        }
        self.check_parameters()?;
        self.progress.report.stop = stop;
        if let Some(best) = self.best.take() {
            self.last = Some(self.copies()?);
            self.put(&best)?;
            self.best = Some(best);
        }
        Ok(())
    }

    fn check_parameters(&mut self) -> Result<(), TrainError> {
        let epoch = self.progress.epoch().saturating_sub(1);
        let mut broken = None;
        for (name, p) in self.optimizer.parameters() {
            let finite = p.f_isfinite().and_then(|finite| finite.f_all());
            let finite = finite.and_then(|finite| finite.f_int64_value(&[]));
            if finite.named("isfinite", &[p])? == 0 {
                broken = Some(name.to_owned());
                break;
            }
        }
        let Some(parameter) = broken else {
            return Ok(());
        };
        let loss = self.progress.report.losses.last().copied();
        let problem = Problem::Parameter { epoch, parameter };
        Err(self.diverged(problem, loss.unwrap_or(f64::NAN)))
    }

    /// Overwrites the parameters.
    fn put(&self, values: &[Tensor]) -> Result<(), TorchError> {
        for ((_, p), value) in self.optimizer.parameters().zip(values) {
            let mut p = p.shallow_clone();
            tch::no_grad(|| p.f_copy_(value)).named("copy_", &[&p, value])?;
        }
        Ok(())
    }
}
