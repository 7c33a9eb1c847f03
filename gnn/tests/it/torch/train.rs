//! Training on libtorch: what a trained model must be able to do, and how it fails.

use std::ops::ControlFlow;

use astern_gnn::ndarray::{Array3, Axis, s};
use astern_gnn::one_class::{CollapsePolicy, Objective, Plateau, StopReason};
use astern_gnn::torch::{CudaStatus, DeviceChoice, DeviceError, cuda_status};
use astern_gnn::{ConfigError, GraphSnapshots, OneClass, OneClassError, OneClassParams};

use crate::support::{FEATURES, NODES, Outcome, edges, healthy, snapshots};

fn params() -> OneClassParams {
    OneClassParams::default()
        .hidden([16])
        .embedding(8)
        .epochs(60)
        .seed(3)
}

fn fit(params: &OneClassParams, data: &GraphSnapshots) -> Result<OneClass, OneClassError> {
    params.fit_with(data, DeviceChoice::Cpu, |_| ControlFlow::Continue(()))
}

#[test]
fn training_reduces_the_loss() -> Outcome {
    let data = snapshots(healthy(60, 1))?;
    for objective in [Objective::Hard, Objective::SoftBoundary] {
        let model = fit(&params().objective(objective), &data)?;
        let report = model.report();
        assert_eq!(
            (report.epochs_run(), report.stop),
            (60, StopReason::LastEpoch)
        );
        // The first loss of the soft boundary is taken with radius 0: not comparable.
        let (early, late) = (report.losses[1], report.losses[59]);
        assert!(late < 0.7 * early, "{objective:?}: {early} to {late}");
        assert!(report.radius < report.control_radius);
        assert_eq!(report.device, "cpu");
        assert!(!report.collapsed);
    }
    Ok(())
}

#[test]
fn the_first_loss_is_that_of_the_untrained_network() -> Outcome {
    let data = snapshots(healthy(60, 1))?;
    let params = params().objective(Objective::Hard).epochs(1);
    let untrained = params.untrained(&data)?.distance(&data)?;
    let expected = untrained.mapv(|d| d * d).mean().ok_or("empty")?;
    let loss = fit(&params, &data)?.report().losses[0];
    assert!(
        (loss - expected).abs() < 1e-5 * expected,
        "{loss}, {expected}"
    );
    // Soft, radius 0: the same over nu.
    let loss = fit(&params.objective(Objective::SoftBoundary).nu(0.5), &data)?
        .report()
        .losses[0];
    assert!(
        (loss - 2.0 * expected).abs() < 1e-5 * loss,
        "{loss}, {expected}"
    );
    Ok(())
}

#[test]
fn a_shifted_node_stands_out() -> Outcome {
    let model = fit(&params().epochs(150), &snapshots(healthy(100, 1))?)?;
    let mut x = healthy(20, 2);
    // A leaf doubles its latency and errors from the tenth snapshot on.
    x.slice_mut(s![10.., 11, ..2]).mapv_inplace(|v| 2.0 * v);
    let score = model.score(&snapshots(x)?)?;
    let sick = score
        .slice(s![10.., 11])
        .fold(f64::INFINITY, |a, &b| a.min(b));
    let before = score
        .slice(s![..10, 11])
        .fold(f64::NEG_INFINITY, |a, &b| a.max(b));
    // Its caller, node 5, receives from it and may be outside as well; all others are not.
    let others = (0..NODES).filter(|n| ![5, 11, 2].contains(n));
    let others = score.select(Axis(1), &others.collect::<Vec<_>>());
    let others = others.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
    assert!(
        sick > 0.0 && sick > 3.0 * before.max(others),
        "{sick} {before} {others}"
    );
    Ok(())
}

#[test]
fn the_same_seed_gives_the_same_bytes() -> Outcome {
    let data = snapshots(healthy(30, 1))?;
    let bytes = |params: &OneClassParams| fit(params, &data).map(|m| m.to_bytes());
    assert_eq!(bytes(&params())??, bytes(&params())??);
    assert_ne!(bytes(&params())??, bytes(&params().seed(4))??);
    Ok(())
}

#[test]
fn saving_changes_no_score() -> Outcome {
    let data = snapshots(healthy(30, 1))?;
    let model = fit(&params(), &data)?;
    let loaded = OneClass::from_bytes(&model.to_bytes()?)?;
    assert_eq!(loaded, model);
    assert_eq!(loaded.score(&data)?, model.score(&data)?);
    assert_eq!(loaded.control_score(&data)?, model.control_score(&data)?);
    assert_ne!(loaded.score(&data)?, model.control_score(&data)?);
    Ok(())
}

#[test]
fn the_control_is_the_untrained_model() -> Outcome {
    let data = snapshots(healthy(30, 1))?;
    let control = params().untrained(&data)?;
    assert_eq!(
        fit(&params(), &data)?.control_score(&data)?,
        control.score(&data)?
    );
    Ok(())
}

