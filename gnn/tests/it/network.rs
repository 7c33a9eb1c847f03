//! Networks as data and in pure Rust: parity with `PyTorch` Geometric, settings, shapes, files.

use std::error::Error;

use astern_gnn::layer::{
    GatConfig, GatV2Config, GcnConfig, LinearConfig, RecurrentConfig, SageAggregation, SageConfig,
};
use astern_gnn::model::{Activation, LayerConfig, PreparedGraph, Real};
use astern_gnn::ndarray::{Array2, Array3, array};
use astern_gnn::{
    Checkpoint, ConfigError, EncodeError, FileError, Graph, Network, NetworkConfig, SelfLoops,
    StateDict,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::parity::{self, numbers, pyg_layers, worst};
use crate::support::{Outcome, any_graph, noise, pyg};

fn wide<F: Real + Into<f64>>(y: &Array2<F>) -> Vec<f64> {
    y.iter().map(|&v| v.into()).collect()
}

fn narrow<F: Real>(x: &Array3<f64>) -> Array3<F> {
    x.mapv(F::of)
}

/// A network of the one layer of a case.
fn of_case(name: &str, case: &Value) -> Result<Checkpoint, Box<dyn Error>> {
    let mut state = StateDict::default();
    for (parameter, tensor) in parity::state(&case["params"])?.iter() {
        state.insert(
            format!("0.{parameter}"),
            &tensor.shape,
            tensor.values.clone(),
        );
    }
    Ok(Checkpoint::new(
        NetworkConfig::new().layer(pyg::layer(name)),
        state,
    )?)
}

fn run<F: Real>(checkpoint: &Checkpoint, graph: &Graph) -> Array2<F> {
    let graph = PreparedGraph::new(graph);
    let network = Network::<F>::new(checkpoint).unwrap();
    let y = network.forward(graph.x(), &graph).unwrap();
    // What was prepared the first time serves the second.
    assert!(network.forward(graph.x(), &graph).unwrap() == y);
    y
}

#[test]
fn every_layer_equals_pytorch_geometric() -> Outcome {
    let fixture = pyg_layers()?;
    let cases = fixture["cases"].as_object().ok_or("no cases")?;
    assert_eq!(cases.len(), 12);
    for (name, case) in cases {
        let (checkpoint, graph) = (of_case(name, case)?, pyg::graph(&fixture, name)?);
        let (_, expected) = numbers(&case["y"])?;
        let off = worst(&wide(&run::<f64>(&checkpoint, &graph)), expected.clone());
        assert!(off < 1e-10, "{name} f64: off by {off:e}");
        let off = worst(&wide(&run::<f32>(&checkpoint, &graph)), expected);
        assert!(off < 1e-5, "{name} f32: off by {off:e}");
    }
    Ok(())
}

/// Weights for any settings, in [-1, 1).
fn weights(shapes: &[(&str, &[usize])]) -> StateDict {
    let (mut noise, mut state) = (noise(4), StateDict::default());
    for (name, shape) in shapes {
        let values = (0..shape.iter().product()).map(|_| noise()).collect();
        state.insert(*name, shape, values);
    }
    state
}

/// A window, then the graph: every kind of step that a network has.
fn temporal() -> (NetworkConfig, StateDict) {
    let config = NetworkConfig::new()
        .layer(RecurrentConfig::new(2, 3))
        .layer(GatConfig::new(3, 2).heads(2).edge_features(1))
        .layer(LinearConfig::new(4, 1))
        .activation(Activation::Tanh);
    let state = weights(&[
        ("0.weight_ih_l0", &[9, 2]),
        ("0.weight_hh_l0", &[9, 3]),
        ("0.bias_ih_l0", &[9]),
        ("0.bias_hh_l0", &[9]),
        ("1.lin.weight", &[4, 3]),
        ("1.att_src", &[1, 2, 2]),
        ("1.att_dst", &[1, 2, 2]),
        ("1.lin_edge.weight", &[4, 1]),
        ("1.att_edge", &[1, 2, 2]),
        ("1.bias", &[4]),
        ("2.weight", &[1, 4]),
        ("2.bias", &[1]),
    ]);
    (config, state)
}

fn graph() -> Graph {
    let graph = Graph::new(Array2::zeros((3, 2)), [(0, 1), (2, 1)]).unwrap();
    graph.with_edge_attr(&array![[1.0], [-2.0]]).unwrap()
}

#[test]
fn a_window_goes_through_time_first() -> Outcome {
    let (config, state) = temporal();
    let network = Network::<f64>::new(&Checkpoint::new(config, state)?)?;
    let graph = PreparedGraph::new(&graph());
    let mut noise = noise(1);
    let mut x = Array3::from_shape_simple_fn((3, 5, 2), &mut noise);
    let before = network.forward_window(&x, &graph)?;
    assert_eq!(before.dim(), (3, 1));
    // Node 0 receives from no other; node 1 receives from node 2.
    x[[2, 0, 0]] += 1.0;
    let after = network.forward_window(&x, &graph)?;
    assert!((before[[0, 0]] - after[[0, 0]]).abs() <= 0.0);
    assert!((before[[1, 0]] - after[[1, 0]]).abs() > 1e-9);
    Ok(())
}

/// No processor, library or width of vectors may change a bit of a score.
#[test]
fn results_are_pinned() -> Outcome {
    let (config, state) = temporal();
    let mut noise = noise(2);
    let x = Array3::from_shape_simple_fn((3, 5, 2), &mut noise);
    let activations = [
        Activation::Relu,
        Activation::Elu,
        Activation::Tanh,
        Activation::Sigmoid,
    ];
    let (mut single, mut double) = (0u64, 0u64);
    for activation in activations {
        let checkpoint = Checkpoint::new(config.clone().activation(activation), state.clone())?;
        let (network, prepared) = (Network::new(&checkpoint)?, PreparedGraph::new(&graph()));
        for v in network.forward_window(&narrow::<f32>(&x), &prepared)? {
            single = single.rotate_left(5) ^ u64::from(v.to_bits());
        }
        let (network, prepared) = (Network::new(&checkpoint)?, PreparedGraph::new(&graph()));
        for v in network.forward_window(&x, &prepared)? {
            double = double.rotate_left(5) ^ f64::to_bits(v);
        }
    }
    assert_eq!((single, double), PINNED);
    Ok(())
}

/// Folded bits of the scores above, in `f32` and `f64`.
const PINNED: (u64, u64) = (14_095_460_627_908_940_671, 17_368_195_367_841_480_925);

#[test]
fn inputs_are_checked() -> Outcome {
    let (config, state) = temporal();
    let network = Network::<f32>::new(&Checkpoint::new(config, state)?)?;
    let prepared = PreparedGraph::new(&graph());
    let window = |n, t, f| network.forward_window(&Array3::zeros((n, t, f)), &prepared);
    let features = EncodeError::FeatureCount {
        expected: 2,
        got: 3,
    };
    assert_eq!(window(3, 5, 3), Err(features));
    let nodes = EncodeError::NodeCount {
        expected: 3,
        got: 4,
    };
    assert_eq!(window(4, 5, 2), Err(nodes));
    assert_eq!(window(3, 0, 2), Err(EncodeError::EmptyWindow));
    let snapshot = network.forward(prepared.x(), &prepared);
    let axes = |expected, got| EncodeError::InputAxes { expected, got };
    assert_eq!(snapshot, Err(axes(3, 2)));
    let plain = PreparedGraph::new(&Graph::new(Array2::zeros((3, 2)), [])?);
    let attributes = EncodeError::EdgeFeatureCount {
        expected: 1,
        got: 0,
    };
    assert_eq!(
        network.forward_window(&Array3::zeros((3, 5, 2)), &plain),
        Err(attributes)
    );

    let config = NetworkConfig::new().layer(LinearConfig::new(2, 1).bias(false));
    let checkpoint = Checkpoint::new(config, weights(&[("0.weight", &[1, 2])]))?;
    let network = Network::<f32>::new(&checkpoint)?;
    let window = network.forward_window(&Array3::zeros((3, 5, 2)), &prepared);
    assert_eq!(window, Err(axes(2, 3)));
    Ok(())
}

#[test]
fn every_activation_is_torchs() -> Outcome {
    // Two dense layers with weight 1: what comes out is the activation. Values of torch 2.11.
    let x = [-2.0, -0.5, 0.0, 0.5, 2.0];
    let cases = [
        (Activation::Identity, x),
        (Activation::Relu, [0.0, 0.0, 0.0, 0.5, 2.0]),
        (
            Activation::Elu,
            [
                -0.864_664_716_763_387_3,
                -0.393_469_340_287_366_6,
                0.0,
                0.5,
                2.0,
            ],
        ),
        (Activation::LeakyRelu, [-0.02, -0.005, 0.0, 0.5, 2.0]),
        (
            Activation::Tanh,
            [
                -0.964_027_580_075_816_9,
                -0.462_117_157_260_009_8,
                0.0,
                0.462_117_157_260_009_8,
                0.964_027_580_075_816_9,
            ],
        ),
        (
            Activation::Sigmoid,
            [
                0.119_202_922_022_117_57,
                0.377_540_668_798_145_4,
                0.5,
                0.622_459_331_201_854_6,
                0.880_797_077_977_882_3,
            ],
        ),
    ];
    let graph = Graph::new(Array2::from_shape_vec((5, 1), x.to_vec())?, [])?;
    for (activation, expected) in cases {
        let dense = || LinearConfig::new(1, 1).bias(false);
        let config = NetworkConfig::new()
            .layer(dense())
            .layer(dense())
            .activation(activation);
        let mut state = StateDict::default();
        state.insert("0.weight", &[1, 1], vec![1.0]);
        state.insert("1.weight", &[1, 1], vec![1.0]);
        let off = worst(
            &wide(&run::<f64>(&Checkpoint::new(config, state)?, &graph)),
            expected,
        );
        assert!(off < 1e-15, "{activation:?}: off by {off:e}");
    }
    Ok(())
}

#[test]
fn settings_are_checked() {
    let check = |layers: Vec<LayerConfig>| {
        let config = layers
            .into_iter()
            .fold(NetworkConfig::new(), NetworkConfig::layer);
        config.check().unwrap_err()
    };
    assert_eq!(check(vec![]), ConfigError::NoLayer { widths: vec![] });
    let chain = vec![
        GatConfig::new(4, 8).heads(2).into(),
        GcnConfig::new(8, 2).into(),
    ];
    let expected = ConfigError::LayerChain {
        layer: 1,
        expected: 16,
        got: 8,
    };
    assert_eq!(check(chain), expected);
    let late = vec![
        GcnConfig::new(4, 8).into(),
        RecurrentConfig::new(8, 2).into(),
    ];
    assert!(matches!(
        check(late),
        ConfigError::OutOfRange {
            name: "position of the GRU",
            value: 1.0,
            ..
        }
    ));
    let wide = vec![LinearConfig::new(1 << 13, 1 << 13).into()];
    let expected = ConfigError::TooManyWeights {
        widths: vec![1 << 13; 2],
        limit: 1 << 26,
    };
    assert_eq!(check(wide), expected);
    let beyond = vec![
        GatV2Config::new(usize::MAX, usize::MAX)
            .heads(usize::MAX)
            .into(),
    ];
    assert!(matches!(check(beyond), ConfigError::TooManyWeights { .. }));
    let zeros: [LayerConfig; 6] = [
        RecurrentConfig::new(1, 0).into(),
        LinearConfig::new(0, 1).into(),
        GcnConfig::new(1, 0).into(),
        SageConfig::new(0, 1).into(),
        GatConfig::new(1, 1).heads(0).into(),
        GatV2Config::new(1, 1).negative_slope(f64::NAN).into(),
    ];
    for layer in zeros {
        assert!(matches!(check(vec![layer]), ConfigError::OutOfRange { .. }));
    }
    let dropout = NetworkConfig::new()
        .layer(GcnConfig::new(1, 1))
        .dropout(1.0);
    assert!(matches!(
        dropout.check(),
        Err(ConfigError::OutOfRange {
            name: "dropout",
            ..
        })
    ));
}

#[test]
fn settings_are_json_that_people_can_read() -> Outcome {
    let config = NetworkConfig::new()
        .layer(RecurrentConfig::new(4, 8))
        .layer(GatV2Config::new(8, 4).negative_slope(0.1 + 0.2))
        .layer(SageConfig::new(4, 2).aggregation(SageAggregation::Max))
        .activation(Activation::Elu)
        .dropout(0.1);
    let json = serde_json::to_value(&config)?;
    let types: Vec<_> = json["layers"]
        .as_array()
        .ok_or("no layers")?
        .iter()
        .map(|l| &l["type"])
        .collect();
    assert_eq!(types, ["gru", "gatv2", "sage"]);
    assert_eq!(
        (&json["activation"], &json["layers"][2]["aggregation"]),
        (&"elu".into(), &"max".into())
    );
    assert_eq!(
        serde_json::from_str::<NetworkConfig>(&json.to_string())?,
        config
    );
    Ok(())
}

#[test]
fn weights_are_held_against_the_settings() {
    let config = || NetworkConfig::new().layer(LinearConfig::new(2, 1));
    let good = || weights(&[("0.weight", &[1, 2]), ("0.bias", &[1])]);
    assert!(Checkpoint::new(config(), good()).is_ok());
    let name = || "0.bias".to_owned();
    let absent = Checkpoint::new(config(), weights(&[("0.weight", &[1, 2])]));
    let expected = vec![1];
    assert_eq!(
        absent,
        Err(ConfigError::Tensor {
            name: name(),
            expected,
            got: None
        })
    );
    let long = Checkpoint::new(
        config(),
        weights(&[("0.weight", &[1, 2]), ("0.bias", &[2])]),
    );
    let (expected, got) = (vec![1], Some(vec![2]));
    assert_eq!(
        long,
        Err(ConfigError::Tensor {
            name: name(),
            expected,
            got
        })
    );
    let mut short = good();
    short.insert("0.bias", &[1], vec![]);
    let (expected, got) = (vec![1], Some(vec![1]));
    let short = Checkpoint::new(config(), short);
    assert_eq!(
        short,
        Err(ConfigError::Tensor {
            name: name(),
            expected,
            got
        })
    );
    let mut more = good();
    more.insert("0.gain", &[1], vec![1.0]);
    let name = "0.gain".to_owned();
    assert_eq!(
        Checkpoint::new(config(), more),
        Err(ConfigError::UnknownTensor { name })
    );
    let mut missing = good();
    missing.insert("0.bias", &[1], vec![f64::NAN]);
    let missing = Checkpoint::new(config(), missing);
    assert!(matches!(missing, Err(ConfigError::NonFiniteWeight { .. })));
    let mut large = good();
    large.insert("0.bias", &[1], vec![1e300]);
    let large = Checkpoint::new(config(), large).unwrap();
    assert!(Network::<f64>::new(&large).is_ok());
    let error = Network::<f32>::new(&large).unwrap_err();
    assert_eq!(error, ConfigError::NonFiniteWeight { value: 1e300 });
}

fn checkpoint() -> Checkpoint {
    let (config, state) = temporal();
    Checkpoint::new(config.dropout(0.1 + 0.2), state).unwrap()
}

#[test]
fn a_file_gives_back_the_same_network() -> Outcome {
    let bytes = checkpoint().to_bytes()?;
    assert_eq!(bytes, checkpoint().to_bytes()?);
    assert_eq!(Checkpoint::from_bytes(&bytes)?, checkpoint());
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("astern.network") && text.contains(env!("CARGO_PKG_VERSION")));
    Ok(())
}

