//! Networks on tensors: names, seeds, dropout, and agreement with pure Rust.

use astern_gnn::layer::{
    GatConfig, GatV2Config, GcnConfig, LinearConfig, RecurrentConfig, SageAggregation, SageConfig,
};
use astern_gnn::model::{Activation, LayerConfig, PreparedGraph, Real};
use astern_gnn::ndarray::{Array2, Array3};
use astern_gnn::torch::tch::{Device, Kind, Tensor};
use astern_gnn::torch::{ForwardMode, GraphLayer, GraphTensors, Module, TrainableNetwork};
use astern_gnn::{Checkpoint, ConfigError, Graph, NetworkConfig, SelfLoops, StateDict};
use proptest::prelude::*;

use crate::support::parity::worst;
use crate::support::torch::{tensor, values};
use crate::support::{Outcome, any_graph, noise};

/// Every kind of layer with every switch that changes what is computed; 3 inputs, 4 outputs.
fn layers() -> Vec<LayerConfig> {
    let (gcn, sage) = (GcnConfig::new(3, 4), SageConfig::new(3, 4));
    let gat = || GatConfig::new(3, 2).heads(2);
    let gatv2 = || GatV2Config::new(3, 2).heads(2);
    vec![
        LinearConfig::new(3, 4).into(),
        gcn.clone().into(),
        gcn.clone().loops(SelfLoops::AddDouble).bias(false).into(),
        gcn.loops(SelfLoops::AsGiven).into(),
        sage.clone().into(),
        sage.clone()
            .aggregation(SageAggregation::Max)
            .root_weight(false)
            .into(),
        sage.normalize(true).project(true).bias(false).into(),
        gat().edge_features(1).into(),
        GatConfig::new(3, 4)
            .heads(3)
            .concat(false)
            .negative_slope(0.5)
            .into(),
        gat().loops(SelfLoops::AsGiven).bias(false).into(),
        gatv2().edge_features(1).into(),
        GatV2Config::new(3, 4)
            .heads(3)
            .concat(false)
            .share_weights(true)
            .into(),
        gatv2().loops(SelfLoops::AsGiven).bias(false).into(),
    ]
}

/// `config` with every parameter random, biases too.
fn checkpoint(config: &NetworkConfig, seed: u64) -> Checkpoint {
    let network = TrainableNetwork::new(config, seed, Kind::Double, Device::Cpu).unwrap();
    let (mut noise, mut state) = (noise(seed), StateDict::default());
    for (name, tensor) in network.checkpoint().unwrap().state().iter() {
        let values = tensor.values.iter().map(|_| noise()).collect();
        state.insert(name, &tensor.shape, values);
    }
    Checkpoint::new(config.clone(), state).unwrap()
}

/// Largest difference of the two paths on the same checkpoint, graph and input.
fn apart<F: Real + Into<f64>>(
    checkpoint: &Checkpoint,
    graph: &Graph,
    window: Option<&Array3<f64>>,
    kind: Kind,
) -> f64 {
    let prepared = PreparedGraph::<F>::new(graph);
    let pure = astern_gnn::Network::<F>::new(checkpoint).unwrap();
    let y: Array2<F> = match window {
        Some(x) => pure.forward_window(&x.mapv(F::of), &prepared).unwrap(),
        None => pure.forward(prepared.x(), &prepared).unwrap(),
    };
    let tensors = GraphTensors::new(graph, kind, Device::Cpu).unwrap();
    let network = TrainableNetwork::from_checkpoint(checkpoint, kind, Device::Cpu).unwrap();
    let x = match window {
        Some(x) => tensor(x, kind).unwrap(),
        None => tensors.x().shallow_clone(),
    };
    let expected = network.forward(&x, &tensors, ForwardMode::Eval).unwrap();
    let y: Vec<f64> = y.iter().map(|&v| v.into()).collect();
    worst(&y, values(&expected).unwrap())
}

fn agree(checkpoint: &Checkpoint, graph: &Graph, window: Option<&Array3<f64>>) {
    let layers = &checkpoint.config().layers;
    let off = apart::<f64>(checkpoint, graph, window, Kind::Double);
    assert!(off < 1e-10, "f64 off by {off:e}: {layers:?}");
    let off = apart::<f32>(checkpoint, graph, window, Kind::Float);
    assert!(off < 1e-5, "f32 off by {off:e}: {layers:?}");
}

