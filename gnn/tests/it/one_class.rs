//! The one-class model without libtorch: settings, scores, collapse, files.

use std::error::Error;

use approx::assert_relative_eq;
use astern_gnn::ndarray::{Array1, Array3, Axis, s};
use astern_gnn::one_class::{CollapsePolicy, Plateau, StopReason};
use astern_gnn::{
    ConfigError, EncodeError, FileError, GraphSnapshots, OneClass, OneClassError, OneClassParams,
};
use proptest::prelude::*;

use crate::support::{FEATURES, NODES, Outcome, edges, healthy, snapshots};

fn small() -> OneClassParams {
    OneClassParams::default().hidden([6]).embedding(3).seed(5)
}

fn model() -> Result<OneClass, Box<dyn Error>> {
    Ok(small().untrained(&snapshots(healthy(40, 1))?)?)
}

#[test]
fn each_setting_is_checked() -> Outcome {
    let data = snapshots(healthy(3, 0))?;
    let base = small;
    let plateau = |patience, min_decrease| {
        base().plateau(Plateau {
            patience,
            min_decrease,
        })
    };
    let bad = [
        ("hidden", base().hidden([4, 0])),
        ("embedding", base().embedding(0)),
        ("epochs", base().epochs(0)),
        ("nu", base().nu(0.0)),
        ("nu", base().nu(1.01)),
        ("nu", base().nu(f64::NAN)),
        ("learning_rate", base().learning_rate(0.0)),
        ("learning_rate", base().learning_rate(f64::INFINITY)),
        ("weight_decay", base().weight_decay(-1e-9)),
        ("center_eps", base().center_eps(f64::NAN)),
        ("plateau.patience", plateau(0, 0.1)),
        ("plateau.min_decrease", plateau(5, 1.0)),
        ("collapse_ratio", base().collapse_ratio(1.0)),
    ];
    for (setting, params) in bad {
        match params.untrained(&data) {
            Err(OneClassError::Param(ConfigError::OutOfRange { name, .. })) => {
                assert_eq!(name, setting);
            }
            other => panic!("{setting}: {other:?}"),
        }
    }
    let wide = small().hidden([usize::MAX]).untrained(&data);
    assert!(matches!(
        wide,
        Err(OneClassError::Param(ConfigError::TooManyWeights { .. }))
    ));
    Ok(())
}

#[test]
fn score_is_squared_distance_less_squared_radius() -> Outcome {
    let (model, data) = (model()?, snapshots(healthy(40, 1))?);
    let (score, distance) = (model.score(&data)?, model.distance(&data)?);
    let squared = model
        .embed(&data)?
        .map_axis(Axis(2), |z| (&z - model.center()).mapv(|v| v * v).sum());
    for ((score, distance), squared) in score.iter().zip(&distance).zip(&squared) {
        assert_relative_eq!(distance * distance, squared, max_relative = 1e-12);
        assert_relative_eq!(*score, squared - model.radius().powi(2), epsilon = 1e-12);
    }
    let outside = score.iter().filter(|s| **s > 0.0).count() as f64 / score.len() as f64;
    assert!(
        (outside - model.params().nu).abs() < 0.01,
        "{outside} of the rows are outside"
    );
    Ok(())
}

#[test]
fn an_untrained_model_is_its_own_control() -> Outcome {
    let (model, data) = (model()?, snapshots(healthy(10, 2))?);
    assert_eq!(model.score(&data)?, model.control_score(&data)?);
    let report = model.report();
    assert_eq!(
        (report.stop, report.epochs_run()),
        (StopReason::Untrained, 0)
    );
    assert_eq!(report.radius.to_bits(), report.control_radius.to_bits());
    assert_eq!((report.rows, report.missing), (40 * NODES, 0));
    assert!(!report.collapsed);
    Ok(())
}

#[test]
fn the_centre_keeps_off_zero() -> Outcome {
    // Standardised data have mean 0, and so have embeddings of a linear encoder on a graph of
    // loops: every entry of the centre is moved.
    let data = GraphSnapshots::new(healthy(40, 1), [])?;
    let model = OneClassParams::default()
        .hidden([])
        .embedding(8)
        .untrained(&data)?;
    let moved = |c: &f64| (c.abs() - 1e-3).abs() < 1e-15;
    assert!(model.center().iter().all(moved), "{}", model.center());
    Ok(())
}

