//! Export to ONNX: what the runtime computed is what pure Rust computes; any network has bytes.
//!
//! The files are held against onnxruntime by hand, after each change of the exporter:
//!
//! ```text
//! ASTERN_ONNX=$PWD/target/onnx cargo test -p astern-gnn --features onnx --test it onnx
//! pip install onnxruntime numpy
//! python gnn/tests/it/onnx/check.py target/onnx --fixture gnn/tests/fixtures/onnx.json
//! ```
//!
//! The first writes every case with its expected output, the second runs them and records what it
//! got, which the tests here hold the exporter and the network against.

mod cases;

use std::fs;
use std::path::PathBuf;

use astern_gnn::layer::{GatConfig, GatV2Config, GcnConfig, LinearConfig, SageConfig};
use astern_gnn::model::onnx::{EdgeWeights, OnnxError};
use astern_gnn::model::{LayerConfig, PreparedGraph};
use astern_gnn::ndarray::Array2;
use astern_gnn::{Network, NetworkConfig, SelfLoops};
use cases::{Case, Input, all, checkpoint};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::Outcome;
use crate::support::parity::{numbers, worst};

/// What pure Rust computes in `f64`.
fn expected(case: &Case, input: &Input) -> Array2<f64> {
    let network = Network::<f64>::new(&case.checkpoint).unwrap();
    let graph = PreparedGraph::new(&input.graph(case));
    if case.checkpoint.config().takes_window() {
        network.forward_window(&input.x, &graph).unwrap()
    } else {
        network.forward(graph.x(), &graph).unwrap()
    }
}

fn tensor(shape: &[usize], values: &[f64]) -> Value {
    json!({ "shape": shape, "values": values })
}

fn describe(case: &Case, input: &Input) -> Value {
    let (n, t, f) = input.x.dim();
    let window = case.checkpoint.config().takes_window();
    let shape = if window { vec![n, t, f] } else { vec![n, f] };
    let mut inputs = json!({
        "x": tensor(&shape, &input.x.iter().copied().collect::<Vec<_>>()),
        "edge_index": { "shape": [2, input.edges.len()], "values": input.ends() },
    });
    if case.weights == EdgeWeights::Input {
        inputs["edge_weight"] = tensor(&[input.edges.len()], &input.weight);
    }
    if case.attributes {
        let attributes: Vec<_> = input.attributes.iter().copied().collect();
        inputs["edge_attr"] = tensor(input.attributes.shape(), &attributes);
    }
    let y = expected(case, input);
    let y = tensor(y.shape(), &y.iter().copied().collect::<Vec<_>>());
    json!({ "inputs": inputs, "y": y })
}

/// What `check.py` runs on onnxruntime: written to the folder named by `ASTERN_ONNX`, else to cargo's
/// folder for tests.
#[test]
fn files_for_onnxruntime_are_written() -> Outcome {
    let folder = std::env::var_os("ASTERN_ONNX").map_or_else(
        || PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("onnx"),
        PathBuf::from,
    );
    fs::create_dir_all(&folder)?;
    for case in all() {
        let bytes = case.checkpoint.to_onnx(case.weights)?;
        let runs: Vec<_> = (0..12)
            .map(|seed| describe(&case, &Input::random(&case, seed)))
            .collect();
        let about = json!({
            "crc": crc32fast::hash(&bytes),
            "recorded": case.recorded,
            "runs": runs,
        });
        fs::write(folder.join(format!("{}.onnx", case.name)), bytes)?;
        fs::write(
            folder.join(format!("{}.json", case.name)),
            about.to_string(),
        )?;
        let written = fs::metadata(folder.join(format!("{}.onnx", case.name)))?;
        assert!(written.len() > 100, "{} is empty", case.name);
    }
    Ok(())
}

/// Fails when the exporter changes, until `check.py` has run the new files; and when the network
/// does.
#[test]
fn onnxruntime_computed_what_pure_rust_computes() -> Outcome {
    let fixture: Value = serde_json::from_str(include_str!("../../fixtures/onnx.json"))?;
    let recorded = fixture["cases"].as_object().ok_or("no cases")?;
    let cases: Vec<_> = all().into_iter().filter(|case| case.recorded).collect();
    assert_eq!((recorded.len(), cases.len()), (8, 8));
    for case in cases {
        let record = &recorded[&case.name];
        let bytes = case.checkpoint.to_onnx(case.weights)?;
        let crc = u64::from(crc32fast::hash(&bytes));
        assert_eq!(record["crc"].as_u64(), Some(crc), "{}", case.name);
        let runs = record["runs"].as_array().ok_or("no runs")?;
        assert_eq!(runs.len(), 2);
        for run in runs {
            let input = Input::read(&run["inputs"])?;
            let (_, y) = numbers(&run["y"]["values"])?;
            let off = worst(expected(&case, &input).as_slice().ok_or("order")?, y);
            assert!(off < 1e-5, "{}: off by {off:e}", case.name);
        }
    }
    Ok(())
}

