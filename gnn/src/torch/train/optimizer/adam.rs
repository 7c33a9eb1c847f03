//! Adam and `AdamW`.

use tch::Tensor;

use super::super::super::TorchError;
use super::super::super::error::Named;
use super::{Slot, average, decayed, remember};
use crate::train::AdamConfig;

pub(super) const MEMORY: [&str; 2] = ["exp_avg", "exp_avg_sq"];

/// Adam: the decay is a part of the gradient.
pub(super) fn step(
    slot: &mut Slot,
    config: &AdamConfig,
    gradient: &Tensor,
    rate: f64,
) -> Result<(), TorchError> {
    let with_decay = decayed(slot, gradient, config.weight_decay)?;
    adapt(slot, config, with_decay.as_ref().unwrap_or(gradient), rate)
}

/// `AdamW`: the decay shrinks the parameter.
pub(super) fn decoupled_step(
    slot: &mut Slot,
    config: &AdamConfig,
    gradient: &Tensor,
    rate: f64,
) -> Result<(), TorchError> {
    if config.weight_decay > 0.0 {
        let kept = 1.0 - rate * config.weight_decay;
        slot.parameter
            .f_mul_scalar_(kept)
            .named("mul_", &[gradient])
            .map(drop)?;
    }
    adapt(slot, config, gradient, rate)
}

fn adapt(
    slot: &mut Slot,
    config: &AdamConfig,
    gradient: &Tensor,
    rate: f64,
) -> Result<(), TorchError> {
    remember(slot, MEMORY.len())?;
    let [mean, square] = slot.memory.as_mut_slice() else {
        return Err(TorchError::new("adam", &[gradient], "no two moments"));
    };
    average(mean, gradient, config.beta1)?;
    let squared = gradient.f_square().named("square", &[gradient])?;
    average(square, &squared, config.beta2)?;
    let t = slot.steps as f64;
    let (bias1, bias2) = (1.0 - config.beta1.powf(t), 1.0 - config.beta2.powf(t));
    let mut size = square.f_sqrt().named("sqrt", &[square])?;
    size.f_mul_scalar_(1.0 / bias2.sqrt())
        .and_then(|mut size| size.f_add_scalar_(config.eps))
        .named("add_", &[gradient])
        .map(drop)?;
    let direction = mean.f_mul_scalar(-rate / bias1).named("mul", &[mean])?;
    slot.parameter
        .f_addcdiv_(&direction, &size)
        .named("addcdiv_", &[&direction, &size])
        .map(drop)
}
