//! Dropout acts in training only. In a process of its own: libtorch has one generator a process, and what draws from
//! it outside of a training would change the trainings of other tests.
#![cfg(feature = "torch")]

use std::error::Error;
use std::sync::{Mutex, PoisonError};

use astern_gnn::layer::{LinearConfig, PatchTransformerConfig, TransformerConfig};
use astern_gnn::ndarray::Array2;
use astern_gnn::torch::tch::{self, Device, Kind, Tensor};
use astern_gnn::torch::{
    ForwardMode, GraphLayer, GraphTensors, Init, PatchTransformer, TrainableNetwork,
};
use astern_gnn::{Graph, NetworkConfig};

type Outcome = Result<(), Box<dyn Error>>;

static GENERATOR: Mutex<()> = Mutex::new(());

#[test]
fn a_network_drops_by_the_seed() -> Outcome {
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let config = NetworkConfig::new()
        .layer(LinearConfig::new(3, 64))
        .layer(LinearConfig::new(64, 4))
        .dropout(0.5);
    let network = TrainableNetwork::new(&config, 1, Kind::Float, Device::Cpu)?;
    let graph = Graph::new(Array2::ones((5, 3)), [])?;
    let graph = GraphTensors::new(&graph, Kind::Float, Device::Cpu)?;
    let run = |mode| network.forward(graph.x(), &graph, mode);
    tch::manual_seed(7);
    let (first, second) = (run(ForwardMode::Train)?, run(ForwardMode::Train)?);
    assert_ne!(first, second);
    tch::manual_seed(7);
    assert_eq!(run(ForwardMode::Train)?, first);
    assert_eq!(run(ForwardMode::Eval)?, run(ForwardMode::Eval)?);
    Ok(())
}

#[test]
fn a_patch_transformer_drops() -> Outcome {
    let _alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    let layer = TransformerConfig::new(8, 2).dropout(0.5);
    let config = PatchTransformerConfig::new(2, 3, 6, layer).layers(2);
    let model = PatchTransformer::new(&config, &mut Init::new(5, Kind::Double, Device::Cpu))?;
    let x = Tensor::f_ones([2, 12, 2], (Kind::Double, Device::Cpu))?;
    let encode = |mode| model.encode(&x, mode);
    let off = |mode| -> Result<f64, Box<dyn Error>> {
        let difference = encode(mode)?.f_subtract(&encode(mode)?)?.f_abs()?;
        Ok(difference.f_max()?.f_double_value(&[])?)
    };
    assert!(off(ForwardMode::Eval)? < 1e-15);
    assert!(off(ForwardMode::Train)? > 1e-3);
    Ok(())
}
