//! Networks as ONNX files (feature `onnx`).
//!
//! [`Checkpoint::to_onnx`] writes a network in the open format that inference servers load, so that
//! it is served where neither this crate nor libtorch is. Dropout is off.
//!
//! | name | type and shape | meaning |
//! |---|---|---|
//! | `x` | float `[N, F]`, or `[N, T, F]` when the first layer is a GRU | features of the nodes |
//! | `edge_index` | int64 `[2, E]` | senders, then receivers; in any order |
//! | `edge_weight` | float `[E]` | with [`EdgeWeights::Input`]; at least 0 |
//! | `edge_attr` | float `[E, D]` | where a layer has edge features |
//! | `y` (output) | float `[N, outputs]` | |
//!
//! N, E and T are chosen by each call; edges have the order of `edge_index`. Loops, repeated edges
//! and nodes without edges are treated as by [`Network`](crate::Network).
//!
//! # Limits
//!
//! * Numbers are `f32`, with the rounding of the runtime: results agree with
//!   [`Network`](crate::Network) to about 1e-6, not bit for bit, and a runtime on a GPU may add
//!   messages in another order each time.
//! * Inputs are checked by the runtime as far as it does: shapes, numbers of nodes that are too large
//!   and windows without a step are its errors. A negative number of a node counts from the end, and
//!   missing values and weights below 0 are computed with.
//! * One graph a call, no axis for batches: several graphs go in as one with shifted numbers of nodes,
//!   see [`Batch`](crate::graph::Batch).
//!
//! # Serving with `KServe`
//!
//! The file is a plain ONNX model of IR version 8, operators 18 and standard operators only; ONNX
//! Runtime 1.15 and 1.31 were tried, on a CPU. Its folder, in the layout of Triton's model repository
//! (`NAME/1/model.onnx`; what `config.pbtxt` would say, Triton reads from an ONNX file), is what an
//! `InferenceService` points to:
//!
//! ```yaml
//! apiVersion: serving.kserve.io/v1beta1
//! kind: InferenceService
//! metadata: {name: astern}
//! spec:
//!   predictor:
//!     model:
//!       modelFormat: {name: onnx}
//!       protocolVersion: v2
//!       storageUri: "s3://BUCKET/FOLDER"
//! ```
//!
//! Requests follow the Open Inference Protocol: datatypes `FP32`, and `INT64` for `edge_index`, names
//! and shapes as above. Batches that a server makes by itself must stay off (`max_batch_size: 0`). This
//! section follows the documentation of both; it was not tried on a cluster.
//!
//! # Source
//!
//! ONNX operators, version 18 (`ScatterElements` has the reductions `add` and `max` since then).

mod attention;
mod builder;
mod edges;
mod error;
mod gat;
mod gatv2;
mod gcn;
mod gru;
mod proto;
mod sage;
mod step;
#[cfg(test)]
mod tests;

pub use error::OnnxError;

use prost::Message;

use super::{Activation, Checkpoint, LayerConfig, NetworkConfig};
use builder::{Builder, EDGE_ATTR, EDGE_INDEX, EDGE_WEIGHT, Value, X, Y, length, of_float};
use proto::{
    Dimension, DimensionProto, FLOAT, INT64, ModelProto, NodeProto, OperatorSetIdProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};

/// Version of the file format that goes with [`OPERATORS`].
const IR_VERSION: i64 = 8;
/// Version of the operators.
const OPERATORS: i64 = 18;

/// Where the weights of edges come from; only GCN layers have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EdgeWeights {
    /// Every edge has weight 1, as in a [`Graph`](crate::Graph) without weights.
    #[default]
    One,
    /// They are the input `edge_weight`.
    Input,
}

