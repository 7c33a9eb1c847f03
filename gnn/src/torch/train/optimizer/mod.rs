//! Optimisers whose state can be saved; libtorch's own keep theirs to themselves.

mod adam;
mod rms_prop;
mod sgd;

use tch::Tensor;

use super::super::error::Named;
use super::super::state::load_tensor;
use super::super::tensor::to_values;
use super::super::{Module, TorchError};
use super::Gradients;
use crate::state::StateDict;
use crate::train::OptimizerConfig;

/// Takes steps along gradients; see [`OptimizerConfig`] for the rules.
///
/// Equal to libtorch's optimisers up to rounding. A parameter without a gradient is left as it is,
/// its weight decay and momentum too. Parameters are those of the module that was given: a copy
/// shares its memory.
///
/// # Complexity
///
/// Time and memory O(parameters); up to ten calls of libtorch a parameter, in place.
///
/// # Example
///
/// ```
/// use astern_gnn::layer::LinearConfig;
/// use astern_gnn::torch::tch::{Device, Kind, Tensor};
/// use astern_gnn::torch::train::{Gradients, Optimizer};
/// use astern_gnn::torch::{Init, Linear};
/// use astern_gnn::train::OptimizerConfig;
///
/// let init = &mut Init::new(1, Kind::Float, Device::Cpu);
/// let layer = Linear::new(&LinearConfig::new(2, 1), init)?;
/// let mut optimizer = Optimizer::new(&OptimizerConfig::sgd(0.1), &layer)?;
/// let x = Tensor::f_ones([4, 2], (Kind::Float, Device::Cpu))?;
/// for _ in 0..20 {
///     let loss = layer.apply(&x)?.f_square()?.f_mean(Kind::Float)?;
///     optimizer.step(&Gradients::of(&loss, &layer)?, 0.1)?;
/// }
/// assert!(layer.apply(&x)?.f_abs()?.f_max()?.f_double_value(&[])? < 1e-3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    slots: Vec<Slot>,
}

/// One parameter with what the optimiser remembers of it.
#[derive(Debug)]
struct Slot {
    name: String,
    parameter: Tensor,
    /// Steps so far.
    steps: u64,
    /// As many as the algorithm has names for; none before the first step.
    memory: Vec<Tensor>,
}

impl Optimizer {
    /// An optimiser of all parameters of `module`, that remembers nothing.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for settings out of range.
    pub fn new(config: &OptimizerConfig, module: &dyn Module) -> Result<Self, TorchError> {
        config
            .check()
            .map_err(|e| TorchError::new("optimizer", &[], e))?;
        let slot = |(name, parameter): (String, &Tensor)| Slot {
            name,
            parameter: parameter.shallow_clone(),
            steps: 0,
            memory: Vec::new(),
        };
        Ok(Self {
            config: *config,
            slots: module.parameters().into_iter().map(slot).collect(),
        })
    }

    /// One step along `gradients` with this learning rate; that of the settings is not used.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for gradients of another module.
    pub fn step(&mut self, gradients: &Gradients, learning_rate: f64) -> Result<(), TorchError> {
        if gradients.len() != self.slots.len() {
            let source = format!(
                "{} gradients for {} parameters",
                gradients.len(),
                self.slots.len()
            );
            return Err(TorchError::new("step", &[], source));
        }
        let config = self.config;
        let slots = self.slots.iter_mut().zip(gradients.tensors());
        tch::no_grad(|| {
            for (slot, gradient) in slots.filter(|(_, gradient)| gradient.defined()) {
                slot.steps += 1;
                match &config {
                    OptimizerConfig::Sgd(c) => sgd::step(slot, c, gradient, learning_rate),
                    OptimizerConfig::Adam(c) => adam::step(slot, c, gradient, learning_rate),
                    OptimizerConfig::AdamW(c) => {
                        adam::decoupled_step(slot, c, gradient, learning_rate)
                    }
                    OptimizerConfig::RmsProp(c) => rms_prop::step(slot, c, gradient, learning_rate),
                }?;
            }
            Ok(())
        })
    }

