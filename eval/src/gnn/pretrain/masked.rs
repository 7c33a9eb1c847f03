//! Masked subsequences before forecasts of the application servers of ASD.
//!
//! Windows of 96 steps (8 patches of 12) of 19 metrics, scaled by the mean and the standard deviation
//! of the training part; the next 12 steps are predicted from the encoded window by a dense layer. Width
//! 32, 2 layers of 4 heads. 200 steps of pre-training on the windows that the forecast is then
//! trained on for 200 steps; mean absolute error on the test part. Two controls without pre-training:
//! 200 steps of the forecast, and 400, which take as long. Seed s has server s modulo 6.

use std::ops::RangeInclusive;
use std::path::Path;

use astern_gnn::layer::{LinearConfig, PatchTransformerConfig, TransformerConfig};
use astern_gnn::ndarray::{Array2, Axis};
use astern_gnn::torch::pretrain::{MaskedParams, masked_patches};
use astern_gnn::torch::tch::{Device, Kind, Reduction, Tensor};
use astern_gnn::torch::train::Trainer;
use astern_gnn::torch::{ForwardMode, Init, Linear, Module, PatchTransformer, TorchError, Visitor};
use astern_gnn::train::{Clip, OptimizerConfig, TrainParams};

use super::super::npz::Npz;
use super::{Comparison, Outcome};

/// Steps of a window, and of a patch.
const STEPS: i64 = 96;
const PATCH: i64 = 12;
const WIDTH: usize = 32;
const BATCH: i64 = 64;
const EPOCHS: usize = 200;
const SERVERS: u64 = 6;

/// Windows `[N, 96, F]` and what follows them `[N, 12, F]`.
struct Windows {
    x: Tensor,
    next: Tensor,
}

pub(super) fn compare(root: &Path, seeds: RangeInclusive<u64>) -> Outcome<Vec<Comparison>> {
    let mut all =
        ["as many steps of forecasting", "as many steps in all"].map(|control| Comparison {
            name: format!("masked patches, ASD, {control}"),
            metric: "absolute error",
            plain: Vec::new(),
            helped: Vec::new(),
        });
    for seed in seeds {
        let file = format!("telemetry-anomaly/asd/omi-{}.npz", seed % SERVERS + 1);
        let [train, test] = read(&root.join(file))?;
        let model = || Forecaster::new(train.x.size()[2], seed);
        let pretrained = model()?;
        let mut params = MaskedParams::default();
        params.train = params.train.epochs(EPOCHS).seed(seed);
        masked_patches(&pretrained.encoder, &train.x, &params)?;
        let helped = pretrained.forecast(&train, &test, EPOCHS, seed)?;
        for (comparison, epochs) in all.iter_mut().zip([EPOCHS, 2 * EPOCHS]) {
            let plain = model()?.forecast(&train, &test, epochs, seed)?;
            comparison.plain.push(plain);
            comparison.helped.push(helped);
        }
    }
    Ok(all.into())
}

struct Forecaster {
    encoder: PatchTransformer,
    output: Linear,
    features: i64,
}

impl Module for Forecaster {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.module("encoder", &self.encoder);
        visitor.module("output", &self.output);
    }
}

impl Forecaster {
    fn new(features: i64, seed: u64) -> Outcome<Self> {
        let init = &mut Init::new(seed, Kind::Float, Device::Cpu);
        let (n, patches) = (usize::try_from(features)?, usize::try_from(STEPS / PATCH)?);
        let length = usize::try_from(PATCH)?;
        let layer = TransformerConfig::new(WIDTH, 4);
        let config = PatchTransformerConfig::new(n, length, patches, layer).layers(2);
        let output = LinearConfig::new(patches * WIDTH, length * n);
        Ok(Self {
            encoder: PatchTransformer::new(&config, init)?,
            output: Linear::new(&output, init)?,
            features,
        })
    }

    fn error(&self, windows: &Windows, mode: ForwardMode) -> Result<Tensor, TorchError> {
        let refused = |e| TorchError::new("forecast", &[&windows.x], e);
        let z = self.encoder.encode(&windows.x, mode)?;
        let predicted = self.output.apply(&z.f_flatten(1, 2).map_err(refused)?)?;
        predicted
            .f_reshape([-1, PATCH, self.features])
            .and_then(|predicted| predicted.f_l1_loss(&windows.next, Reduction::Mean))
            .map_err(refused)
    }

    /// Trains, and returns the error on `test`.
    fn forecast(&self, train: &Windows, test: &Windows, epochs: usize, seed: u64) -> Outcome<f64> {
        let params = TrainParams::new(OptimizerConfig::adam(1e-3));
        let params = params.epochs(epochs).clip(Clip::Norm(5.0)).seed(seed);
        Trainer::new(self, &params)?.run(|_| {
            // libtorch's generator is seeded by the trainer before every step.
            let n = train.x.size()[0];
            let rows = Tensor::f_randperm(n, (Kind::Int64, Device::Cpu));
            let rows = rows.and_then(|rows| rows.f_narrow(0, 0, BATCH.min(n)));
            let batch = rows.and_then(|rows| {
                Ok(Windows {
                    x: train.x.f_index_select(0, &rows)?,
                    next: train.next.f_index_select(0, &rows)?,
                })
            });
            let batch = batch.map_err(|e| TorchError::new("batch", &[&train.x], e))?;
            self.error(&batch, ForwardMode::Train)
        })?;
        Ok(f64::try_from(&self.error(test, ForwardMode::Eval)?)?)
    }
}

fn read(path: &Path) -> Outcome<[Windows; 2]> {
    let mut npz = Npz::open(path)?;
    let train: Array2<f32> = npz.array("train")?;
    let test: Array2<f32> = npz.array("test")?;
    let mean = train.mean_axis(Axis(0)).ok_or("no step")?;
    // A metric that never moves stays as it is.
    let std = train.std_axis(Axis(0), 0.0);
    let std = std.mapv(|s| if s > 0.0 { s } else { 1.0 });
    let windows = |part: Array2<f32>| -> Outcome<Windows> {
        let part = (part - &mean) / &std;
        let shape = [part.nrows(), part.ncols()].map(|n| i64::try_from(n).unwrap_or(0));
        let values: Vec<f32> = part.iter().copied().collect();
        let series = Tensor::f_from_slice(&values)?.f_reshape(shape)?;
        let all = series.f_unfold(0, STEPS + PATCH, PATCH)?;
        let all = all.f_transpose(1, 2)?;
        Ok(Windows {
            x: all.f_narrow(1, 0, STEPS)?.f_contiguous()?,
            next: all.f_narrow(1, STEPS, PATCH)?.f_contiguous()?,
        })
    };
    Ok([windows(train)?, windows(test)?])
}
