//! Graph convolution (GCN).

use ndarray::{Array1, Array2, ArrayRef2};
use serde::{Deserialize, Serialize};

use super::{Parameters, Weights, at_least_1};
use crate::kernel::{Dense, Real, add_neighbours, filled, flat, matrix};
use crate::{
    EdgeIndex, EncodeError, GraphError, GraphSnapshots, ParamError, Propagation, SelfLoops,
};

/// Settings of a GCN layer: `y_i = b + Σ_{j→i} c_ji W x_j`, see
/// [`Propagation::gcn_coefficients`] for `c`.
///
/// Defaults are those of `torch_geometric.nn.GCNConv`: loops added, a bias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default = "GcnConfig::unset", deny_unknown_fields)]
#[non_exhaustive]
pub struct GcnConfig {
    /// Width of the input rows.
    pub inputs: usize,
    /// Width of the output rows.
    pub outputs: usize,
    /// Rule about loops.
    pub loops: SelfLoops,
    /// Whether there is a bias.
    pub bias: bool,
}

impl GcnConfig {
    /// A layer with the defaults.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self {
            inputs,
            outputs,
            loops: SelfLoops::Add,
            bias: true,
        }
    }

    /// What a file leaves out; [`check`](Self::check) refuses the widths.
    fn unset() -> Self {
        Self::new(0, 0)
    }

    /// Holds every setting against its range.
    ///
    /// # Errors
    ///
    /// [`ParamError::OutOfRange`] for a width of 0.
    pub fn check(&self) -> Result<(), ParamError> {
        at_least_1("inputs", self.inputs)?;
        at_least_1("outputs", self.outputs)
    }

    pub(crate) fn parameters(&self) -> Parameters {
        let mut all = vec![("lin.weight", vec![self.outputs, self.inputs])];
        if self.bias {
            all.push(("bias", vec![self.outputs]));
        }
        all
    }
}

astern_stats::setters!(GcnConfig {
    /// Sets the rule about loops.
    loops: SelfLoops,
    /// Sets whether there is a bias.
    bias: bool,
});

/// Edges with the coefficients of the GCN propagation, see [`Propagation::gcn_coefficients`].
#[derive(Debug, Clone, PartialEq)]
pub struct GcnGraph {
    edges: Propagation,
    coefficient: Vec<f64>,
}

impl GcnGraph {
    /// Normalises `edges` (source, target) of a graph of `n_nodes` nodes; without `weights` every
    /// edge has weight 1.
    ///
    /// # Errors
    ///
    /// [`GraphError::TooManyNodes`], [`GraphError::NodeOutOfRange`],
    /// [`GraphError::EdgeCount`], and [`GraphError::Weight`] for a weight that is negative or
    /// not finite.
    ///
    /// # Complexity
    ///
    /// Time O(N + E log E), memory O(N + E).
    pub fn new(
        n_nodes: usize,
        edges: &[(u32, u32)],
        weights: Option<&[f64]>,
        loops: SelfLoops,
    ) -> Result<Self, GraphError> {
        let graph = crate::Graph::new(Array2::zeros((n_nodes, 0)), edges.iter().copied())?;
        let graph = match weights {
            Some(weights) => graph.with_edge_weight(weights)?,
            None => graph,
        };
        Ok(Self::normalise(graph.edges(), graph.edge_weight(), loops))
    }

    /// The graph of `data` with unit weights and a loop at every node.
    pub fn of(data: &GraphSnapshots) -> Self {
        let edges = EdgeIndex::sorted(data.n_nodes(), data.edges());
        Self::normalise(&edges, None, SelfLoops::Add)
    }

    fn normalise(edges: &EdgeIndex, weights: Option<&[f64]>, loops: SelfLoops) -> Self {
        let edges = Propagation::new(edges, loops);
        let coefficient = edges.gcn_coefficients(weights, loops);
        Self { edges, coefficient }
    }

    /// Number of nodes.
    pub fn n_nodes(&self) -> usize {
        self.edges.n_nodes()
    }

    /// Number of edges, loops included.
    pub fn n_edges(&self) -> usize {
        self.edges.n_edges()
    }
}

/// Graph convolution: `y_i = b + Σ_{j→i} c_ji W x_j`.
///
/// Input `[N, inputs]`, output `[N, outputs]`; `W` has shape `[outputs, inputs]`, the bias `b` is
/// added after propagation; the coefficients are those of [`GcnGraph`]. Equal to
/// `torch_geometric.nn.GCNConv` 2.8.1 to rounding.
///
/// # Complexity
///
/// Time O(N · inputs · outputs + E · min(inputs, outputs)), memory O(N · outputs).
///
/// # Source
///
/// Kipf and Welling, Semi-Supervised Classification with Graph Convolutional Networks, 2017
/// (arXiv 1609.02907). Deviation, shared with `PyTorch` Geometric: in-degrees on directed graphs.
///
/// # Example
///
/// ```
/// use astern_gnn::{GcnConv, GcnGraph, SelfLoops, ndarray::array};
///
/// // 0 → 1, both with a loop: degrees 1 and 2.
/// let graph = GcnGraph::new(2, &[(0, 1)], None, SelfLoops::Add)?;
/// let layer = GcnConv::new(array![[2.0]], None)?;
/// let y = layer.forward(&array![[1.0], [3.0]], &graph)?;
/// assert_eq!(y[[0, 0]], 2.0);
/// assert!((y[[1, 0]] - (2.0 / 2f64.sqrt() + 6.0 / 2.0)).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GcnConv<F = f64> {
    dense: Dense<F>,
    /// Empty without a bias: it is added after propagation.
    bias: Vec<F>,
}