    /// All that is remembered: `<parameter>.step` and, named as torch names them,
    /// `<parameter>.exp_avg` and the like; exact. Nothing for a parameter that took no step.
    ///
    /// # Errors
    ///
    /// [`TorchError`] when a tensor cannot be read.
    pub fn state(&self) -> Result<StateDict, TorchError> {
        let mut state = StateDict::default();
        for slot in self.slots.iter().filter(|slot| slot.steps > 0) {
            let name = &slot.name;
            state.insert(format!("{name}.step"), &[1], vec![slot.steps as f64]);
            for (memory, part) in slot.memory.iter().zip(memory_names(&self.config)) {
                let shape = super::super::state::shape_of(memory);
                state.insert(format!("{name}.{part}"), &shape, to_values(memory)?);
            }
        }
        Ok(state)
    }

    /// Remembers what [`state`](Self::state) gave, in place of what is remembered now; nothing is
    /// changed when something does not fit.
    ///
    /// # Errors
    ///
    /// [`TorchError`] that names the entry: of another algorithm, another shape, or of a parameter
    /// that is not there.
    pub fn load_state(&mut self, state: &StateDict) -> Result<(), TorchError> {
        let mut loaded = Vec::with_capacity(self.slots.len());
        let mut used = 0;
        for slot in &self.slots {
            let step = state.get(&format!("{}.step", slot.name));
            let Some(step) = step else {
                loaded.push((0, Vec::new()));
                continue;
            };
            let steps = whole(&step.values).ok_or_else(|| {
                let source = format!("`{}.step` is {:?}", slot.name, step.values);
                TorchError::new("load_state", &[], source)
            })?;
            let mut memory = Vec::new();
            for part in memory_names(&self.config) {
                let name = format!("{}.{part}", slot.name);
                memory.push(load_tensor(state, &name, &slot.parameter)?);
            }
            used += 1 + memory.len();
            loaded.push((steps, memory));
        }
        if used != state.iter().len() {
            let unused = state.iter().len() - used;
            let source = format!("{unused} entries belong to no parameter of this optimiser");
            return Err(TorchError::new("load_state", &[], source));
        }
        for (slot, (steps, memory)) in self.slots.iter_mut().zip(loaded) {
            slot.steps = steps;
            slot.memory = memory;
        }
        Ok(())
    }

    /// Names and parameters, in the order of the module.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.slots.iter().map(|s| (s.name.as_str(), &s.parameter))
    }
}

/// What an algorithm remembers of a parameter, in the order of [`Slot::memory`].
fn memory_names(config: &OptimizerConfig) -> &'static [&'static str] {
    match config {
        OptimizerConfig::Sgd(c) => sgd::memory_names(c),
        OptimizerConfig::Adam(_) | OptimizerConfig::AdamW(_) => &adam::MEMORY,
        OptimizerConfig::RmsProp(c) => rms_prop::memory_names(c),
    }
}

/// A single whole number above 0 that `f64` holds exactly.
fn whole(values: &[f64]) -> Option<u64> {
    let [value] = values else { return None };
    let exact = (1.0..=9_007_199_254_740_992.0).contains(value) && value.fract().abs() <= 0.0;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number from 1 to 2^53"
    )]
    exact.then_some(*value as u64)
}

/// `gradient + weight_decay * parameter`, or nothing where there is no decay.
fn decayed(
    slot: &Slot,
    gradient: &Tensor,
    weight_decay: f64,
) -> Result<Option<Tensor>, TorchError> {
    if weight_decay <= 0.0 {
        return Ok(None);
    }
    let p = &slot.parameter;
    let mut decay = p.f_mul_scalar(weight_decay).named("mul", &[p])?;
    decay
        .f_add_(gradient)
        .named("add_", &[&decay, gradient])
        .map(Some)
}

/// `parameter - rate * direction`.
fn descend(slot: &mut Slot, direction: &Tensor, rate: f64) -> Result<(), TorchError> {
    let step = direction.f_mul_scalar(-rate).named("mul", &[direction])?;
    slot.parameter
        .f_add_(&step)
        .named("add_", &[&step])
        .map(drop)
}

/// Makes the memory on the first step: `n` tensors of zeros.
fn remember(slot: &mut Slot, n: usize) -> Result<(), TorchError> {
    while slot.memory.len() < n {
        let p = &slot.parameter;
        slot.memory
            .push(p.f_zeros_like().named("zeros_like", &[p])?);
    }
    Ok(())
}

/// `mean ← decay * mean + (1 - decay) * value`.
fn average(mean: &mut Tensor, value: &Tensor, decay: f64) -> Result<(), TorchError> {
    mean.f_lerp_(value, 1.0 - decay)
        .named("lerp_", &[value])
        .map(drop)
}