#[test]
fn about_nu_of_the_training_rows_are_outside() -> Outcome {
    let data = snapshots(healthy(60, 1))?;
    for nu in [0.05, 0.3] {
        let score = fit(&params().nu(nu), &data)?.score(&data)?;
        let outside = score.iter().filter(|s| **s > 0.0).count() as f64 / score.len() as f64;
        assert!((outside - nu).abs() < 0.01, "{outside} for {nu}");
    }
    Ok(())
}

#[test]
fn rows_without_values_do_not_change_what_is_learnt() -> Outcome {
    // A node without edges and values: everything else is as if it were not there.
    let x = healthy(30, 1);
    let alone = GraphSnapshots::new(x.clone(), edges())?;
    let mut wider = Array3::from_elem((30, NODES + 1, FEATURES), f64::NAN);
    wider.slice_mut(s![.., ..NODES, ..]).assign(&x);
    let beside = GraphSnapshots::new(wider, edges())?;
    let (a, b) = (fit(&params(), &alone)?, fit(&params(), &beside)?);
    assert_eq!(a.center(), b.center());
    let (a, b) = (a.report(), b.report());
    assert_eq!((a.rows, b.rows), (30 * NODES, 30 * NODES));
    let off = (a.losses[59] - b.losses[59]).abs() / a.losses[59];
    assert!(off < 1e-4, "{off}");
    Ok(())
}

#[test]
fn a_collapse_is_an_error_unless_asked_for() -> Outcome {
    // Weight decay halves the weights at every step: the embedding shrinks to the origin.
    let dead = params().learning_rate(1e-3).weight_decay(500.0).epochs(80);
    let data = snapshots(healthy(20, 1))?;
    let Err(OneClassError::Collapsed(found)) = fit(&dead, &data) else {
        panic!("no collapse was seen");
    };
    assert!(found.spread_after < 1e-3 * found.spread_before, "{found}");
    let report = fit(&dead.collapse(CollapsePolicy::Report), &data)?
        .report()
        .clone();
    assert!(report.collapsed);
    assert_eq!(report.embedding, found);
    let constant = snapshots(Array3::from_elem((20, NODES, FEATURES), 1.0))?;
    assert!(matches!(
        fit(&params(), &constant),
        Err(OneClassError::Collapsed(_))
    ));
    Ok(())
}

#[test]
fn divergence_is_an_error_with_its_epoch() -> Outcome {
    let wild = params().learning_rate(1e30);
    let error = fit(&wild, &snapshots(healthy(20, 1))?).unwrap_err();
    assert!(
        matches!(error, OneClassError::Diverged { epoch: 1, .. }),
        "{error:?}"
    );
    let last = fit(
        &wild.learning_rate(1e308).epochs(1),
        &snapshots(healthy(20, 1))?,
    );
    assert!(
        matches!(last, Err(OneClassError::Diverged { epoch: 0, .. })),
        "{last:?}"
    );
    Ok(())
}

#[test]
fn training_stops_on_a_plateau_or_when_asked() -> Outcome {
    let data = snapshots(healthy(20, 1))?;
    let plateau = Plateau {
        patience: 4,
        min_decrease: 0.5,
    };
    let report = fit(&params().plateau(plateau), &data)?.report().clone();
    assert_eq!(report.stop, StopReason::Plateau);
    assert!(report.epochs_run() < 60, "{}", report.epochs_run());

    let mut reported = Vec::new();
    let model = params().fit_with(&data, DeviceChoice::Cpu, |epoch| {
        reported.push(epoch);
        if epoch.index == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    assert_eq!(model.report().stop, StopReason::Caller);
    assert_eq!(
        reported.iter().map(|e| e.loss).collect::<Vec<_>>(),
        model.report().losses
    );
    assert!(reported.iter().all(|e| e.of == 60 && e.radius > 0.0));
    assert_eq!(reported.len(), 3);
    Ok(())
}

#[test]
fn bad_settings_and_empty_data_are_refused_before_training() -> Outcome {
    let error = fit(&params().nu(2.0), &snapshots(healthy(3, 1))?).unwrap_err();
    assert!(matches!(
        error,
        OneClassError::Param(ConfigError::OutOfRange { name: "nu", .. })
    ));
    let nothing = snapshots(Array3::from_elem((3, NODES, FEATURES), f64::NAN))?;
    let error = fit(&params(), &nothing).unwrap_err();
    assert!(matches!(error, OneClassError::NoObservation { .. }));
    Ok(())
}

#[test]
fn the_device_is_what_was_asked_for_or_an_error() {
    assert_eq!(DeviceChoice::Cpu.resolve().unwrap().to_string(), "cpu");
    let auto = DeviceChoice::Auto.resolve().unwrap().to_string();
    let far = DeviceChoice::Cuda(99).resolve().unwrap_err();
    match (cuda_status(), &far) {
        (CudaStatus::Ready { devices: found }, DeviceError::NoSuchDevice { index, devices }) => {
            assert_eq!(auto, "cuda:0");
            assert_eq!((index, devices), (&99, found));
        }
        (found, DeviceError::NoCuda { index: 99, status }) => {
            assert_eq!(status, found);
            assert_eq!(auto, format!("cpu ({found})"));
            assert!(auto.contains("torch_cuda"), "{auto}");
        }
        other => panic!("{other:?}"),
    }
}
