//! Small models to train.

use std::error::Error;

use astern_gnn::Graph;
use astern_gnn::layer::GatV2Config;
use astern_gnn::ndarray::Array2;
use astern_gnn::torch::tch::{Device, Kind, Tensor};
use astern_gnn::torch::train::{TrainError, Trainer};
use astern_gnn::torch::{
    ForwardMode, GatV2Conv, GraphLayer, GraphTensors, Init, Module, TorchError, Visitor,
};
use astern_gnn::train::{
    Clip, EarlyStop, MinDelta, OptimizerConfig, RmsPropConfig, Schedule, SgdConfig, TrainParams,
    TrainerReport,
};

use super::noise;

/// Two layers of attention with dropout, and a ring of twelve nodes to learn.
pub(crate) struct Model {
    first: GatV2Conv,
    second: GatV2Conv,
    graph: GraphTensors,
    target: Tensor,
}

impl Model {
    pub(crate) fn new(seed: u64) -> Result<Self, Box<dyn Error>> {
        let mut next = noise(5);
        let x = Array2::from_shape_simple_fn((12, 3), &mut next);
        let ring = (0..12u32).flat_map(|i| [(i, (i + 1) % 12), ((i + 5) % 12, i)]);
        let graph = Graph::new(x, ring)?;
        let init = &mut Init::new(seed, Kind::Float, Device::Cpu);
        let target: Vec<f64> = (0..12).map(|_| next()).collect();
        Ok(Self {
            first: GatV2Conv::new(&GatV2Config::new(3, 4).heads(2).dropout(0.4), init)?,
            second: GatV2Conv::new(&GatV2Config::new(8, 1).dropout(0.3), init)?,
            graph: GraphTensors::new(&graph, Kind::Float, Device::Cpu)?,
            target: Tensor::from_slice(&target)
                .to_kind(Kind::Float)
                .reshape([12, 1]),
        })
    }

    pub(crate) fn error(&self, mode: ForwardMode) -> Result<Tensor, TorchError> {
        let h = self
            .first
            .forward(self.graph.x(), &self.graph, mode)?
            .tanh();
        let y = self.second.forward(&h, &self.graph, mode)?;
        Ok((y - &self.target).square().mean(Kind::Float))
    }

    pub(crate) fn validation(&self) -> Result<f64, TorchError> {
        Ok(self.error(ForwardMode::Eval)?.double_value(&[]))
    }
}

impl Module for Model {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.module("0", &self.first);
        visitor.module("1", &self.second);
    }
}

/// A single number, and whatever loss of it.
pub(crate) struct Number(pub(crate) Tensor);

impl Number {
    pub(crate) fn new(value: f64) -> Self {
        Self(Tensor::from_slice(&[value]).set_requires_grad(true))
    }

    pub(crate) fn value(&self) -> f64 {
        self.0.double_value(&[0])
    }
}

impl Module for Number {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.tensor("number", &self.0);
    }
}

pub(crate) fn sgd(learning_rate: f64) -> TrainParams {
    TrainParams::new(OptimizerConfig::sgd(learning_rate))
}

pub(crate) fn train(model: &Model, params: &TrainParams) -> Result<TrainerReport, TrainError> {
    Trainer::new(model, params)?
        .validate(|_| model.validation())
        .run(|_| model.error(ForwardMode::Train))
}

pub(crate) fn cases() -> Vec<TrainParams> {
    let stop = EarlyStop::after(100).restore_best(true);
    let momentum = SgdConfig::new(0.05).momentum(0.9).nesterov(true);
    let rms = RmsPropConfig::new(0.01).momentum(0.5).centered(true);
    vec![
        TrainParams::new(OptimizerConfig::adam(0.03)).seed(3),
        TrainParams::new(OptimizerConfig::adam_w(0.03))
            .schedule(Schedule::Cosine {
                warm_up: 4,
                epochs: 20,
                floor: 1e-3,
            })
            .early_stop(stop)
            .clip(Clip::Norm(0.1))
            .batches(3),
        TrainParams::new(OptimizerConfig::Sgd(momentum))
            .schedule(Schedule::ReduceOnPlateau {
                factor: 0.5,
                patience: 1,
                min_delta: MinDelta::Relative(0.01),
                floor: 1e-4,
            })
            .clip(Clip::Value(0.05))
            .seed(9),
        TrainParams::new(OptimizerConfig::RmsProp(rms)).early_stop(stop),
    ]
}
