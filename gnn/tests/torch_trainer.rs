//! The training loop: exact resuming, early stops, what goes wrong, and that it learns.
#![cfg(feature = "torch")]
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod common;

use std::cell::RefCell;
use std::ops::ControlFlow;

use astern_gnn::layer::{GatV2Config, GcnConfig};
use astern_gnn::ndarray::Array2;
use astern_gnn::torch::loss::CrossEntropy;
use astern_gnn::torch::tch::{Device, Kind, Tensor};
use astern_gnn::torch::train::{Step, TrainError, Trainer};
use astern_gnn::torch::{
    GatV2Conv, GcnConv, GraphLayer, GraphTensors, Init, Mode, Module, TorchError, Visitor, state_of,
};
use astern_gnn::train::{
    Checkpoint, Clip, EarlyStop, Goal, MinDelta, OptimizerConfig, Problem, RmsPropConfig, Schedule,
    SgdConfig, StopReason, TrainParams,
};
use astern_gnn::{FileError, Graph, ParamError};
use astern_stats::classification::ConfusionMatrix;
use common::{Outcome, noise};
use serde_json::json;

/// Two layers of attention with dropout, and a ring of twelve nodes to learn.
struct Model {
    first: GatV2Conv,
    second: GatV2Conv,
    graph: GraphTensors,
    target: Tensor,
}

impl Model {
    fn new(seed: u64) -> Result<Self, Box<dyn std::error::Error>> {
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

    fn error(&self, mode: Mode) -> Result<Tensor, TorchError> {
        let h = self
            .first
            .forward(self.graph.x(), &self.graph, mode)?
            .tanh();
        let y = self.second.forward(&h, &self.graph, mode)?;
        Ok((y - &self.target).square().mean(Kind::Float))
    }

    fn validation(&self) -> Result<f64, TorchError> {
        Ok(self.error(Mode::Eval)?.double_value(&[]))
    }
}

impl Module for Model {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.module("0", &self.first);
        visitor.module("1", &self.second);
    }
}

/// A single number, and whatever loss of it.
struct Number(Tensor);

impl Number {
    fn new(value: f64) -> Self {
        Self(Tensor::from_slice(&[value]).set_requires_grad(true))
    }

    fn value(&self) -> f64 {
        self.0.double_value(&[0])
    }
}

impl Module for Number {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.tensor("number", &self.0);
    }
}

fn sgd(learning_rate: f64) -> TrainParams {
    TrainParams::new(OptimizerConfig::sgd(learning_rate))
}

fn train(model: &Model, params: &TrainParams) -> Result<astern_gnn::train::Report, TrainError> {
    Trainer::new(model, params)?
        .validate(|_| model.validation())
        .run(|_| model.error(Mode::Train))
}

