//! What can go wrong without libtorch, one enum per family of operations.

use std::error::Error;
use std::path::PathBuf;

/// A graph, its features or its edge weights cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphDataError {
    /// An axis of the feature array is empty.
    #[error("features have shape {shape:?} [snapshots, nodes, features], axis {axis} is empty")]
    EmptyAxis {
        /// Which axis: `snapshots`, `nodes` or `features`.
        axis: &'static str,
        /// The shape that was given.
        shape: [usize; 3],
    },
    /// More nodes than an edge end can name.
    #[error("{n_nodes} nodes, at most {limit} can be numbered")]
    TooManyNodes {
        /// Nodes given.
        n_nodes: usize,
        /// Largest number of nodes.
        limit: usize,
    },
    /// An edge names a node that is not there.
    #[error("edge {edge} ends at node {node}, there are {n_nodes} nodes")]
    NodeOutOfRange {
        /// Position of the edge in the list that was given.
        edge: usize,
        /// The node it names.
        node: u32,
        /// Nodes in the graph.
        n_nodes: usize,
    },
    /// A feature is infinite; missing values are `NaN`.
    #[error("feature {feature} of node {node} in snapshot {snapshot} is {value}")]
    Infinite {
        /// Snapshot of the value.
        snapshot: usize,
        /// Node of the value.
        node: usize,
        /// Feature of the value.
        feature: usize,
        /// The value.
        value: f64,
    },
    /// Feature names and feature columns differ in number.
    #[error("{got} feature names for {expected} features")]
    FeatureNames {
        /// Columns in the data.
        expected: usize,
        /// Names given.
        got: usize,
    },
    /// What belongs to edges, and edges, differ in number.
    #[error("{name} of {got} edges, the graph has {edges}")]
    EdgeCount {
        /// What was given: `edge_weight`, `edge_attr`, `edge_type`.
        name: &'static str,
        /// Edges of the graph.
        edges: usize,
        /// Entries given.
        got: usize,
    },
    /// More edges than can be numbered.
    #[error("{n_edges} edges, there must be fewer than {limit}")]
    TooManyEdges {
        /// Edges given.
        n_edges: usize,
        /// Smallest number that is too many.
        limit: usize,
    },
    /// A relation that is not there.
    #[error("edge {edge} has type {edge_type}, there are {n_types} types")]
    EdgeType {
        /// Position of the edge.
        edge: usize,
        /// Its relation.
        edge_type: u32,
        /// Number of relations.
        n_types: usize,
    },
    /// Features are of another number of nodes.
    #[error("features of {got} nodes, the graph has {expected}")]
    NodeCount {
        /// Nodes of the graph.
        expected: usize,
        /// Nodes in the features.
        got: usize,
    },
    /// A feature of a node or an edge is missing or infinite.
    #[error("{name}[{row}, {column}] is {value}, it must be finite")]
    NotFinite {
        /// Which array.
        name: &'static str,
        /// Node or edge.
        row: usize,
        /// Column.
        column: usize,
        /// The value.
        value: f64,
    },
    /// An edge weight is negative or not finite: its degree has no square root.
    #[error("weight of edge {edge} is {value}, it must be finite and at least 0")]
    Weight {
        /// Position of the edge.
        edge: usize,
        /// Its weight.
        value: f64,
    },
    /// A batch of no graph: nothing says how wide its features are.
    #[error("a batch needs at least one graph")]
    EmptyBatch,
    /// Graphs that are to be joined differ in what they have.
    #[error("graph {part} has {name} {got:?} wide, the first graph {expected:?}; None is absent")]
    Unlike {
        /// Position of the graph.
        part: usize,
        /// What differs: `x`, `edge_weight`, `edge_attr`, `edge_type`.
        name: &'static str,
        /// Width in the first graph, or number of relations.
        expected: Option<usize>,
        /// Width in this one.
        got: Option<usize>,
    },
}

