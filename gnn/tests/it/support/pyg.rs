//! Graph and layers of the cases of `pyg_layers.json`.

use std::error::Error;

use astern_gnn::layer::{GatConfig, GatV2Config, GcnConfig, SageAggregation, SageConfig};
use astern_gnn::model::LayerConfig;
use astern_gnn::ndarray::Array2;
use astern_gnn::{Graph, SelfLoops};
use serde_json::Value;

use super::parity::{self, numbers};

/// Nodes and edges; the fixture's edge weights as weights or as attributes, where the case has
/// them.
pub(crate) fn graph(fixture: &Value, name: &str) -> Result<Graph, Box<dyn Error>> {
    let graph = parity::graph(fixture)?;
    let (_, weights) = numbers(&fixture["edge_weight"])?;
    Ok(match name {
        "gcn_weighted" => graph.with_edge_weight(&weights)?,
        "gatv2_edge" => {
            let column = Array2::from_shape_vec((weights.len(), 1), weights)?;
            graph.with_edge_attr(&column)?
        }
        _ => graph,
    })
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
