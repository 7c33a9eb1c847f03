//! What the bytes hold.

use super::*;
use crate::graph::SelfLoops;
use crate::layer::{GatConfig, GcnConfig, RecurrentConfig};
use crate::state::StateDict;

fn exported(config: NetworkConfig, weights: EdgeWeights) -> ModelProto {
    let mut state = StateDict::default();
    for (name, shape) in config.parameters() {
        let values = (1..=shape.iter().product::<usize>()).map(|v| v as f64);
        state.insert(name, &shape, values.collect());
    }
    let checkpoint = Checkpoint::new(config, state).unwrap();
    ModelProto::decode(checkpoint.to_onnx(weights).unwrap().as_slice()).unwrap()
}

fn temporal() -> ModelProto {
    let config = NetworkConfig::new()
        .layer(RecurrentConfig::new(1, 2))
        .layer(GatConfig::new(2, 3).heads(2).edge_features(4))
        .layer(GcnConfig::new(6, 5));
    exported(config, EdgeWeights::Input)
}

/// Names, types and shapes as `x: 1 [N, 3]`.
fn signature(values: &[ValueInfoProto]) -> Vec<String> {
    let one = |value: &ValueInfoProto| {
        let of = value.of.as_ref()?.tensor_type.as_ref()?;
        let axes = of.shape.as_ref()?.dim.iter().map(|dim| match &dim.value {
            Some(Dimension::Fixed(n)) => n.to_string(),
            Some(Dimension::Named(name)) => name.clone(),
            None => "?".to_owned(),
        });
        let axes: Vec<_> = axes.collect();
        Some(format!(
            "{}: {} [{}]",
            value.name,
            of.elem_type,
            axes.join(", ")
        ))
    };
    values.iter().map(|value| one(value).unwrap()).collect()
}

#[test]
fn versions_inputs_and_output_are_declared() {
    let model = temporal();
    assert_eq!(model.ir_version, Some(8));
    assert_eq!(model.opset_import.len(), 1);
    assert_eq!(model.opset_import[0].version, Some(18));
    let graph = model.graph.unwrap();
    assert_eq!(
        signature(&graph.input),
        [
            "x: 1 [N, T, 1]",
            "edge_index: 7 [2, E]",
            "edge_weight: 1 [E]",
            "edge_attr: 1 [E, 4]"
        ]
    );
    assert_eq!(signature(&graph.output), ["y: 1 [N, 5]"]);
    let plain = exported(
        NetworkConfig::new().layer(GcnConfig::new(3, 1)),
        EdgeWeights::One,
    );
    let graph = plain.graph.unwrap();
    assert_eq!(
        signature(&graph.input),
        ["x: 1 [N, 3]", "edge_index: 7 [2, E]"]
    );
}

/// ONNX wants every value made once, and before it is used.
#[test]
fn every_value_is_made_before_it_is_used() {
    let graph = temporal().graph.unwrap();
    let inputs = graph.input.iter().map(|value| value.name.clone());
    let weights = graph.initializer.iter().map(|tensor| tensor.name.clone());
    let mut known: Vec<String> = inputs.chain(weights).collect();
    for node in &graph.node {
        for input in node.input.iter().filter(|name| !name.is_empty()) {
            assert!(known.contains(input), "{input} of {}", node.op_type);
        }
        for output in node.output.iter().filter(|name| !name.is_empty()) {
            assert!(!known.contains(output), "{output} is made twice");
            known.push(output.clone());
        }
    }
    assert!(known.contains(&Y.to_owned()));
    for tensor in &graph.initializer {
        let size: i64 = tensor.dims.iter().product();
        let width = if tensor.data_type == FLOAT { 4 } else { 8 };
        let length = tensor.raw_data.as_ref().unwrap().len();
        assert_eq!(length, usize::try_from(size).unwrap() * width);
    }
}

#[test]
fn gates_are_in_the_order_of_onnx() {
    let graph = temporal().graph.unwrap();
    let gru = graph
        .node
        .iter()
        .find(|node| node.op_type == "GRU")
        .unwrap();
    let attributes: Vec<_> = gru.attribute.iter().map(|a| (&*a.name, a.i)).collect();
    assert_eq!(
        attributes,
        [("hidden_size", Some(2)), ("linear_before_reset", Some(1))]
    );
    let weight = graph.initializer.iter().find(|t| t.name == gru.input[1]);
    let weight = weight.unwrap();
    assert_eq!(weight.dims, [1, 6, 1]);
    let (words, _) = weight.raw_data.as_ref().unwrap().as_chunks();
    let values: Vec<_> = words.iter().map(|&w| f32::from_le_bytes(w)).collect();
    let expected = [3.0, 4.0, 1.0, 2.0, 5.0, 6.0];
    assert!(
        values
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 1e-6)
    );
}

#[test]
fn layers_share_what_they_have_in_common() {
    let gcn = || GcnConfig::new(2, 2).loops(SelfLoops::Add);
    let count = |config: NetworkConfig| {
        let graph = exported(config, EdgeWeights::One).graph.unwrap();
        let roots = graph.node.iter().filter(|node| node.op_type == "Sqrt");
        roots.count()
    };
    assert_eq!(count(NetworkConfig::new().layer(gcn()).layer(gcn())), 1);
    let other = gcn().loops(SelfLoops::AsGiven);
    assert_eq!(count(NetworkConfig::new().layer(gcn()).layer(other)), 2);
}