#[test]
fn names_are_those_that_a_checkpoint_asks_for() -> Outcome {
    for layer in layers() {
        let config = NetworkConfig::new().layer(layer);
        // Refuses what is absent, unknown or of another shape.
        let checkpoint = checkpoint(&config, 3);
        let back = TrainableNetwork::from_checkpoint(&checkpoint, Kind::Double, Device::Cpu)?;
        assert_eq!(
            back.checkpoint()?,
            checkpoint,
            "weights go there and back exactly"
        );
    }
    let config = NetworkConfig::new()
        .layer(RecurrentConfig::new(2, 4))
        .layer(GatV2Config::new(4, 2));
    let network = TrainableNetwork::new(&config, 1, Kind::Float, Device::Cpu)?;
    let names: Vec<_> = network.parameters().into_iter().map(|p| p.0).collect();
    assert_eq!(names[..2], ["0.weight_ih_l0", "0.weight_hh_l0"]);
    assert!(names.contains(&"1.lin_l.weight".to_owned()), "{names:?}");
    let bytes = network.checkpoint()?.to_bytes()?;
    assert_eq!(Checkpoint::from_bytes(&bytes)?, network.checkpoint()?);
    Ok(())
}

#[test]
fn a_seed_gives_the_same_weights_in_both_kinds() -> Outcome {
    let config = NetworkConfig::new()
        .layer(SageConfig::new(3, 8))
        .layer(GcnConfig::new(8, 2));
    let of = |seed, kind| TrainableNetwork::new(&config, seed, kind, Device::Cpu)?.checkpoint();
    assert_eq!(of(1, Kind::Float)?, of(1, Kind::Double)?);
    assert_ne!(of(1, Kind::Float)?, of(2, Kind::Float)?);
    Ok(())
}

#[test]
fn every_parameter_gets_a_gradient() -> Outcome {
    let config = NetworkConfig::new()
        .layer(RecurrentConfig::new(3, 3))
        .layer(GatV2Config::new(3, 4))
        .layer(LinearConfig::new(4, 1))
        .activation(Activation::Tanh);
    let network = TrainableNetwork::new(&config, 1, Kind::Double, Device::Cpu)?;
    let graph = Graph::new(Array2::zeros((3, 3)), [(0, 1), (1, 2), (2, 0)])?;
    let graph = GraphTensors::new(&graph, Kind::Double, Device::Cpu)?;
    let x = Tensor::f_arange(3 * 4 * 3, (Kind::Double, Device::Cpu))?
        .f_sin()?
        .f_reshape([3, 4, 3])?;
    let y = network.forward(&x, &graph, ForwardMode::Train)?;
    y.f_square()?.f_sum(Kind::Double)?.f_backward()?;
    for (name, tensor) in network.parameters() {
        let gradient = values(&tensor.f_grad()?)?;
        assert!(gradient.iter().any(|g| g.abs() > 0.0), "{name}");
    }
    Ok(())
}

#[test]
fn bad_settings_are_named() {
    let error =
        TrainableNetwork::new(&NetworkConfig::new(), 0, Kind::Float, Device::Cpu).unwrap_err();
    let source = error.cause.downcast_ref::<ConfigError>();
    assert_eq!(source, Some(&ConfigError::NoLayer { widths: vec![] }));
}

#[test]
fn a_snapshot_is_no_window() -> Outcome {
    let config = NetworkConfig::new().layer(RecurrentConfig::new(3, 3));
    let network = TrainableNetwork::new(&config, 1, Kind::Float, Device::Cpu)?;
    let graph = Graph::new(Array2::zeros((3, 3)), [])?;
    let graph = GraphTensors::new(&graph, Kind::Float, Device::Cpu)?;
    assert!(
        network
            .forward(graph.x(), &graph, ForwardMode::Eval)
            .is_err()
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_layer_agrees_with_pure_rust(graph in any_graph(0..8), seed in 0..50u64) {
        for layer in layers() {
            agree(&checkpoint(&NetworkConfig::new().layer(layer), seed), &graph, None);
        }
    }

    #[test]
    fn stacks_agree_with_pure_rust(
        graph in any_graph(1..8),
        seed in 0..50u64,
        steps in 1..5usize,
        first in prop::sample::select(layers()),
        activation in prop::sample::select(vec![
            Activation::Identity, Activation::Relu, Activation::Elu, Activation::LeakyRelu,
            Activation::Tanh, Activation::Sigmoid,
        ]),
    ) {
        let config = NetworkConfig::new()
            .layer(RecurrentConfig::new(2, 3).bias(seed % 2 == 0))
            .layer(first)
            .layer(LinearConfig::new(4, 2))
            .activation(activation)
            .dropout(0.5);
        let mut noise = noise(seed);
        let x = Array3::from_shape_simple_fn((graph.n_nodes(), steps, 2), &mut noise);
        agree(&checkpoint(&config, seed), &graph, Some(&x));
    }
}