impl Checkpoint {
    /// The bytes of an ONNX file; equal checkpoints give equal bytes. See [the module](self) for its
    /// inputs, limits and how to serve it.
    ///
    /// # Errors
    ///
    /// [`OnnxError`], by what cannot be exported and in which layer.
    ///
    /// # Complexity
    ///
    /// Time and memory linear in the number of weights.
    ///
    /// # Example
    ///
    /// ```
    /// use astern_gnn::layer::GcnConfig;
    /// use astern_gnn::model::onnx::EdgeWeights;
    /// use astern_gnn::{Checkpoint, NetworkConfig, StateDict};
    ///
    /// let config = NetworkConfig::new().layer(GcnConfig::new(2, 1).bias(false));
    /// let mut state = StateDict::default();
    /// state.insert("0.lin.weight", &[1, 2], vec![0.5, -1.0]);
    /// let checkpoint = Checkpoint::new(config, state)?;
    /// let bytes = checkpoint.to_onnx(EdgeWeights::One)?;
    /// // std::fs::write("model.onnx", bytes)?;
    /// # assert!(!bytes.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_onnx(&self, weights: EdgeWeights) -> Result<Vec<u8>, OnnxError> {
        let config = self.config();
        let weighted = weights == EdgeWeights::Input;
        let is_gcn = |layer: &LayerConfig| matches!(layer, LayerConfig::Gcn(_));
        if weighted && !config.layers.iter().any(is_gcn) {
            return Err(OnnxError::UnusedEdgeWeights);
        }
        let edge_features = edge_features(config)?;
        let mut b = Builder::new(self.state());
        let mut h = X.to_owned();
        for (i, layer) in config.layers.iter().enumerate() {
            b.enter(i);
            if i > 0 {
                h = activation(&mut b, config.activation, h);
            }
            h = match layer {
                LayerConfig::Gru(config) => gru::gru(&mut b, config, &h)?,
                LayerConfig::Linear(config) => {
                    b.dense(&h, "", [config.outputs, config.inputs], config.bias)?
                }
                LayerConfig::Gcn(config) => gcn::gcn(&mut b, config, weighted, &h)?,
                LayerConfig::Sage(config) => sage::sage(&mut b, config, &h)?,
                LayerConfig::Gat(config) => gat::gat(&mut b, config, &h)?,
                LayerConfig::GatV2(config) => gatv2::gatv2(&mut b, config, &h)?,
            };
        }
        b.push(NodeProto {
            input: vec![h],
            output: vec![Y.to_owned()],
            op_type: "Identity".to_owned(),
            attribute: Vec::new(),
        });
        Ok(model(b, config, weighted, edge_features).encode_to_vec())
    }
}

/// The number of edge features that all layers with any agree on; 0 without.
fn edge_features(config: &NetworkConfig) -> Result<usize, OnnxError> {
    let mut common = 0;
    for (layer, config) in config.layers.iter().enumerate() {
        let got = match config {
            LayerConfig::Gat(config) => config.edge_features,
            LayerConfig::GatV2(config) => config.edge_features,
            _ => 0,
        };
        if common > 0 && got > 0 && got != common {
            let expected = common;
            return Err(OnnxError::EdgeFeatureCount {
                layer,
                expected,
                got,
            });
        }
        common = common.max(got);
    }
    Ok(common)
}

fn activation(b: &mut Builder<'_>, activation: Activation, h: Value) -> Value {
    let (op, attributes) = match activation {
        Activation::Identity => return h,
        Activation::Relu => ("Relu", vec![]),
        Activation::Elu => ("Elu", vec![of_float("alpha", 1.0)]),
        Activation::LeakyRelu => ("LeakyRelu", vec![of_float("alpha", 0.01)]),
        Activation::Tanh => ("Tanh", vec![]),
        Activation::Sigmoid => ("Sigmoid", vec![]),
    };
    b.node(op, &[&h], attributes)
}

fn model(
    b: Builder<'_>,
    config: &NetworkConfig,
    weighted: bool,
    edge_features: usize,
) -> ModelProto {
    let mut graph = b.graph;
    "astern".clone_into(&mut graph.name);
    let (fixed, named) = (
        |n| Dimension::Fixed(length(n)),
        |name: &str| Dimension::Named(name.to_owned()),
    );
    let mut features = vec![named("N"), fixed(config.inputs())];
    if config.takes_window() {
        features.insert(1, named("T"));
    }
    graph.input = vec![
        value(X, FLOAT, features),
        value(EDGE_INDEX, INT64, vec![fixed(2), named("E")]),
    ];
    if weighted {
        graph
            .input
            .push(value(EDGE_WEIGHT, FLOAT, vec![named("E")]));
    }
    if edge_features > 0 {
        let shape = vec![named("E"), fixed(edge_features)];
        graph.input.push(value(EDGE_ATTR, FLOAT, shape));
    }
    let shape = vec![named("N"), fixed(config.outputs())];
    graph.output = vec![value(Y, FLOAT, shape)];
    ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: "astern-gnn".to_owned(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: Some(OPERATORS),
        }],
    }
}

fn value(name: &str, elem_type: i32, shape: Vec<Dimension>) -> ValueInfoProto {
    let dim = |value| DimensionProto { value: Some(value) };
    let shape = TensorShapeProto {
        dim: shape.into_iter().map(dim).collect(),
    };
    ValueInfoProto {
        name: name.to_owned(),
        of: Some(TypeProto {
            tensor_type: Some(TensorTypeProto {
                elem_type,
                shape: Some(shape),
            }),
        }),
    }
}
