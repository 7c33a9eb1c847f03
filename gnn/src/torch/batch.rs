//! Which graph of a batch each node belongs to.

use tch::{Kind, Tensor};

use super::tensor::{int, shaped, to_indices};
use super::{Edges, Reduce, TorchError};

/// Largest number of graphs: what is kept of each takes memory even where it has no node.
const MAX_GRAPHS: usize = 1 << 24;

/// The graph of each node of a block-diagonal batch: what norms and readouts go by.
///
/// Sums over the nodes of a graph are those of messages that every node sends to its graph.
///
/// # Example
///
/// The greatest value of each of three graphs, of which the second has no node.
///
/// ```
/// use astern_gnn::torch::tch::Tensor;
/// use astern_gnn::torch::{NodeBatch, Reduce};
///
/// let batch = NodeBatch::new(&Tensor::f_from_slice(&[0i64, 0, 2])?, 3)?;
/// let x = Tensor::f_from_slice(&[1.0, 4.0, 3.0])?.f_reshape([3, 1])?;
/// let y = batch.reduce(&x, Reduce::Max)?;
/// assert_eq!(Vec::<f64>::try_from(&y.f_reshape(-1)?)?, [4.0, 0.0, 3.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NodeBatch {
    edges: Edges,
}

impl NodeBatch {
    /// Checks `batch` `[N]` of kind `Int64`: the graph of each node, ascending, below `n_graphs`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for another shape or kind, numbers out of order or out of range, and more than
    /// 2²⁴ graphs.
    ///
    /// # Complexity
    ///
    /// O(N + G), and one transfer of the numbers to the CPU.
    pub fn new(batch: &Tensor, n_graphs: usize) -> Result<Self, TorchError> {
        let error = |source: String| TorchError::new("batch", &[batch], source);
        shaped("batch", batch, [None])?;
        if batch.kind() != Kind::Int64 {
            return Err(error(format!("the kind is {:?}, not Int64", batch.kind())));
        }
        if n_graphs > MAX_GRAPHS {
            return Err(error(format!("{n_graphs} graphs, at most {MAX_GRAPHS}")));
        }
        let graphs = to_indices(batch)?;
        if let Some(i) = graphs.windows(2).position(|pair| pair[0] > pair[1]) {
            let (before, after) = (graphs[i], graphs[i + 1]);
            return Err(error(format!("graph {before} comes before graph {after}")));
        }
        let in_range = |&g: &i64| u32::try_from(g).ok().filter(|_| g < int(n_graphs));
        let target: Option<Vec<u32>> = graphs.iter().map(in_range).collect();
        let (Some(target), Ok(n_nodes)) = (target, u32::try_from(graphs.len())) else {
            return Err(error(format!("graphs must be numbered below {n_graphs}")));
        };
        let mut offsets = Vec::new();
        for g in 0..=n_graphs {
            let start = target.partition_point(|&of| (of as usize) < g);
            offsets.push(u32::try_from(start).unwrap_or(u32::MAX));
        }
        let source: Vec<u32> = (0..n_nodes).collect();
        Ok(Self {
            edges: Edges::new(&source, &target, &offsets, batch.device())?,
        })
    }

    /// Number of nodes of all graphs, N.
    pub fn n_nodes(&self) -> i64 {
        self.edges.n_edges()
    }

    /// Number of graphs, G.
    pub fn n_graphs(&self) -> i64 {
        self.edges.n_nodes()
    }

    /// The graph of each node, `[N]`: a copy, as of [`Edges::target`].
    ///
    /// # Errors
    ///
    /// Those of [`Edges::target`].
    pub fn graph_of(&self) -> Result<Tensor, TorchError> {
        self.edges.target()
    }

    /// Joins the rows of each graph, the readouts: `x` of shape `[N, …]` gives `[G, …]`; 0 for a
    /// graph without nodes.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for another number of nodes or another device.
    ///
    /// # Complexity
    ///
    /// O((N + G) d) for rows of d entries.
    pub fn reduce(&self, x: &Tensor, how: Reduce) -> Result<Tensor, TorchError> {
        self.edges.reduce(x, how)
    }

    /// Gives every node the row of its graph: `y` of shape `[G, …]` gives `[N, …]`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for another number of graphs or another device.
    pub fn spread(&self, y: &Tensor) -> Result<Tensor, TorchError> {
        self.edges.gather_target(y)
    }

    /// Softmax of scores `[N]` over the nodes of each graph, `[N]`; see [`Edges::softmax`].
    ///
    /// # Errors
    ///
    /// [`TorchError`] for another shape or another device.
    pub fn softmax(&self, scores: &Tensor) -> Result<Tensor, TorchError> {
        self.edges.softmax(scores)
    }
}
