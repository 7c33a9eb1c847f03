//! Layers on tensors: parity with `PyTorch` Geometric, forward, attention and gradients, and with
//! pure Rust.

use std::collections::BTreeMap;
use std::error::Error;

use astern_gnn::layer::{GatConfig, GatV2Config};
use astern_gnn::model::{LayerConfig, PreparedGraph};
use astern_gnn::ndarray::{Array2, array};
use astern_gnn::torch::tch::{Device, Kind, Tensor};
use astern_gnn::torch::{
    ForwardMode, GatConv, GatV2Conv, GcnConv, GraphLayer, GraphTensors, Init, SageConv, TorchError,
    TrainableNetwork, load_state,
};
use astern_gnn::{Graph, Network, Propagation, SelfLoops, StateDict};
use serde_json::Value;

use crate::support::parity::{self, numbers, pyg_layers, state, worst};
use crate::support::torch::{assert_parity, tensor, values};
use crate::support::{Outcome, gcn, healthy, pyg, snapshots, untrained};

enum Layer {
    Gcn(GcnConv),
    Sage(SageConv),
    Gat(GatConv),
    GatV2(GatV2Conv),
}

impl Layer {
    fn of(name: &str, init: &mut Init) -> Result<Self, TorchError> {
        Ok(match pyg::layer(name) {
            LayerConfig::Gcn(config) => Self::Gcn(GcnConv::new(&config, init)?),
            LayerConfig::Sage(config) => Self::Sage(SageConv::new(&config, init)?),
            LayerConfig::Gat(config) => Self::Gat(GatConv::new(&config, init)?),
            LayerConfig::GatV2(config) => Self::GatV2(GatV2Conv::new(&config, init)?),
            other => panic!("{other:?} is in no case"),
        })
    }

    fn get(&self) -> &dyn GraphLayer {
        match self {
            Self::Gcn(layer) => layer,
            Self::Sage(layer) => layer,
            Self::Gat(layer) => layer,
            Self::GatV2(layer) => layer,
        }
    }

    fn attention(&self, graph: &GraphTensors) -> Result<Option<Tensor>, TorchError> {
        match self {
            Self::Gat(layer) => layer.attention(graph.x(), graph).map(Some),
            Self::GatV2(layer) => layer.attention(graph.x(), graph).map(Some),
            _ => Ok(None),
        }
    }
}

#[test]
fn forward_attention_and_gradients_equal_pytorch_geometric() -> Outcome {
    let fixture = pyg_layers()?;
    let cases = fixture["cases"].as_object().ok_or("no cases")?;
    assert_eq!(cases.len(), 12);
    for (name, case) in cases {
        for (kind, tolerance) in [(Kind::Double, 1e-10), (Kind::Float, 1e-5)] {
            let graph = pyg::graph(&fixture, name)?;
            let layer = Layer::of(name, &mut Init::new(0, kind, Device::Cpu))?;
            load_state(layer.get(), &state(&case["params"])?)?;
            let tensors = GraphTensors::new(&graph, kind, Device::Cpu)?;
            let y = layer
                .get()
                .forward(tensors.x(), &tensors, ForwardMode::Eval)?;
            assert_parity(name, layer.get(), &y, case, tolerance)?;

            let attention = layer.attention(&tensors)?;
            assert_eq!(attention.is_some(), !case["att"].is_null(), "{name}");
            if let Some(attention) = attention {
                let off = attention_off(&graph, &attention, &case["att"])?;
                assert!(off < tolerance, "{name} {kind:?}: attention off by {off:e}");
            }
        }
    }
    Ok(())
}

/// Attention is compared edge by edge: loops lie elsewhere here than in the fixture.
fn attention_off(graph: &Graph, got: &Tensor, expected: &Value) -> Result<f64, Box<dyn Error>> {
    let [source, target]: [Vec<u32>; 2] = serde_json::from_value(expected["edge_index"].clone())?;
    let (shape, alpha) = numbers(&expected["alpha"])?;
    let rows = alpha.chunks(shape[1]);
    let expected: BTreeMap<_, _> = source.into_iter().zip(target).zip(rows).collect();
    let edges = Propagation::new(graph.edges(), SelfLoops::Replace);
    let pairs: Vec<_> = edges.source().iter().zip(edges.target()).collect();
    assert_eq!((pairs.len(), pairs.len()), (expected.len(), shape[0]));
    let in_order = pairs
        .iter()
        .flat_map(|&(&j, &i)| expected[&(j, i)].to_vec());
    Ok(worst(&values(got)?, in_order))
}