impl GcnConv {
    /// A layer with `weight` of shape `[outputs, inputs]` and, if any, one bias per output.
    ///
    /// # Errors
    ///
    /// [`ParamError::BiasLength`] and [`ParamError::NonFiniteWeight`].
    #[allow(
        clippy::needless_pass_by_value,
        reason = "a layer is made of its weights; how it keeps them is its own affair"
    )]
    pub fn new(weight: Array2<f64>, bias: Option<Array1<f64>>) -> Result<Self, ParamError> {
        let (expected, got) = (weight.nrows(), bias.as_ref().map(Array1::len));
        if let Some(got) = got.filter(|&got| got != expected) {
            return Err(ParamError::BiasLength { expected, got });
        }
        let mut values = weight.iter().chain(bias.iter().flatten());
        if let Some(&value) = values.find(|v| !v.is_finite()) {
            return Err(ParamError::NonFiniteWeight { value });
        }
        Ok(Self {
            dense: Dense::new(&flat(&weight), weight.dim().into(), Vec::new()),
            bias: bias.map(|b| b.to_vec()).unwrap_or_default(),
        })
    }

    /// Weight matrix, shape `[outputs, inputs]`.
    pub fn weight(&self) -> Array2<f64> {
        let shape = (self.n_outputs(), self.n_inputs());
        Array2::from_shape_fn(shape, |(o, i)| self.dense.weight(o, i))
    }

    /// Bias, one entry per output.
    pub fn bias(&self) -> Option<&[f64]> {
        (!self.bias.is_empty()).then_some(&self.bias)
    }

    /// Applies the layer to `x` of shape `[N, inputs]`.
    ///
    /// # Errors
    ///
    /// [`EncodeError::FeatureCount`] and [`EncodeError::NodeCount`].
    pub fn forward(
        &self,
        x: &ArrayRef2<f64>,
        graph: &GcnGraph,
    ) -> Result<Array2<f64>, EncodeError> {
        check_input(x, self.n_inputs(), graph)?;
        Ok(matrix(
            self.run(&flat(x), graph),
            x.nrows(),
            self.n_outputs(),
        ))
    }

    /// [`forward`](Self::forward) on rows whose shape is known to be right.
    pub(crate) fn run(&self, x: &[f64], graph: &GcnGraph) -> Vec<f64> {
        self.propagate(x, &graph.edges, &graph.coefficient)
    }
}

impl<F: Real> GcnConv<F> {
    pub(crate) fn of_state(config: &GcnConfig, weights: &Weights<'_>) -> Result<Self, ParamError> {
        Ok(Self {
            dense: weights.dense("lin.", [config.outputs, config.inputs], false)?,
            bias: weights.given("bias", config.bias)?,
        })
    }

    /// Width of the input rows.
    pub fn n_inputs(&self) -> usize {
        self.dense.inputs()
    }

    /// Width of the output rows.
    pub fn n_outputs(&self) -> usize {
        self.dense.outputs()
    }

    /// Propagation is linear: it goes where rows are narrower.
    pub(crate) fn propagate(&self, x: &[F], edges: &Propagation, coefficients: &[F]) -> Vec<F> {
        let (inputs, outputs) = (self.n_inputs(), self.n_outputs());
        let mut y = filled(&self.bias, edges.n_nodes(), outputs);
        if inputs < outputs {
            let mut heard = vec![F::ZERO; x.len()];
            add_neighbours(edges, coefficients, x, inputs, &mut heard);
            self.dense.add_to(&heard, &mut y);
        } else {
            let mut hidden = vec![F::ZERO; y.len()];
            self.dense.add_to(x, &mut hidden);
            add_neighbours(edges, coefficients, &hidden, outputs, &mut y);
        }
        y
    }
}

/// Features `[N, n_inputs]` fit the graph.
pub(crate) fn check_input(
    x: &ArrayRef2<f64>,
    n_inputs: usize,
    graph: &GcnGraph,
) -> Result<(), EncodeError> {
    if x.ncols() != n_inputs {
        return Err(EncodeError::FeatureCount {
            expected: n_inputs,
            got: x.ncols(),
        });
    }
    if x.nrows() != graph.n_nodes() {
        return Err(EncodeError::NodeCount {
            expected: graph.n_nodes(),
            got: x.nrows(),
        });
    }
    Ok(())
}
