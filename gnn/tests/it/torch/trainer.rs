//! The training loop: exact resuming, early stops, what goes wrong, and that it learns.

use std::ops::ControlFlow;

use astern_gnn::layer::GcnConfig;
use astern_gnn::ndarray::Array2;
use astern_gnn::torch::loss::CrossEntropy;
use astern_gnn::torch::tch::{Device, Kind, Tensor};
use astern_gnn::torch::train::{TrainError, TrainStep, Trainer};
use astern_gnn::torch::{
    ForwardMode, GcnConv, GraphLayer, GraphTensors, Init, Module, TorchError, Visitor, state_of,
};
use astern_gnn::train::{
    AdamConfig, Clip, EarlyStop, Goal, OptimizerConfig, Problem, Schedule, StopReason, TrainParams,
    TrainerReport,
};
use astern_gnn::{ConfigError, Graph, StateDict};
use astern_stats::classification::ConfusionMatrix;
use serde_json::json;

use crate::support::training::{Model, Number, cases, sgd, train};
use crate::support::{Outcome, noise};

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
    let first = trainer.run(|_| model.error(ForwardMode::Train))?;
    assert_eq!(
        (first.epochs_run(), first.stop),
        (5, Some(StopReason::Caller))
    );
    assert_eq!(trainer.run(|_| model.error(ForwardMode::Train))?, expected);
    assert_eq!(state_of(&model)?, state_of(&whole)?);
    // Nothing is left to do.
    assert_eq!(trainer.run(|_| model.error(ForwardMode::Train))?, expected);
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
    let inner_error = |_: &TrainStep| Ok(inner.0.square().sum(Kind::Double));
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
    let saved = |s: &StateDict| s.get("number").unwrap().values[0];
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
    assert_eq!(serde_json::from_str::<TrainerReport>(&json)?, report);
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
    let TrainError::Param(ConfigError::OutOfRange { name, .. }) = error else {
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
fn two_communities_are_distinguished() -> Outcome {
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
        let h = model
            .0
            .forward(graph.x(), &graph, ForwardMode::Train)?
            .relu();
        model.1.forward(&h, &graph, ForwardMode::Train)
    };
    let labels: Vec<u32> = (0..n).map(|i| u32::try_from(group(i)).unwrap()).collect();
    let loss = CrossEntropy::new(&labels, 2, Device::Cpu)?.balanced()?;
    let labelled = |i: u32| [0, 1, 2, 3, 4, 5, 40, 41, 42, 43, 44, 45].contains(&i);
    let mask: Vec<f32> = (0..n).map(|i| f32::from(u8::from(labelled(i)))).collect();
    let mask = Tensor::from_slice(&mask);
    let params = TrainParams::new(OptimizerConfig::AdamW(
        AdamConfig::new(0.01).weight_decay(5e-2),
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