#[test]
fn one_head_or_many_are_the_same_code() -> Outcome {
    let fixture = pyg_layers()?;
    let tensors = GraphTensors::new(&parity::graph(&fixture)?, Kind::Double, Device::Cpu)?;
    let init = &mut Init::new(3, Kind::Double, Device::Cpu);
    let layer = GatV2Conv::new(&GatV2Config::new(3, 4), init)?;
    let y = layer.forward(tensors.x(), &tensors, ForwardMode::Eval)?;
    assert_eq!(y.size(), [6, 4]);
    // Two heads with the weights of one: their mean is the one.
    let twice = GatV2Conv::new(&GatV2Config::new(3, 4).heads(2).concat(false), init)?;
    let mut state = StateDict::default();
    for (name, tensor) in astern_gnn::torch::state_of(&layer)?.iter() {
        let mut shape = tensor.shape.clone();
        let mut values = tensor.values.clone();
        if name != "bias" {
            let axis = usize::from(name == "att");
            shape[axis] *= 2;
            values.extend(tensor.values.clone());
        }
        state.insert(name, &shape, values);
    }
    load_state(&twice, &state)?;
    let off = worst(
        &values(&twice.forward(tensors.x(), &tensors, ForwardMode::Eval)?)?,
        values(&y)?,
    );
    assert!(off < 1e-12, "off by {off:e}");
    Ok(())
}

#[test]
fn a_stack_on_tensors_equals_the_one_in_pure_rust() -> Outcome {
    let data = snapshots(healthy(7, 4))?;
    let structure = data.structure();
    let graph = PreparedGraph::new(&structure);
    let checkpoint = untrained(&[4, 16, 8], 11)?;
    let pure = Network::<f64>::new(&checkpoint)?;
    let by_node = data.x().view().permuted_axes([1, 0, 2]);
    let x: Vec<f64> = by_node.iter().map(|v| v / 50.0).collect();
    for (kind, tolerance) in [(Kind::Double, 1e-12), (Kind::Float, 1e-5)] {
        let on_tensors = TrainableNetwork::from_checkpoint(&checkpoint, kind, Device::Cpu)?;
        assert_eq!(
            on_tensors.checkpoint()?,
            checkpoint,
            "weights go there and back exactly"
        );
        let same = TrainableNetwork::new(checkpoint.config(), 11, kind, Device::Cpu)?;
        assert_eq!(
            same.checkpoint()?,
            checkpoint,
            "a seed means the same weights"
        );
        let x = Tensor::f_from_slice(&x)?
            .f_reshape([12, 7, 4])?
            .f_to_kind(kind)?;
        let tensors = GraphTensors::new(&structure, kind, Device::Cpu)?;
        let z = on_tensors.forward(&x, &tensors, ForwardMode::Eval)?;
        assert_eq!(z.size(), [12, 7, 8]);
        for (t, x) in (0..).zip(data.x().outer_iter()) {
            let expected = pure.forward(&x.mapv(|v| v / 50.0), &graph)?;
            let off = worst(&values(&z.f_select(1, t)?)?, expected);
            assert!(off < tolerance, "snapshot {t} {kind:?}: off by {off:e}");
        }
    }
    Ok(())
}

#[test]
fn what_libtorch_refuses_is_an_error_with_shapes() -> Outcome {
    let graph = Graph::new(Array2::zeros((2, 2)), [(0, 1)])?;
    let checkpoint = gcn(&array![[1.0, 2.0]], None, SelfLoops::Add)?;
    let layer = TrainableNetwork::from_checkpoint(&checkpoint, Kind::Double, Device::Cpu)?;
    let graph = GraphTensors::new(&graph, Kind::Double, Device::Cpu)?;
    let forward = |x: &Array2<f64>, kind| -> Result<_, Box<dyn Error>> {
        let x = tensor(x, kind)?;
        Ok(layer.forward(&x, &graph, ForwardMode::Eval).unwrap_err())
    };
    let nodes = forward(&Array2::zeros((3, 2)), Kind::Double)?;
    assert_eq!(
        nodes.cause.to_string(),
        "the first axis must have 2 entries"
    );
    let features = forward(&Array2::zeros((2, 3)), Kind::Double)?;
    assert_eq!(
        (features.op, features.shapes),
        ("linear", vec![vec![2, 3], vec![1, 2]])
    );
    assert_eq!(forward(&Array2::zeros((2, 2)), Kind::Float)?.op, "linear");
    let scalar = layer
        .forward(
            &Tensor::f_from_slice(&[1.0, 2.0])?,
            &graph,
            ForwardMode::Eval,
        )
        .unwrap_err();
    assert_eq!(
        scalar.to_string(),
        "libtorch refused `aggregate` on shapes [[1]]: the first axis must have 2 entries"
    );
    let undefined = layer
        .forward(&Tensor::new(), &graph, ForwardMode::Eval)
        .unwrap_err();
    let text = undefined.to_string();
    let start = "libtorch refused `linear` on shapes [[], [1, 2]]: ";
    assert!(
        text.starts_with(start) && text.len() > start.len(),
        "{text}"
    );
    Ok(())
}

#[test]
fn huge_attention_is_refused() {
    let huge = GatConfig::new(1, 1 << 40).heads(1 << 40);
    let error = GatConv::new(&huge, &mut Init::new(5, Kind::Float, Device::Cpu)).unwrap_err();
    let message = error.cause.to_string();
    assert!(
        message.ends_with("at most 2^31 weights are allowed"),
        "{message}"
    );
}