fn cases() -> Vec<TrainParams> {
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

#[test]
fn ten_epochs_saved_and_ten_more_are_twenty() -> Outcome {
    for params in cases() {
        let whole = Model::new(1)?;
        let expected = train(&whole, &params.clone().epochs(20))?;

        let half = Model::new(1)?;
        let mut trainer =
            Trainer::new(&half, &params.clone().epochs(10))?.validate(|_| half.validation());
        trainer.run(|_| half.error(Mode::Train))?;
        let config = json!({"heads": 2});
        let bytes = trainer.checkpoint(config.clone())?.to_bytes()?;

        let mut checkpoint = Checkpoint::from_bytes(&bytes)?;
        assert_eq!(checkpoint.to_bytes()?, bytes);
        assert_eq!((checkpoint.epochs_run(), &checkpoint.config), (10, &config));
        assert_eq!(checkpoint.library, env!("CARGO_PKG_VERSION"));
        checkpoint.params.epochs = 20;
        // Other weights: all must come from the file.
        let fresh = Model::new(2)?;
        let report = Trainer::resume(&fresh, &checkpoint)?
            .validate(|_| fresh.validation())
            .run(|_| fresh.error(Mode::Train))?;
        assert_eq!(state_of(&fresh)?, state_of(&whole)?, "{params:?}");
        assert_eq!(report, expected);
        assert_eq!(report.epochs_run(), 20);
    }
    Ok(())
}

#[test]
fn a_checkpoint_from_the_callback_resumes_too() -> Outcome {
    let params = cases().remove(1);
    let whole = Model::new(1)?;
    let saved = RefCell::new(None);
    Trainer::new(&whole, &params.epochs(15))?
        .validate(|_| whole.validation())
        .on_epoch(|epoch| {
            if epoch.index == 6 {
                saved.replace(epoch.checkpoint(json!(null)).ok());
            }
            ControlFlow::Continue(())
        })
        .run(|_| whole.error(Mode::Train))?;
    let checkpoint = saved.into_inner().ok_or("no checkpoint")?;
    let fresh = Model::new(2)?;
    Trainer::resume(&fresh, &checkpoint)?
        .validate(|_| fresh.validation())
        .run(|_| fresh.error(Mode::Train))?;
    assert_eq!(state_of(&fresh)?, state_of(&whole)?);
    Ok(())
}

#[test]
fn the_callback_ends_a_run_and_the_next_goes_on() -> Outcome {
    let params = cases().remove(1).epochs(12);
    let whole = Model::new(1)?;
    let expected = train(&whole, &params)?;
    let model = Model::new(1)?;
    let mut trainer = Trainer::new(&model, &params)?
        .validate(|_| model.validation())
        .on_epoch(|epoch| {
            assert_eq!(epoch.of, 12);
            if epoch.index == 4 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
    let first = trainer.run(|_| model.error(Mode::Train))?;
    assert_eq!(
        (first.epochs_run(), first.stop),
        (5, Some(StopReason::Caller))
    );
    assert_eq!(trainer.run(|_| model.error(Mode::Train))?, expected);
    assert_eq!(state_of(&model)?, state_of(&whole)?);
    // Nothing is left to do.
    assert_eq!(trainer.run(|_| model.error(Mode::Train))?, expected);
    assert_eq!(state_of(&model)?, state_of(&whole)?);
    Ok(())
}

#[test]
fn the_same_seed_gives_the_same_weights_beside_others() -> Outcome {
    let run = |seed| -> Result<_, String> {
        let model = Model::new(1).map_err(|e| e.to_string())?;
        let params = TrainParams::new(OptimizerConfig::adam(0.02))
            .epochs(25)
            .seed(seed);
        train(&model, &params).map_err(|e| e.to_string())?;
        state_of(&model).map_err(|e| e.to_string())
    };
    let expected = run(1)?;
    let (a, b) = std::thread::scope(|scope| {
        let other = scope.spawn(|| run(2));
        (run(1), other.join())
    });
    assert_eq!(a?, expected);
    let other = b.map_err(|_| "the thread panicked")??;
    assert_ne!(other, expected, "dropout must draw from the seed");
    Ok(())
}

#[test]
fn a_trainer_within_a_loss_does_not_wait_for_itself() -> Outcome {
    let (outer, inner) = (Number::new(1.0), Number::new(1.0));
    let inner_error = |_: &Step| Ok(inner.0.square().sum(Kind::Double));
    let report = Trainer::new(&outer, &sgd(0.1).epochs(3))?.run(|_| {
        let fitted = Trainer::new(&inner, &sgd(0.1).epochs(2)).and_then(|mut t| t.run(inner_error));
        fitted.map_err(|e| TorchError::new("inner", &[], e))?;
        Ok((&outer.0 - inner.0.detach()).square().sum(Kind::Double))
    })?;
    assert_eq!(report.epochs_run(), 3);
    assert!((inner.value() - 0.8f64.powi(6)).abs() < 1e-12);
    Ok(())
}

#[test]
fn a_cut_or_changed_file_never_loads() -> Outcome {
    let model = Model::new(1)?;
    let params = cases().remove(1).epochs(3);
    let mut trainer = Trainer::new(&model, &params)?.validate(|_| model.validation());
    trainer.run(|_| model.error(Mode::Train))?;
    let bytes = trainer.checkpoint(json!({"a": [1, 2]}))?.to_bytes()?;
    for end in (0..bytes.len()).step_by(7) {
        assert!(
            Checkpoint::from_bytes(&bytes[..end]).is_err(),
            "cut at {end}"
        );
    }
    for at in (0..bytes.len()).step_by(3) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(Checkpoint::from_bytes(&changed).is_err(), "changed at {at}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(Checkpoint::from_bytes(&longer).is_err());
    // The description's own word for the shapes is held against the tensors'.
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains("\"shape\":[8,3]"), "{text}");
    let at = text.find("\"shape\":[8,3]").ok_or("no shape")?;
    let mut turned = bytes.clone();
    turned[at + 9..at + 12].copy_from_slice(b"3,8");
    let error = Checkpoint::from_bytes(&turned).unwrap_err();
    assert!(matches!(error, FileError::Tensor { .. }), "{error:?}");
    let other = astern_gnn::StateDict::default().to_safetensors()?;
    let error = Checkpoint::from_bytes(&other).unwrap_err();
    assert!(matches!(error, FileError::NotAModel { .. }), "{error:?}");
    Ok(())
}

#[test]
fn files_are_whole_or_not_there() -> Outcome {
    let folder = std::env::temp_dir().join(format!("astern-checkpoint-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("training.safetensors");
    let model = Number::new(1.0);
    let mut trainer = Trainer::new(&model, &sgd(0.1).epochs(2))?;
    trainer.run(|_| Ok(model.0.square().sum(Kind::Double)))?;
    let checkpoint = trainer.checkpoint(json!(1))?;
    checkpoint.save(&path)?;
    assert_eq!(Checkpoint::load(&path)?, checkpoint);
    let again = trainer.checkpoint(json!(2))?;
    again.save(&path)?;
    assert_eq!(Checkpoint::load(&path)?.config, json!(2));
    let names: Vec<_> = std::fs::read_dir(&folder)?.collect();
    assert_eq!(names.len(), 1, "{names:?}");
    let missing = folder.join("no such folder").join("file");
    for result in [again.save(&missing), Checkpoint::load(&missing).map(drop)] {
        match result.unwrap_err() {
            FileError::Io { path, .. } => assert_eq!(path, missing),
            other => panic!("{other:?}"),
        }
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

#[test]
fn a_checkpoint_of_something_else_is_refused() -> Outcome {
    let model = Model::new(1)?;
    let mut trainer = Trainer::new(
        &model,
        &TrainParams::new(OptimizerConfig::adam(0.1)).epochs(1),
    )?;
    trainer.run(|_| model.error(Mode::Train))?;
    let checkpoint = trainer.checkpoint(json!(null))?;
    let number = Number::new(1.0);
    let error = Trainer::resume(&number, &checkpoint).unwrap_err();
    assert!(matches!(error, TrainError::Torch(_)), "{error:?}");
    let mut other = checkpoint.clone();
    other.params.optimizer = OptimizerConfig::rms_prop(0.1);
    assert!(Trainer::resume(&model, &other).is_err());
    let mut other = checkpoint;
    other.params.epochs = 0;
    let error = Trainer::resume(&model, &other).unwrap_err();
    assert!(matches!(error, TrainError::Param(_)), "{error:?}");
    Ok(())
}

#[test]
fn the_best_parameters_are_put_back() -> Outcome {
    // A number runs past its target and on.
    let number = Number::new(0.0);
    let stop = EarlyStop::after(3).restore_best(true);
    let off = || (number.value() - 0.55).abs();
    let mut trainer =
        Trainer::new(&number, &sgd(0.1).epochs(50).early_stop(stop))?.validate(|_| Ok(off()));
    let report = trainer.run(|_| Ok(-number.0.sum(Kind::Double)))?;
    assert_eq!(report.stop, Some(StopReason::Plateau));
    assert_eq!(report.epochs_run(), report.best_epoch.unwrap() + 4);
    let best = report.validation[report.best_epoch.unwrap()];
    assert!((best - 0.05).abs() < 1e-12, "{report:?}");
    assert!((off() - best).abs() < 1e-300);
    let checkpoint = trainer.checkpoint(json!(null))?;
    let saved = |s: &astern_gnn::StateDict| s.get("number").unwrap().values[0];
    let kept = checkpoint.best.as_ref().ok_or("no best")?;
    assert!((saved(kept) - number.value()).abs() < 1e-300);
    assert!((saved(&checkpoint.parameters) - 0.1 * report.epochs_run() as f64).abs() < 1e-12);

    let error = Trainer::new(&number, &sgd(0.1).early_stop(stop))?
        .run(|_| Ok(number.0.sum(Kind::Double)))
        .unwrap_err();
    assert!(matches!(error, TrainError::NoValidation), "{error:?}");
    Ok(())
}

#[test]
fn greater_can_be_better() -> Outcome {
    let number = Number::new(0.0);
    let params = sgd(0.1)
        .epochs(30)
        .goal(Goal::Maximize)
        .early_stop(EarlyStop::after(2));
    let report = Trainer::new(&number, &params)?
        .validate(|step| {
            Ok(if step.epoch < 5 {
                step.epoch as f64
            } else {
                0.0
            })
        })
        .run(|_| Ok(number.0.sum(Kind::Double)))?;
    assert_eq!((report.best_epoch, report.epochs_run()), (Some(4), 7));
    Ok(())
}

#[test]
fn divergence_says_when_and_what() -> Outcome {
    let diverged = |result: Result<_, TrainError>| match result.unwrap_err() {
        TrainError::Diverged { problem, value } => (problem, value),
        other => panic!("{other:?}"),
    };
    let number = Number::new(3.0);
    let mut trainer = Trainer::new(&number, &sgd(0.1).epochs(9))?;
    let (problem, value) = diverged(trainer.run(|step| {
        let nan = if step.epoch == 3 { f64::NAN } else { 1.0 };
        Ok(number.0.sum(Kind::Double) * nan)
    }));
    assert_eq!(
        (&problem, value.is_nan()),
        (&Problem::Loss { epoch: 3 }, true)
    );
    assert_eq!(trainer.report().epochs_run(), 3);
    assert_eq!(trainer.report().problems, [problem]);
    assert_eq!(trainer.report().stop, None);

    // The root's slope at 0 is infinite.
    let zero = Number::new(0.0);
    let mut trainer = Trainer::new(&zero, &sgd(0.1))?;
    let (problem, value) = diverged(trainer.run(|_| Ok(zero.0.sqrt().sum(Kind::Double))));
    let parameter = "number".to_owned();
    assert_eq!(
        problem,
        Problem::Gradient {
            epoch: 0,
            parameter
        }
    );
    assert!(value.abs() < 1e-300);

    let number = Number::new(3.0);
    let mut trainer = Trainer::new(&number, &sgd(0.1))?.validate(|_| Ok(f64::INFINITY));
    let (problem, value) = diverged(trainer.run(|_| Ok(number.0.sum(Kind::Double))));
    assert_eq!(
        (problem, value),
        (Problem::Validation { epoch: 0 }, f64::INFINITY)
    );

    let mut trainer = Trainer::new(&number, &sgd(1e308).epochs(1))?;
    let (problem, _) = diverged(trainer.run(|_| Ok(number.0.sum(Kind::Double) * 1e3)));
    let parameter = "number".to_owned();
    assert_eq!(
        problem,
        Problem::Parameter {
            epoch: 0,
            parameter
        }
    );
    Ok(())
}

#[test]
fn a_dead_gradient_is_reported_once() -> Outcome {
    let number = Number::new(0.25);
    let report = Trainer::new(&number, &sgd(0.1).epochs(6))?
        .run(|_| Ok(number.0.relu().sum(Kind::Double)))?;
    assert_eq!(report.problems, [Problem::NoGradient { epoch: 3 }]);
    let text = report.to_string();
    assert!(text.contains("every gradient is 0 from epoch 3"), "{text}");
    assert!(text.starts_with("6 epochs, all epochs ran"), "{text}");
    assert!(
        text.lines().count() < 10 && text.contains("learning rate"),
        "{text}"
    );
    let json = serde_json::to_string(&report)?;
    assert_eq!(
        serde_json::from_str::<astern_gnn::train::Report>(&json)?,
        report
    );
    Ok(())
}

#[test]
fn gradients_are_clipped_and_rates_followed() -> Outcome {
    let schedule = Schedule::Exponential { factor: 0.5 };
    let steps = |clip: Option<Clip>| -> Result<_, Box<dyn std::error::Error>> {
        let number = Number::new(0.0);
        let params = sgd(1.0).epochs(3).schedule(schedule);
        let params = clip.into_iter().fold(params, TrainParams::clip);
        let report =
            Trainer::new(&number, &params)?.run(|_| Ok(number.0.sum(Kind::Double) * -4.0))?;
        assert_eq!(report.learning_rates, [1.0, 0.5, 0.25]);
        assert_eq!(report.gradient_norms, [4.0; 3]);
        Ok(number.value())
    };
    assert!((steps(None)? - 7.0).abs() < 1e-12);
    assert!((steps(Some(Clip::Value(2.0)))? - 3.5).abs() < 1e-12);
    assert!((steps(Some(Clip::Norm(1.0)))? - 1.75).abs() < 1e-5);
    assert!((steps(Some(Clip::Norm(5.0)))? - 7.0).abs() < 1e-12);
    Ok(())
}

#[test]
fn every_step_has_a_seed_of_its_own() -> Outcome {
    let seeds = |seed| -> Result<_, Box<dyn std::error::Error>> {
        let number = Number::new(0.0);
        let mut seen = Vec::new();
        let params = sgd(0.1).epochs(3).batches(4).seed(seed);
        let report = Trainer::new(&number, &params)?.run(|step| {
            seen.push((step.epoch, step.batch, step.seed));
            Ok(number.0.sum(Kind::Double) * 0.0 + step.batch as f64)
        })?;
        assert_eq!(report.losses, [1.5; 3]);
        Ok(seen)
    };
    let seen = seeds(1)?;
    let places: Vec<_> = seen.iter().map(|s| (s.0, s.1)).collect();
    assert_eq!(places[..5], [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)]);
    let mut unique: Vec<_> = seen.iter().chain(&seeds(2)?).map(|s| s.2).collect();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), 24);
    assert_eq!(seeds(1)?, seen);
    Ok(())
}

#[test]
fn settings_are_checked_before_anything_else() {
    let error = Trainer::new(&Number::new(0.0), &sgd(0.1).epochs(0)).unwrap_err();
    let TrainError::Param(ParamError::OutOfRange { name, .. }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(name, "epochs");
}

/// Two layers of convolution.
struct Two(GcnConv, GcnConv);

impl Module for Two {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.module("0", &self.0);
        visitor.module("1", &self.1);
    }
}

/// Two communities of 40 nodes; six of each have a label.
#[test]
fn two_communities_are_told_apart() -> Outcome {
    let n = 80u32;
    let mut next = noise(11);
    let group = |i: u32| usize::from(i >= n / 2);
    let mut edges = Vec::new();
    for i in 0..n {
        for j in 0..n {
            let share = if group(i) == group(j) { 0.2 } else { 0.02 };
            if i != j && next() * 0.5 + 0.5 < share {
                edges.push((i, j));
            }
        }
    }
    let x = Array2::from_shape_simple_fn((80, 8), next);
    let graph = GraphTensors::new(&Graph::new(x, edges)?, Kind::Float, Device::Cpu)?;
    let init = &mut Init::new(3, Kind::Float, Device::Cpu);
    let model = Two(
        GcnConv::new(&GcnConfig::new(8, 16), init)?,
        GcnConv::new(&GcnConfig::new(16, 2), init)?,
    );
    let logits = || -> Result<Tensor, TorchError> {
        let h = model.0.forward(graph.x(), &graph, Mode::Train)?.relu();
        model.1.forward(&h, &graph, Mode::Train)
    };
    let labels: Vec<u32> = (0..n).map(|i| u32::try_from(group(i)).unwrap()).collect();
    let loss = CrossEntropy::new(&labels, 2, Device::Cpu)?.balanced()?;
    let labelled = |i: u32| [0, 1, 2, 3, 4, 5, 40, 41, 42, 43, 44, 45].contains(&i);
    let mask: Vec<f32> = (0..n).map(|i| f32::from(u8::from(labelled(i)))).collect();
    let mask = Tensor::from_slice(&mask);
    let params = TrainParams::new(OptimizerConfig::AdamW(
        astern_gnn::train::AdamConfig::new(0.01).weight_decay(5e-2),
    ))
    .epochs(150);
    let report = Trainer::new(&model, &params)?.run(|_| loss.loss(&logits()?, Some(&mask)))?;
    let predicted: Vec<i64> = Vec::try_from(logits()?.argmax(-1, false))?;
    let test: Vec<u32> = (0..n).filter(|&i| !labelled(i)).collect();
    let truth: Vec<usize> = test.iter().map(|&i| group(i)).collect();
    let guessed = test.iter().map(|&i| usize::try_from(predicted[i as usize]));
    let guessed: Vec<usize> = guessed.collect::<Result<_, _>>()?;
    let accuracy = ConfusionMatrix::new(&truth, &guessed, 2)?
        .accuracy()
        .unwrap();
    assert!(accuracy > 0.95, "{accuracy}\n{report}");
    Ok(())
}
