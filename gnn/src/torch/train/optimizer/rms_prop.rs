//! `RMSprop`.

use tch::Tensor;

use super::super::super::TorchError;
use super::super::super::error::Named;
use super::{Slot, average, decayed, descend, remember};
use crate::train::RmsPropConfig;

pub(super) fn memory_names(config: &RmsPropConfig) -> &'static [&'static str] {
    match (config.centered, config.momentum > 0.0) {
        (false, false) => &["square_avg"],
        (true, false) => &["square_avg", "grad_avg"],
        (false, true) => &["square_avg", "momentum_buffer"],
        (true, true) => &["square_avg", "grad_avg", "momentum_buffer"],
    }
}

pub(super) fn step(
    slot: &mut Slot,
    config: &RmsPropConfig,
    gradient: &Tensor,
    rate: f64,
) -> Result<(), TorchError> {
    let with_decay = decayed(slot, gradient, config.weight_decay)?;
    let gradient = with_decay.as_ref().unwrap_or(gradient);
    remember(slot, memory_names(config).len())?;
    let squared = gradient.f_square().named("square", &[gradient])?;
    let square = &mut slot.memory[0];
    average(square, &squared, config.alpha)?;
    let spread = if config.centered {
        let mean = &mut slot.memory[1];
        average(mean, gradient, config.alpha)?;
        let of_mean = mean.f_square().named("square", &[gradient])?;
        let variance = slot.memory[0].f_sub(&of_mean);
        variance.named("sub", &[&of_mean])?
    } else {
        slot.memory[0].shallow_clone()
    };
    let mut size = spread.f_sqrt().named("sqrt", &[&spread])?;
    size.f_add_scalar_(config.eps)
        .named("add_", &[gradient])
        .map(drop)?;
    let scaled = gradient.f_div(&size).named("div", &[gradient, &size])?;
    if config.momentum <= 0.0 {
        return descend(slot, &scaled, rate);
    }
    let Some(buffer) = slot.memory.last_mut() else {
        return Err(TorchError::new("rms_prop", &[gradient], "no momentum"));
    };
    buffer
        .f_mul_scalar_(config.momentum)
        .and_then(|mut buffer| buffer.f_add_(&scaled))
        .named("add_", &[&scaled])
        .map(drop)?;
    let buffer = buffer.shallow_clone();
    descend(slot, &buffer, rate)
}