#[test]
fn a_node_without_values_has_no_score_and_teaches_nothing() -> Outcome {
    let mut x = healthy(40, 1);
    x.slice_mut(s![.., 11, ..]).fill(f64::NAN);
    x[[3, 4, 0]] = f64::NAN;
    let data = snapshots(x)?;
    let model = small().untrained(&data)?;
    assert_eq!(
        (model.report().rows, model.report().missing),
        (40 * 11, 40 * FEATURES + 1)
    );
    let (score, distance) = (model.score(&data)?, model.distance(&data)?);
    for ((t, n), score) in score.indexed_iter() {
        assert_eq!(score.is_nan(), n == 11, "snapshot {t}, node {n}");
        assert_eq!(distance[[t, n]].is_nan(), n == 11);
    }
    let nothing = snapshots(Array3::from_elem((2, NODES, FEATURES), f64::NAN))?;
    let error = small().untrained(&nothing).unwrap_err();
    assert!(matches!(
        error,
        OneClassError::NoObservation {
            snapshots: 2,
            nodes: NODES
        }
    ));
    Ok(())
}

#[test]
fn a_network_that_sees_no_difference_is_refused() -> Outcome {
    let constant = snapshots(Array3::from_elem((9, NODES, FEATURES), 3.0))?;
    let Err(OneClassError::Collapsed(found)) = small().untrained(&constant) else {
        panic!("a constant was learnt");
    };
    assert!(found.spread_after <= 0.0);
    assert!(
        found.to_string().starts_with("spread 0.000e0 before"),
        "{found}"
    );
    let model = small()
        .collapse(CollapsePolicy::Report)
        .untrained(&constant)?;
    assert!(model.report().collapsed);
    Ok(())
}

#[test]
fn only_the_fitted_features_are_scored() -> Outcome {
    let model = model()?;
    let renamed = GraphSnapshots::new(healthy(2, 0), edges())?.with_feature_names([
        "p99_ms",
        "cpu",
        "calls_per_s",
        "error_rate",
    ])?;
    let expected = EncodeError::FeatureName {
        index: 1,
        expected: "error_rate".into(),
        got: "cpu".into(),
    };
    assert_eq!(model.score(&renamed).unwrap_err(), expected);
    assert_eq!(model.control_score(&renamed).unwrap_err(), expected);
    let fewer = GraphSnapshots::new(Array3::zeros((2, NODES, 3)), edges())?;
    let expected = EncodeError::FeatureCount {
        expected: 4,
        got: 3,
    };
    assert_eq!(model.embed(&fewer).unwrap_err(), expected);
    Ok(())
}

#[test]
fn another_graph_can_be_scored() -> Outcome {
    let x = healthy(6, 3).slice(s![.., ..5, ..]).to_owned();
    let model = model()?;
    let names = model.features().to_vec();
    let data = GraphSnapshots::new(x, [(4, 0)])?.with_feature_names(names)?;
    assert_eq!(model.score(&data)?.dim(), (6, 5));
    Ok(())
}

#[test]
fn arrival_order_of_edges_changes_no_bit() -> Outcome {
    let x = healthy(40, 1);
    let forward = GraphSnapshots::new(x.clone(), edges())?;
    let backward = GraphSnapshots::new(x, edges().collect::<Vec<_>>().into_iter().rev())?;
    let (a, b) = (small().untrained(&forward)?, small().untrained(&backward)?);
    assert_eq!(a.to_bytes()?, b.to_bytes()?);
    Ok(())
}

#[test]
fn a_file_gives_back_the_same_model() -> Outcome {
    let mut x = healthy(40, 1);
    x[[3, 4, 0]] = f64::NAN;
    let data = snapshots(x)?;
    let params = small().nu(0.1 + 0.2).plateau(Plateau {
        patience: 3,
        min_decrease: 1.0 / 3.0,
    });
    let model = params.untrained(&data)?;
    let bytes = model.to_bytes()?;
    assert_eq!(bytes, model.to_bytes()?);
    let loaded = OneClass::from_bytes(&bytes)?;
    assert_eq!(loaded, model);
    assert_eq!(loaded.score(&data)?, model.score(&data)?);
    Ok(())
}

