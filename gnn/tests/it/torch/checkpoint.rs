//! Checkpoints: resumed to the last bit, whole or not at all.

use std::cell::RefCell;
use std::ops::ControlFlow;

use astern_gnn::FileError;
use astern_gnn::torch::ForwardMode;
use astern_gnn::torch::state_of;
use astern_gnn::torch::tch::Kind;
use astern_gnn::torch::train::{TrainError, Trainer};
use astern_gnn::train::{EarlyStop, OptimizerConfig, TrainCheckpoint, TrainParams};
use serde_json::json;

use crate::support::Outcome;
use crate::support::training::{Model, Number, cases, sgd, train};

#[test]
fn ten_epochs_saved_and_ten_more_are_twenty() -> Outcome {
    for params in cases() {
        let whole = Model::new(1)?;
        let expected = train(&whole, &params.clone().epochs(20))?;

        let half = Model::new(1)?;
        let mut trainer =
            Trainer::new(&half, &params.clone().epochs(10))?.validate(|_| half.validation());
        trainer.run(|_| half.error(ForwardMode::Train))?;
        let config = json!({"heads": 2});
        let bytes = trainer.checkpoint(config.clone())?.to_bytes()?;

        let mut checkpoint = TrainCheckpoint::from_bytes(&bytes)?;
        assert_eq!(checkpoint.to_bytes()?, bytes);
        assert_eq!((checkpoint.epochs_run(), &checkpoint.config), (10, &config));
        assert_eq!(checkpoint.library, env!("CARGO_PKG_VERSION"));
        checkpoint.params.epochs = 20;
        // Other weights: all must come from the file.
        let fresh = Model::new(2)?;
        let report = Trainer::resume(&fresh, &checkpoint)?
            .validate(|_| fresh.validation())
            .run(|_| fresh.error(ForwardMode::Train))?;
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
        .run(|_| whole.error(ForwardMode::Train))?;
    let checkpoint = saved.into_inner().ok_or("no checkpoint")?;
    let fresh = Model::new(2)?;
    Trainer::resume(&fresh, &checkpoint)?
        .validate(|_| fresh.validation())
        .run(|_| fresh.error(ForwardMode::Train))?;
    assert_eq!(state_of(&fresh)?, state_of(&whole)?);
    Ok(())
}

/// A number that runs past its target: the best epoch lies before the checkpoint.
#[test]
fn the_best_parameters_are_resumed_too() -> Outcome {
    let stop = EarlyStop::after(100).restore_best(true);
    let params = |epochs| sgd(0.1).epochs(epochs).early_stop(stop);
    let run = |number: &Number, mut trainer: Trainer<'_>| -> Result<_, TrainError> {
        trainer.run(|_| Ok(-number.0.sum(Kind::Double)))?;
        Ok((number.value(), trainer.checkpoint(json!(null))?))
    };
    let off = |number: &Number| Ok((number.value() - 0.42).abs());
    let number = Number::new(0.0);
    let trainer = Trainer::new(&number, &params(8))?.validate(|_| off(&number));
    let (value, checkpoint) = run(&number, trainer)?;
    assert!((value - 0.4).abs() < 1e-12, "{value}");
    let mut checkpoint = TrainCheckpoint::from_bytes(&checkpoint.to_bytes()?)?;
    checkpoint.params.epochs = 12;
    let fresh = Number::new(-7.0);
    let trainer = Trainer::resume(&fresh, &checkpoint)?.validate(|_| off(&fresh));
    let (value, checkpoint) = run(&fresh, trainer)?;
    assert!((value - 0.4).abs() < 1e-12, "{value}");
    let last = checkpoint.parameters.get("number").ok_or("no number")?;
    assert!((last.values[0] - 1.2).abs() < 1e-12, "{last:?}");
    Ok(())
}

#[test]
fn a_cut_or_changed_file_never_loads() -> Outcome {
    let model = Model::new(1)?;
    let params = cases().remove(1).epochs(3);
    let mut trainer = Trainer::new(&model, &params)?.validate(|_| model.validation());
    trainer.run(|_| model.error(ForwardMode::Train))?;
    let bytes = trainer.checkpoint(json!({"a": [1, 2]}))?.to_bytes()?;
    for end in (0..bytes.len()).step_by(7) {
        assert!(
            TrainCheckpoint::from_bytes(&bytes[..end]).is_err(),
            "cut at {end}"
        );
    }
    for at in (0..bytes.len()).step_by(3) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(
            TrainCheckpoint::from_bytes(&changed).is_err(),
            "changed at {at}"
        );
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(TrainCheckpoint::from_bytes(&longer).is_err());
    // The description's own word for the shapes is held against the tensors'.
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains("\"shape\":[8,3]"), "{text}");
    let at = text.find("\"shape\":[8,3]").ok_or("no shape")?;
    let mut turned = bytes.clone();
    turned[at + 9..at + 12].copy_from_slice(b"3,8");
    let error = TrainCheckpoint::from_bytes(&turned).unwrap_err();
    assert!(matches!(error, FileError::Tensor { .. }), "{error:?}");
    let other = astern_gnn::StateDict::default().to_safetensors()?;
    let error = TrainCheckpoint::from_bytes(&other).unwrap_err();
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
    assert_eq!(TrainCheckpoint::load(&path)?, checkpoint);
    let again = trainer.checkpoint(json!(2))?;
    again.save(&path)?;
    assert_eq!(TrainCheckpoint::load(&path)?.config, json!(2));
    let names: Vec<_> = std::fs::read_dir(&folder)?.collect();
    assert_eq!(names.len(), 1, "{names:?}");
    let missing = folder.join("no such folder").join("file");
    for result in [
        again.save(&missing),
        TrainCheckpoint::load(&missing).map(drop),
    ] {
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
    trainer.run(|_| model.error(ForwardMode::Train))?;
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
