//! Masked subsequences as a task without labels.

use astern_stats::rng::seeded;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::super::PatchTransformer;
use super::super::TorchError;
use super::super::error::Named;
use super::super::module::ForwardMode;
use super::super::tensor::{from_indices, int, shaped};
use super::super::train::{TrainError, Trainer};
use crate::error::ConfigError;
use crate::layer::PatchMask;
use crate::train::draw::below;
use crate::train::rule::{above_0_to_1, at_least_1};
use crate::train::{AdamConfig, Clip, OptimizerConfig, TrainParams, TrainerReport};

/// Settings of pre-training by masked subsequences.
///
/// | setting | default | allowed |
/// |---|---|---|
/// | `hidden` | .75 | above 0, at most 1; must hide some patches and leave some |
/// | `batch` | 64 | at least 1 |
/// | `train` | Adam 1e-3 (β .9, .95), 100 epochs, norm clipped to 5 | see [`TrainParams`] |
///
/// Where a file gives `train`, what it leaves out is as in [`TrainParams`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MaskedParams {
    /// Share of the patches that is hidden, rounded down to patches.
    pub hidden: f64,
    /// Windows in a step.
    pub batch: usize,
    /// How the model is trained.
    pub train: TrainParams,
}

impl Default for MaskedParams {
    fn default() -> Self {
        let adam = AdamConfig::new(1e-3).beta2(0.95);
        let train = TrainParams::new(OptimizerConfig::Adam(adam)).epochs(100);
        Self {
            hidden: 0.75,
            batch: 64,
            train: train.clip(Clip::Norm(5.0)),
        }
    }
}

astern_stats::setters!(MaskedParams {
    /// Sets the share that is hidden.
    hidden: f64,
    /// Sets the number of windows in a step.
    batch: usize,
    /// Sets how it is trained.
    train: TrainParams,
});

impl MaskedParams {
    fn check(&self) -> Result<(), ConfigError> {
        above_0_to_1("hidden", self.hidden)?;
        at_least_1("batch", self.batch)
    }
}

/// Trains `model` to predict hidden patches of `windows` `[N, T, F]` from the others; the loss is the
/// mean absolute error of the hidden ones.
///
/// Each step draws `batch` windows without replacement (all where there are no more) and a mask, the
/// same for all windows of the step. The model stays trained in place; what it is for afterwards is
/// [`PatchTransformer::encode`] of whole windows.
///
/// Scale the windows first: errors of all features are summed alike.
///
/// # Whether it helps
///
/// Where it was measured it does not. Forecasts of 12 steps on the six application servers of ASD: mean
/// absolute error .2425 after 200 steps of it and 200 of forecasting, .2406 after 200 of forecasting
/// alone (difference .002, 95 % interval -.005 to .008) and .2304 after 400 (.012, .005 to .019); ten
/// seeds, paired (`cargo xtask eval pretrain`).
///
/// # Errors
///
/// [`TrainError`]; its source is a [`ConfigError`] for settings out of range, also for a share that
/// hides none or all of the patches, and a [`TorchError`] for windows of another shape.
///
/// # Complexity
///
/// That of [`PatchTransformer::reconstruct`] on `batch` windows a step.
///
/// # Source
///
/// Shao et al., STEP (`TSFormer`), KDD 2022 (arXiv 2206.09113). Deviations: `batch` counts windows
/// of one series, where the authors take all series of a moment; the learning rate is constant
/// unless `train` says otherwise (there it is halved at epoch 50).
///
/// # Example
///
/// ```
/// use astern_gnn::layer::{PatchTransformerConfig, TransformerConfig};
/// use astern_gnn::torch::pretrain::{MaskedParams, masked_patches};
/// use astern_gnn::torch::tch::{Device, Kind, Tensor};
/// use astern_gnn::torch::{Init, PatchTransformer};
/// use astern_gnn::train::{OptimizerConfig, TrainParams};
///
/// // Three waves of 32 steps, in 8 patches.
/// let wave = |i: i64| (f64::from(i as i32 % 32) * 0.8 + f64::from(i as i32 / 32)).sin() as f32;
/// let values: Vec<f32> = (0..96).map(wave).collect();
/// let windows = Tensor::f_from_slice(&values)?.f_reshape([3, 32, 1])?;
/// let config = PatchTransformerConfig::new(1, 4, 8, TransformerConfig::new(8, 2)).layers(1);
/// let model = PatchTransformer::new(&config, &mut Init::new(1, Kind::Float, Device::Cpu))?;
///
/// let train = TrainParams::new(OptimizerConfig::adam(5e-3)).epochs(30);
/// let report = masked_patches(&model, &windows, &MaskedParams::default().train(train))?;
/// assert!(report.losses[29] < report.losses[0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn masked_patches(
    model: &PatchTransformer,
    windows: &Tensor,
    params: &MaskedParams,
) -> Result<TrainerReport, TrainError> {
    params.check()?;
    let [n, steps, _] = shaped("masked_patches", windows, [None; 3])?;
    let steps = usize::try_from(steps).unwrap_or(0);
    let n_patches = steps / model.config().patch_length;
    PatchMask::random(n_patches, params.hidden, 0)?;
    if n == 0 {
        return Err(TorchError::new("masked_patches", &[windows], "there is no window").into());
    }
    let n = usize::try_from(n).unwrap_or(0);
    Trainer::new(model, &params.train)?.run(|step| {
        let mask = PatchMask::random(n_patches, params.hidden, step.seed)
            .map_err(|e| TorchError::new("masked_patches", &[windows], e))?;
        let chosen = batch(n, params.batch, step.seed);
        let rows = from_indices(chosen.into_iter().map(int), windows.device())?;
        let x = windows
            .f_index_select(0, &rows)
            .named("index_select", &[windows, &rows])?;
        let reconstruction = model.reconstruct(&x, &mask, ForwardMode::Train)?;
        let (predicted, target) = (&reconstruction.predicted, &reconstruction.target);
        predicted
            .f_l1_loss(target, tch::Reduction::Mean)
            .named("l1_loss", &[predicted, target])
    })
}

/// `size` of `n` windows without replacement, or all of them.
fn batch(n: usize, size: usize, seed: u64) -> Vec<usize> {
    // Mask and batch of a step come from two streams.
    let mut rng = seeded(seed, 1);
    let mut all: Vec<usize> = (0..n).collect();
    if size >= n {
        return all;
    }
    for i in 0..size {
        let other = i + below(&mut rng, n - i);
        all.swap(i, other);
    }
    all.truncate(size);
    all
}
