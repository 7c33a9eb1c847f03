//! What keeps a network from being exported.

/// Why a network cannot be written as an ONNX file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// A weight or setting is beyond the range of `f32`.
    #[error("{name} of layer {layer} is {value}, beyond the range of f32")]
    Range {
        /// Position of the layer.
        layer: usize,
        /// Parameter or setting.
        name: String,
        /// Its value.
        value: f64,
    },
    /// Layers disagree about the width of `edge_attr`; no graph suits both.
    #[error("layer {layer} takes {got} edge features, a layer before it {expected}")]
    EdgeFeatureCount {
        /// Position of the layer.
        layer: usize,
        /// Edge features of a layer before it.
        expected: usize,
        /// Its own.
        got: usize,
    },
    /// Weights of the edges are to be an input, and no layer is a GCN.
    #[error("no layer uses edge weights")]
    UnusedEdgeWeights,
    /// A parameter is not there; checkpoints are checked for that.
    #[error("there is no parameter {name}")]
    Tensor {
        /// The parameter.
        name: String,
    },
}