/// Settings or weights that no model can have.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A setting is outside its range.
    #[error("{name} is {value}, allowed is {allowed}")]
    OutOfRange {
        /// Name of the setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The range, as text.
        allowed: &'static str,
    },
    /// The encoder would hold more weights than the limit.
    #[error("layer widths {widths:?} need more than {limit} weights")]
    TooManyWeights {
        /// Widths from the input to the embedding.
        widths: Vec<usize>,
        /// Largest number of weights.
        limit: usize,
    },
    /// An encoder needs at least one layer.
    #[error("layer widths {widths:?} make no layer")]
    NoLayer {
        /// Widths given.
        widths: Vec<usize>,
    },
    /// A layer does not take what the layer before it gives.
    #[error("layer {layer} takes {got} inputs, the layer before it gives {expected}")]
    LayerChain {
        /// Position of the layer, from 0.
        layer: usize,
        /// Outputs of the layer before.
        expected: usize,
        /// Inputs of this layer.
        got: usize,
    },
    /// A parameter is absent, or has another shape than the settings say.
    #[error("parameter `{name}` must have shape {expected:?}, found {got:?}")]
    Tensor {
        /// Name of the parameter.
        name: String,
        /// Shape that the settings ask for.
        expected: Vec<usize>,
        /// Shape that was found; `None` where the parameter is absent.
        got: Option<Vec<usize>>,
    },
    /// A parameter that no layer has.
    #[error("`{name}` is no parameter of the network")]
    UnknownTensor {
        /// Name of the parameter.
        name: String,
    },
    /// A weight or a bias is infinite or `NaN`.
    #[error("a weight is {value}")]
    NonFiniteWeight {
        /// The weight.
        value: f64,
    },
}

/// Data that a layer or a fitted model cannot take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The data has another number of features.
    #[error("{got} features, the model takes {expected}")]
    FeatureCount {
        /// Features that the model takes.
        expected: usize,
        /// Features in the data.
        got: usize,
    },
    /// A feature has another name than the one that the model was fitted on.
    #[error("feature {index} is `{got}`, the model was fitted on `{expected}`")]
    FeatureName {
        /// Column of the feature.
        index: usize,
        /// Name at fitting.
        expected: String,
        /// Name in the data.
        got: String,
    },
    /// Features and graph differ in their number of nodes.
    #[error("features of {got} nodes, the graph has {expected}")]
    NodeCount {
        /// Nodes of the graph.
        expected: usize,
        /// Nodes in the features.
        got: usize,
    },
    /// The graph has another number of edge attributes.
    #[error("{got} edge attributes, the layer takes {expected}")]
    EdgeFeatureCount {
        /// Attributes that the layer takes.
        expected: usize,
        /// Attributes of the graph's edges, 0 without any.
        got: usize,
    },
    /// A network that begins with a GRU takes a window, any other one snapshot.
    #[error("input of {got} axes, the network takes {expected}")]
    InputAxes {
        /// Axes of the input that the network takes.
        expected: usize,
        /// Axes of the input.
        got: usize,
    },
    /// A window without steps.
    #[error("a window of 0 steps")]
    EmptyWindow,
}

/// Why bytes are no model, or a model no bytes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The bytes are cut off or are no safetensors file.
    #[error("not a safetensors file: {cause}")]
    Malformed {
        /// What the reader found.
        cause: Box<dyn Error + Send + Sync>,
    },
    /// A safetensors file of something else.
    #[error("the file holds something else: metadata `{key}` is absent")]
    NotAModel {
        /// Name of the metadata entry that was looked for.
        key: &'static str,
    },
    /// Written in a format that this version cannot read.
    #[error("format version {found}, this library reads {supported}")]
    Version {
        /// Version of the file.
        found: u32,
        /// Version that can be read.
        supported: u32,
    },
    /// The model's description cannot be read.
    #[error("the model's description is not valid: {cause}")]
    Header {
        /// What the reader found.
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The content is not what was written.
    #[error("checksum {computed:#010x}, the file says {stored:#010x}")]
    Checksum {
        /// Checksum in the file.
        stored: u32,
        /// Checksum of the content.
        computed: u32,
    },
    /// A tensor is absent, or has another type or shape than the description says.
    #[error("tensor `{name}` is absent or not of shape {expected:?} and type {dtype}")]
    Tensor {
        /// Name of the tensor.
        name: String,
        /// Shape that the description asks for.
        expected: Vec<usize>,
        /// Element type that the format asks for.
        dtype: &'static str,
    },
    /// A number is outside its range.
    #[error("tensor `{name}` holds {value}, allowed is {allowed}")]
    Value {
        /// Name of the tensor.
        name: String,
        /// The number.
        value: f64,
        /// The range, as text.
        allowed: &'static str,
    },
    /// Settings or weights are not allowed.
    #[error(transparent)]
    Param(#[from] ConfigError),
    /// The file cannot be read or written.
    #[error("`{}` cannot be read or written: {cause}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's message.
        cause: std::io::Error,
    },
}