#[test]
fn a_cut_or_changed_file_is_an_error() -> Outcome {
    let model = small()
        .hidden([2])
        .embedding(1)
        .untrained(&snapshots(healthy(5, 1))?)?;
    let bytes = model.to_bytes()?;
    for length in 0..bytes.len() {
        let cut = OneClass::from_bytes(&bytes[..length]);
        assert!(
            matches!(cut, Err(FileError::Malformed { .. })),
            "{length} bytes: {cut:?}"
        );
    }
    for i in 0..bytes.len() {
        for flip in [1, 0x80] {
            let mut changed = bytes.clone();
            changed[i] ^= flip;
            if let Ok(read) = OneClass::from_bytes(&changed) {
                assert_eq!(read, model, "byte {i}");
            }
        }
    }
    Ok(())
}

/// A safetensors file with one tensor or none, and a description under our key.
fn file_with(key: &str, description: &str) -> Vec<u8> {
    let header = serde_json::json!({ "__metadata__": { key: description } }).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat()
}

#[test]
fn other_files_are_named_for_what_they_are() {
    let read = |bytes: &[u8]| OneClass::from_bytes(bytes).unwrap_err();
    let key = "astern.one_class";
    let other = read(&file_with("other", "{}"));
    assert!(
        matches!(other, FileError::NotAModel { key: k } if k == key),
        "{other:?}"
    );
    for format in [1, 3] {
        let other = read(&file_with(key, &format!(r#"{{"format": {format}}}"#)));
        let (of, supported) = match other {
            FileError::Version { found, supported } => (found, supported),
            other => panic!("{other:?}"),
        };
        assert_eq!((of, supported), (format, 2));
    }
    let garbled = read(&file_with(key, "format 1"));
    assert!(matches!(garbled, FileError::Header { .. }), "{garbled:?}");
    let empty = read(&file_with(key, r#"{"format": 2}"#));
    assert!(matches!(empty, FileError::Tensor { ref name, .. } if name == "checksum"));
}

#[test]
fn sizes_beyond_the_file_are_no_reason_to_panic() {
    // Nine tensors of almost 2^61 bytes each: the end of the last one overflows.
    let size = (1u64 << 61) - 1;
    let tensor = |i: u64| {
        let offsets = [i.wrapping_mul(size), (i + 1).wrapping_mul(size)];
        let (start, end) = (offsets[0], offsets[1]);
        format!(r#""t{i}": {{"dtype": "U8", "shape": [{size}], "data_offsets": [{start}, {end}]}}"#)
    };
    for n in 1..=9 {
        let tensors: Vec<_> = (0..n).map(tensor).collect();
        let header = format!("{{{}}}", tensors.join(", "));
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
        let error = OneClass::from_bytes(&bytes).unwrap_err();
        assert!(
            matches!(error, FileError::Malformed { .. }),
            "{n}: {error:?}"
        );
    }
}

proptest! {
    #[test]
    fn garbage_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(OneClass::from_bytes(&bytes).is_err());
    }

    #[test]
    fn garbage_behind_a_good_length_is_an_error(text in "[ -~]{0,300}") {
        let bytes = [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
        prop_assert!(OneClass::from_bytes(&bytes).is_err());
    }

    #[test]
    fn no_input_panics(
        values in prop::collection::vec(
            prop_oneof![any::<f64>(), -1e6..1e6f64, Just(0.0), Just(f64::NAN)],
            24,
        ),
    ) {
        let x = Array1::from(values).into_shape_with_order((2, 4, 3))?;
        let data = GraphSnapshots::new(x, [(0, 1), (1, 2)]);
        if let Some(model) = data.ok().and_then(|data| small().untrained(&data).ok()) {
            prop_assert!(model.radius().is_finite());
            prop_assert_eq!(OneClass::from_bytes(&model.to_bytes()?)?, model);
        }
    }
}
