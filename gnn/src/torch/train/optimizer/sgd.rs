//! Gradient descent with momentum.

use tch::Tensor;

use super::super::super::TorchError;
use super::super::super::error::Named;
use super::{Slot, decayed, descend};
use crate::train::SgdConfig;

pub(super) fn memory_names(config: &SgdConfig) -> &'static [&'static str] {
    if config.momentum > 0.0 {
        &["momentum_buffer"]
    } else {
        &[]
    }
}

pub(super) fn step(
    slot: &mut Slot,
    config: &SgdConfig,
    gradient: &Tensor,
    rate: f64,
) -> Result<(), TorchError> {
    let with_decay = decayed(slot, gradient, config.weight_decay)?;
    let gradient = with_decay.as_ref().unwrap_or(gradient);
    if config.momentum <= 0.0 {
        return descend(slot, gradient, rate);
    }
    if let Some(buffer) = slot.memory.first_mut() {
        let kept = buffer.f_mul_scalar_(config.momentum);
        kept.named("mul_", &[gradient]).map(drop)?;
        let share = 1.0 - config.dampening;
        let added = gradient.f_mul_scalar(share).named("mul", &[gradient])?;
        buffer.f_add_(&added).named("add_", &[&added]).map(drop)?;
    } else {
        // A tensor of its own: gradients may share memory.
        let first = gradient.f_mul_scalar(1.0).named("mul", &[gradient])?;
        slot.memory.push(first);
    }
    let buffer = slot.memory[0].shallow_clone();
    if !config.nesterov {
        return descend(slot, &buffer, rate);
    }
    let mut ahead = buffer
        .f_mul_scalar(config.momentum)
        .named("mul", &[&buffer])?;
    ahead
        .f_add_(gradient)
        .named("add_", &[gradient])
        .map(drop)?;
    descend(slot, &ahead, rate)
}