#[test]
fn equal_checkpoints_give_equal_bytes() -> Outcome {
    for (case, again) in all().into_iter().zip(all()) {
        let bytes = case.checkpoint.to_onnx(case.weights)?;
        assert_eq!(
            bytes,
            again.checkpoint.to_onnx(again.weights)?,
            "{}",
            case.name
        );
    }
    Ok(())
}

#[test]
fn what_cannot_be_exported_is_named() {
    let of = |config: NetworkConfig, scale| checkpoint(&config, 1, scale);
    let dense = NetworkConfig::new()
        .layer(LinearConfig::new(2, 2))
        .layer(LinearConfig::new(2, 1));
    assert_eq!(
        of(dense.clone(), 1.0).to_onnx(EdgeWeights::Input),
        Err(OnnxError::UnusedEdgeWeights)
    );
    let large = of(dense, 1e300).to_onnx(EdgeWeights::One).unwrap_err();
    assert!(
        matches!(large, OnnxError::Range { layer: 0, ref name, .. } if name == "0.weight"),
        "{large:?}"
    );
    let steep = GatV2Config::new(2, 2).negative_slope(-1e39);
    let steep = NetworkConfig::new()
        .layer(GcnConfig::new(2, 2))
        .layer(steep);
    let steep = of(steep, 1.0).to_onnx(EdgeWeights::Input).unwrap_err();
    let (layer, name, value) = (1, "negative_slope".to_owned(), -1e39);
    assert_eq!(steep, OnnxError::Range { layer, name, value });
    let mixed = NetworkConfig::new()
        .layer(GatConfig::new(2, 2).edge_features(3))
        .layer(SageConfig::new(2, 2))
        .layer(GatV2Config::new(2, 2).edge_features(1));
    let (layer, expected, got) = (2, 3, 1);
    assert_eq!(
        of(mixed, 1.0).to_onnx(EdgeWeights::One),
        Err(OnnxError::EdgeFeatureCount {
            layer,
            expected,
            got
        })
    );
}

prop_compose! {
    fn any_layer()(
        kind in 0..5u8, inputs in 1..4usize, outputs in 1..4usize, heads in 1..3usize,
        edge_features in 0..3usize, flags in any::<[bool; 4]>(),
        loops in prop::sample::select(vec![SelfLoops::AsGiven, SelfLoops::Add, SelfLoops::AddDouble, SelfLoops::Replace]),
        slope in any::<f64>().prop_filter("finite", |s| s.is_finite()),
    ) -> LayerConfig {
        let [a, b, c, d] = flags;
        match kind {
            0 => LinearConfig::new(inputs, outputs).bias(a).into(),
            1 => GcnConfig::new(inputs, outputs).bias(a).loops(loops).into(),
            2 => SageConfig::new(inputs, outputs).bias(a).project(b).normalize(c).root_weight(d).into(),
            3 => GatConfig::new(inputs, outputs).heads(heads).concat(a).bias(b).loops(loops)
                .edge_features(edge_features).negative_slope(slope).into(),
            _ => GatV2Config::new(inputs, outputs).heads(heads).concat(a).bias(b).loops(loops)
                .share_weights(c).edge_features(edge_features).negative_slope(slope).into(),
        }
    }
}

proptest! {
    #[test]
    fn any_checkpoint_has_bytes_or_an_error(
        layers in prop::collection::vec(any_layer(), 1..3), weighted: bool, exponent in -320..309i32, seed: u64,
    ) {
        let config = layers.into_iter().fold(NetworkConfig::new(), NetworkConfig::layer);
        prop_assume!(config.check().is_ok());
        let weights = if weighted { EdgeWeights::Input } else { EdgeWeights::One };
        let exported = checkpoint(&config, seed, 10f64.powi(exponent)).to_onnx(weights);
        prop_assert_eq!(exported.is_ok_and(|bytes| bytes.is_empty()), false);
    }
}
