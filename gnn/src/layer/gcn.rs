//! Graph convolution (GCN).

use ndarray::{Array1, Array2, ArrayRef2, ArrayView2};

use crate::data::{check_edges, check_node_count};
use crate::{EncodeError, GraphError, GraphSnapshots, ParamError};

/// Whether a node hears its own features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SelfLoops {
    /// Edges as given (`add_self_loops=False`).
    AsGiven,
    /// A loop of weight 1 for every node without one.
    #[default]
    Add,
    /// A loop of weight 2 for every node without one (`improved=True`; `PyTorch` Geometric 2.8.1
    /// does so only where edge weights are given, and adds weight 1 where they are not).
    AddDouble,
}

/// Edges with the coefficients of the GCN propagation.
///
/// `c_ji = w_ji / sqrt(deg_j deg_i)` where `deg_i` is the sum of the weights of the edges *into*
/// `i` after loops were added; a node of degree 0 has coefficient 0. Both factors use the
/// in-degree, as `PyTorch` Geometric does, so on a directed graph this is not the symmetric
/// normaliser of the paper.
#[derive(Debug, Clone, PartialEq)]
pub struct GcnGraph {
    n_nodes: usize,
    pub(crate) source: Vec<u32>,
    pub(crate) target: Vec<u32>,
    pub(crate) coefficient: Vec<f64>,
}

impl GcnGraph {
    /// Normalises `edges` (source, target) of a graph of `n_nodes` nodes; without `weights` every
    /// edge has weight 1.
    ///
    /// Edges are taken as they come: a repeated edge counts as often as it is given, of several
    /// loops at one node the last one stays. Loops go behind the other edges, by node.
    ///
    /// # Errors
    ///
    /// [`GraphError::TooManyNodes`], [`GraphError::NodeOutOfRange`],
    /// [`GraphError::WeightCount`], and [`GraphError::Weight`] for a weight that is negative or
    /// not finite.
    ///
    /// # Complexity
    ///
    /// O(N + E) in time and memory.
    pub fn new(
        n_nodes: usize,
        edges: &[(u32, u32)],
        weights: Option<&[f64]>,
        loops: SelfLoops,
    ) -> Result<Self, GraphError> {
        check_node_count(n_nodes)?;
        check_edges(edges, n_nodes)?;
        if let Some(weights) = weights {
            if weights.len() != edges.len() {
                return Err(GraphError::WeightCount {
                    edges: edges.len(),
                    weights: weights.len(),
                });
            }
            let bad = weights
                .iter()
                .enumerate()
                .find(|(_, w)| !w.is_finite() || **w < 0.0);
            if let Some((edge, &value)) = bad {
                return Err(GraphError::Weight { edge, value });
            }
        }
        Ok(Self::normalise(n_nodes, edges, weights, loops))
    }

    /// The graph of `data` with unit weights and a loop at every node.
    pub fn of(data: &GraphSnapshots) -> Self {
        Self::normalise(data.n_nodes(), data.edges(), None, SelfLoops::Add)
    }

    fn normalise(
        n_nodes: usize,
        edges: &[(u32, u32)],
        weights: Option<&[f64]>,
        loops: SelfLoops,
    ) -> Self {
        let weight = |e: usize| weights.map_or(1.0, |w| w[e]);
        let fill = match loops {
            SelfLoops::AsGiven => None,
            SelfLoops::Add => Some(1.0),
            SelfLoops::AddDouble => Some(2.0),
        };
        let (mut source, mut target, mut coefficient) = (Vec::new(), Vec::new(), Vec::new());
        let mut push = |(j, i), w| {
            source.push(j);
            target.push(i);
            coefficient.push(w);
        };
        let mut own = vec![fill.unwrap_or_default(); n_nodes];
        for (e, &(j, i)) in edges.iter().enumerate() {
            if fill.is_some() && i == j {
                own[i as usize] = weight(e);
            } else {
                push((j, i), weight(e));
            }
        }
        if fill.is_some() {
            (0u32..).zip(own).for_each(|(i, w)| push((i, i), w));
        }
        let mut degree = vec![0.0; n_nodes];
        for (&i, &w) in target.iter().zip(&coefficient) {
            degree[i as usize] += w;
        }
        let root: Vec<f64> = degree
            .iter()
            .map(|&d| if d > 0.0 { 1.0 / d.sqrt() } else { 0.0 })
            .collect();
        for ((&j, &i), c) in source.iter().zip(&target).zip(&mut coefficient) {
            *c *= root[j as usize] * root[i as usize];
        }
        Self {
            n_nodes,
            source,
            target,
            coefficient,
        }
    }

    /// Number of nodes.
    pub fn n_nodes(&self) -> usize {
        self.n_nodes
    }

    /// Number of edges, loops included.
    pub fn n_edges(&self) -> usize {
        self.source.len()
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
/// Time O(N · inputs · outputs + E · outputs), memory O(N · outputs): linear first, then
/// propagation.
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
pub struct GcnConv {
    /// Transposed, `[inputs, outputs]` in row-major order: the order in which it is read.
    weight_t: Array2<f64>,
    bias: Option<Array1<f64>>,
}

impl GcnConv {
    /// A layer with `weight` of shape `[outputs, inputs]` and, if any, one bias per output.
    ///
    /// # Errors
    ///
    /// [`ParamError::BiasLength`] and [`ParamError::NonFiniteWeight`].
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
            weight_t: weight.reversed_axes().as_standard_layout().into_owned(),
            bias,
        })
    }

    /// Weight matrix, shape `[outputs, inputs]`.
    pub fn weight(&self) -> ArrayView2<'_, f64> {
        self.weight_t.t()
    }

    /// Bias, one entry per output.
    pub fn bias(&self) -> Option<&Array1<f64>> {
        self.bias.as_ref()
    }

    /// Width of the input rows.
    pub fn n_inputs(&self) -> usize {
        self.weight_t.nrows()
    }

    /// Width of the output rows.
    pub fn n_outputs(&self) -> usize {
        self.weight_t.ncols()
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
        Ok(self.run(x, graph))
    }

    /// [`forward`](Self::forward) for shapes that are known to be right. Own loops, not a matrix
    /// product: that one picks its order of summation by the features of the processor.
    pub(crate) fn run(&self, x: &ArrayRef2<f64>, graph: &GcnGraph) -> Array2<f64> {
        let shape = (x.nrows(), self.n_outputs());
        let mut hidden = Array2::zeros(shape);
        for (mut h, x) in hidden.rows_mut().into_iter().zip(x.rows()) {
            for (&x, weights) in x.iter().zip(self.weight_t.rows()) {
                h.scaled_add(x, &weights);
            }
        }
        let mut y = Array2::zeros(shape);
        if let Some(bias) = &self.bias {
            y += bias;
        }
        let edges = graph
            .source
            .iter()
            .zip(&graph.target)
            .zip(&graph.coefficient);
        for ((&j, &i), &c) in edges {
            y.row_mut(i as usize).scaled_add(c, &hidden.row(j as usize));
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
