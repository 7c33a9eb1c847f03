//! The fixtures made with `PyTorch` Geometric.

use std::error::Error;

use astern_gnn::layer::{GatConfig, GatV2Config, GcnConfig, SageAggregation, SageConfig};
use astern_gnn::ndarray::Array2;
use astern_gnn::{Graph, LayerConfig, SelfLoops, StateDict};
use serde_json::Value;

/// The fixture, any of whose cases is looked up by name.
pub(crate) fn fixture() -> Result<Value, Box<dyn Error>> {
    Ok(serde_json::from_str(include_str!(
        "../fixtures/pyg_layers.json"
    ))?)
}

/// Numbers of an array of any depth, and its shape.
pub(crate) fn numbers(value: &Value) -> Result<(Vec<usize>, Vec<f64>), Box<dyn Error>> {
    let Some(rows) = value.as_array() else {
        return Ok((Vec::new(), vec![value.as_f64().ok_or("no number")?]));
    };
    let (mut shape, mut all) = (vec![rows.len()], Vec::new());
    for (i, row) in rows.iter().enumerate() {
        let (inner, values) = numbers(row)?;
        if i == 0 {
            shape.extend(inner);
        }
        all.extend(values);
    }
    Ok((shape, all))
}

/// Parameters by name, each name after `prefix`.
pub(crate) fn state(value: &Value, prefix: &str) -> Result<StateDict, Box<dyn Error>> {
    let mut state = StateDict::default();
    for (name, value) in value.as_object().ok_or("no parameters")? {
        let (shape, values) = numbers(value)?;
        state.insert(format!("{prefix}{name}"), &shape, values);
    }
    Ok(state)
}

/// Nodes, edges and, as both weights and attributes, the fixture's edge weights.
pub(crate) fn graph(
    fixture: &Value,
    weighted: bool,
    attributed: bool,
) -> Result<Graph, Box<dyn Error>> {
    let (shape, x) = numbers(&fixture["x"])?;
    let x = Array2::from_shape_vec((shape[0], shape[1]), x)?;
    let [source, target]: [Vec<u32>; 2] = serde_json::from_value(fixture["edge_index"].clone())?;
    let (_, weights) = numbers(&fixture["edge_weight"])?;
    let mut graph = Graph::new(x, source.into_iter().zip(target))?;
    if weighted {
        graph = graph.with_edge_weight(&weights)?;
    }
    if attributed {
        let column = Array2::from_shape_vec((weights.len(), 1), weights)?;
        graph = graph.with_edge_attr(&column)?;
    }
    Ok(graph)
}

/// The layer of a case: 3 inputs.
pub(crate) fn layer(name: &str) -> LayerConfig {
    let (gcn, sage) = (GcnConfig::new(3, 4), SageConfig::new(3, 4));
    let gat = GatConfig::new(3, 2).heads(2);
    let gatv2 = GatV2Config::new(3, 2).heads(2);
    match name {
        // `improved=True` does nothing in PyTorch Geometric where there are no edge weights.
        "gcn" | "gcn_weighted" | "gcn_improved" => gcn.into(),
        "gcn_noloop_nobias" => gcn.loops(SelfLoops::AsGiven).bias(false).into(),
        "sage_mean" => sage.into(),
        "sage_max" => sage.aggregation(SageAggregation::Max).into(),
        "sage_norm_project" => sage.normalize(true).project(true).into(),
        "gat_h2_concat" => gat.into(),
        "gat_h2_mean" => gat.concat(false).into(),
        "gatv2_h2_concat" => gatv2.into(),
        "gatv2_share_h2_mean" => gatv2.share_weights(true).concat(false).into(),
        "gatv2_edge" => gatv2.edge_features(1).into(),
        other => panic!("{other}: no layer for this case"),
    }
}
