//! Graph convolution (GCN) on tensors.

use ndarray::{Array1, Array2};
use tch::{Device, Kind, Tensor};

use super::TorchError;
use super::error::Named;
use super::tensor::{from_indices, from_values, int, to_values};
use crate::{EncodeError, GcnGraph, layer};

/// The edges of a [`GcnGraph`] and their coefficients as tensors.
#[derive(Debug)]
pub struct GcnEdges {
    n_nodes: i64,
    source: Tensor,
    target: Tensor,
    coefficient: Tensor,
}

impl GcnEdges {
    /// Puts `graph` on `device`, with coefficients of `kind`.
    ///
    /// # Errors
    ///
    /// [`TorchError`], for instance when the device has no room.
    pub fn new(graph: &GcnGraph, kind: Kind, device: Device) -> Result<Self, TorchError> {
        let n_edges = int(graph.n_edges());
        Ok(Self {
            n_nodes: int(graph.n_nodes()),
            source: from_indices(graph.source.iter().map(|&j| j.into()), device)?,
            target: from_indices(graph.target.iter().map(|&i| i.into()), device)?,
            coefficient: from_values(&graph.coefficient, &[n_edges], kind, device)?,
        })
    }
}

/// [`layer::GcnConv`] with gradients: `y_i = b + Σ_{j→i} c_ji W x_j`.
///
/// Nodes are the first axis of the input, features the last; axes between them are a batch that
/// shares the graph: `[N, inputs]` gives `[N, outputs]`, and T snapshots as `[N, T, inputs]` give
/// `[N, T, outputs]`, which is the same as one graph of T separate blocks without its T-fold
/// edges. Weights, input and edges have the same kind and device.
///
/// # Complexity
///
/// Per snapshot that of [`layer::GcnConv`]; memory O(E · outputs) for the messages.
#[derive(Debug)]
pub struct GcnConv {
    outputs: i64,
    weight: Tensor,
    bias: Option<Tensor>,
}

impl GcnConv {
    /// Trainable copies of the weights of `layer`, of `kind`, on `device`.
    ///
    /// # Errors
    ///
    /// [`TorchError`], for instance when the device has no room.
    pub fn from_layer(
        layer: &layer::GcnConv,
        kind: Kind,
        device: Device,
    ) -> Result<Self, TorchError> {
        let trainable = |values: Vec<f64>, shape: &[i64]| {
            let tensor = from_values(&values, shape, kind, device)?;
            tensor
                .f_set_requires_grad(true)
                .named("set_requires_grad", &[&tensor])
        };
        let shape = [int(layer.n_outputs()), int(layer.n_inputs())];
        let weight = trainable(layer.weight().iter().copied().collect(), &shape)?;
        let bias = layer
            .bias()
            .map(|bias| trainable(bias.to_vec(), &shape[..1]))
            .transpose()?;
        Ok(Self {
            outputs: shape[0],
            weight,
            bias,
        })
    }

    /// The weights as a pure-Rust layer; exact up to kind `Double`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] when the weights cannot be read; its source is a
    /// [`ParamError`](crate::ParamError) when one is not finite.
    pub fn to_layer(&self) -> Result<layer::GcnConv, TorchError> {
        let weight = to_values(&self.weight)?;
        let outputs = usize::try_from(self.outputs).unwrap_or(0);
        let shape = (outputs, weight.len().checked_div(outputs).unwrap_or(0));
        let weight = Array2::from_shape_vec(shape, weight)
            .map_err(|source| TorchError::new("to_layer", &[&self.weight], source))?;
        let bias = self.bias.as_ref().map(to_values).transpose()?;
        layer::GcnConv::new(weight, bias.map(Array1::from))
            .map_err(|source| TorchError::new("to_layer", &[&self.weight], source))
    }

    /// Weight `[outputs, inputs]`, then the bias, if any.
    pub fn parameters(&self) -> impl Iterator<Item = &Tensor> {
        std::iter::once(&self.weight).chain(&self.bias)
    }

    /// Applies the layer to `x` of shape `[N, …, inputs]`; gives `[N, …, outputs]`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for another number of nodes or features, another kind or another device.
    pub fn forward(&self, x: &Tensor, edges: &GcnEdges) -> Result<Tensor, TorchError> {
        let mut shape = if x.defined() { x.size() } else { Vec::new() };
        let [got, .., width] = shape.as_mut_slice() else {
            return Err(TorchError::new(
                "gcn",
                &[x],
                "features need two axes or more",
            ));
        };
        if *got != edges.n_nodes {
            let count = |n: i64| usize::try_from(n).unwrap_or(0);
            let (expected, got) = (count(edges.n_nodes), count(*got));
            return Err(TorchError::new(
                "gcn",
                &[x],
                EncodeError::NodeCount { expected, got },
            ));
        }
        *width = self.outputs;
        let hidden = x
            .f_linear(&self.weight, None::<&Tensor>)
            .named("linear", &[x, &self.weight])?;
        let messages = hidden
            .f_index_select(0, &edges.source)
            .named("index_select", &[&hidden, &edges.source])?;
        let mut broadcast = vec![1; shape.len()];
        broadcast[0] = -1;
        let coefficient = &edges.coefficient;
        let coefficient = coefficient
            .f_reshape(&broadcast)
            .named("reshape", &[coefficient])?;
        let messages = messages
            .f_mul(&coefficient)
            .named("mul", &[&messages, &coefficient])?;
        let kind = messages.f_kind().named("kind", &[&messages])?;
        let y = Tensor::f_zeros(&shape, (kind, messages.device())).named("zeros", &[&messages])?;
        let y = y
            .f_index_add(0, &edges.target, &messages)
            .named("index_add", &[&y, &edges.target, &messages])?;
        match &self.bias {
            Some(bias) => y.f_add(bias).named("add", &[&y, bias]),
            None => Ok(y),
        }
    }
}
