//! A bar on the terminal.

use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressStyle};

use super::Epoch;

/// A listener for [`Trainer::on_epoch`](super::Trainer::on_epoch) that draws a bar with epoch, loss,
/// validation value and time left on standard error, if that is a terminal (feature `progress`).
///
/// # Example
///
/// ```
/// use astern_gnn::layer::LinearConfig;
/// use astern_gnn::torch::tch::{Device, Kind, Tensor};
/// use astern_gnn::torch::train::{Trainer, progress_bar};
/// use astern_gnn::torch::{Init, Linear, TorchError};
/// use astern_gnn::train::{OptimizerConfig, TrainParams};
///
/// let init = &mut Init::new(1, Kind::Float, Device::Cpu);
/// let layer = Linear::new(&LinearConfig::new(2, 1), init)?;
/// let x = Tensor::f_ones([4, 2], (Kind::Float, Device::Cpu))?;
/// let params = TrainParams::new(OptimizerConfig::sgd(0.1)).epochs(5);
/// let mut trainer = Trainer::new(&layer, &params)?.on_epoch(progress_bar());
/// trainer.run(|_| {
///     let y = layer.apply(&x)?;
///     let loss = y.f_square().and_then(|y| y.f_mean(Kind::Float));
///     loss.map_err(|e| TorchError::new("mean", &[&y], e))
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn progress_bar() -> impl FnMut(&Epoch<'_>) -> ControlFlow<()> {
    let mut bar: Option<ProgressBar> = None;
    move |epoch| {
        let bar = bar.get_or_insert_with(|| new_bar(epoch.of));
        let validation = epoch.validation.map(|v| format!(", validation {v:.4e}"));
        let validation = validation.unwrap_or_default();
        bar.set_message(format!("loss {:.4e}{validation}", epoch.loss));
        bar.set_position(position(epoch.index + 1));
        if epoch.index + 1 == epoch.of {
            bar.finish();
        }
        ControlFlow::Continue(())
    }
}

fn new_bar(epochs: usize) -> ProgressBar {
    let bar = ProgressBar::new(position(epochs));
    let template = "{bar:30} {pos}/{len} {msg} [{elapsed} < {eta}]";
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn position(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