#[test]
fn a_cut_or_changed_file_is_an_error() -> Outcome {
    let bytes = checkpoint().to_bytes()?;
    for length in 0..bytes.len() {
        let cut = Checkpoint::from_bytes(&bytes[..length]);
        assert!(
            matches!(cut, Err(FileError::Malformed { .. })),
            "{length}: {cut:?}"
        );
    }
    for i in 0..bytes.len() {
        for flip in [1, 0x80] {
            let mut changed = bytes.clone();
            changed[i] ^= flip;
            // A change that leaves the content alone (a space in the header) is none.
            if let Ok(read) = Checkpoint::from_bytes(&changed) {
                assert_eq!(read, checkpoint(), "byte {i}");
            }
        }
    }
    Ok(())
}

#[test]
fn other_files_are_named_for_what_they_are() -> Outcome {
    let other = weights(&[("0.weight", &[1])]).to_safetensors()?;
    let error = Checkpoint::from_bytes(&other).unwrap_err();
    assert!(
        matches!(
            error,
            FileError::NotAModel {
                key: "astern.network"
            }
        ),
        "{error:?}"
    );
    let file = |description: &str| {
        let header = serde_json::json!({ "__metadata__": { "astern.network": description } });
        let header = header.to_string();
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
        Checkpoint::from_bytes(&bytes).unwrap_err()
    };
    let later = file(r#"{"format": 2}"#);
    assert!(
        matches!(
            later,
            FileError::Version {
                found: 2,
                supported: 1
            }
        ),
        "{later:?}"
    );
    assert!(matches!(file("{"), FileError::Header { .. }));
    let empty = file(r#"{"format": 1}"#);
    assert!(matches!(empty, FileError::Tensor { ref name, .. } if name == "checksum"));
    Ok(())
}

proptest! {
    #[test]
    fn any_graph_has_an_output_in_both_kinds(graph in any_graph(0..8)) {
        let fixture = pyg_layers().unwrap();
        for (name, case) in fixture["cases"].as_object().unwrap() {
            let checkpoint = of_case(name, case).unwrap();
            let (single, double) = (run::<f32>(&checkpoint, &graph), run::<f64>(&checkpoint, &graph));
            prop_assert_eq!(double.dim(), (graph.n_nodes(), checkpoint.config().outputs()));
            let off = worst(&wide(&single), wide(&double));
            prop_assert!(off < 1e-4, "{}: off by {:e}", name, off);
        }
    }

    #[test]
    fn garbage_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Checkpoint::from_bytes(&bytes).is_err());
    }

    #[test]
    fn any_change_of_several_bits_is_found(flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8u8), 1..20)) {
        let mut bytes = checkpoint().to_bytes()?;
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if let Ok(read) = Checkpoint::from_bytes(&bytes) {
            prop_assert_eq!(read, checkpoint());
        }
    }

    #[test]
    fn any_settings_in_a_file_are_refused_or_fit(
        inputs in prop_oneof![0..4usize, Just(usize::MAX), Just(1 << 40)],
        outputs in prop_oneof![0..4usize, Just(usize::MAX), Just(1 << 40)],
        heads in prop_oneof![0..3usize, Just(usize::MAX)],
    ) {
        let config = NetworkConfig::new().layer(GatV2Config::new(inputs, outputs).heads(heads)
            .loops(SelfLoops::AsGiven));
        let _ = Checkpoint::new(config, StateDict::default()).unwrap_err();
    }
}

#[test]
fn shapes_whose_product_overflows_are_refused() {
    for shape in [&[usize::MAX, 2][..], &[1 << 63, 2], &[1 << 61]] {
        let mut state = StateDict::default();
        state.insert("w", shape, vec![]);
        let refused = matches!(state.to_safetensors(), Err(FileError::Malformed { .. }));
        assert!(refused, "{shape:?}");
    }
}
