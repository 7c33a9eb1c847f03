//! Message passing on tensors: the one primitive that every layer stands on.

use std::cell::RefCell;

use tch::{Device, Kind, Tensor};

use super::TorchError;
use super::error::Named;
use super::tensor::{from_indices, int};

/// How messages into a node are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reduce {
    /// Their sum.
    Sum,
    /// Their mean; 0 for a node without messages.
    Mean,
    /// The greatest value of each entry; 0 for a node without messages. Equal greatest values
    /// share the gradient evenly.
    Max,
}

/// Directed edges as tensors, sorted by receiver: what messages travel along.
///
/// [`gather_source`](Self::gather_source) and [`gather_target`](Self::gather_target) bring
/// features of nodes to edges, [`reduce`](Self::reduce) and [`softmax`](Self::softmax) join what
/// edges carry at their receivers. [`aggregate`](Self::aggregate) does gather, scale and sum in one
/// step without a tensor of messages, and [`attend`](Self::attend) the same with softmax weights:
/// they are several times faster and need O(N d) memory in place of O(E d).
///
/// A copy shares its tensors.
#[derive(Debug)]
pub struct Edges {
    n_nodes: i64,
    source: Tensor,
    target: Tensor,
    /// Start of the edges into each node, `[N + 1]`.
    offsets: Tensor,
    /// Factor of each message, `[E]`: how explainers switch edges off.
    mask: Option<Tensor>,
    copies: RefCell<Vec<(i64, Edges)>>,
}

impl Edges {
    /// Edges that are sorted by receiver, with `offsets` where those into each node begin.
    pub(super) fn new(
        source: &[u32],
        target: &[u32],
        offsets: &[u32],
        device: Device,
    ) -> Result<Self, TorchError> {
        let tensor = |values: &[u32]| from_indices(values.iter().map(|&v| v.into()), device);
        Ok(Self {
            n_nodes: int(offsets.len()) - 1,
            source: tensor(source)?,
            target: tensor(target)?,
            offsets: tensor(offsets)?,
            mask: None,
            copies: RefCell::default(),
        })
    }

    /// Number of nodes, N.
    pub fn n_nodes(&self) -> i64 {
        self.n_nodes
    }

    /// Number of edges, E.
    pub fn n_edges(&self) -> i64 {
        self.source.size().first().copied().unwrap_or(0)
    }

    /// Senders `[E]`.
    pub fn source(&self) -> &Tensor {
        &self.source
    }

    /// Receivers `[E]`, ascending.
    pub fn target(&self) -> &Tensor {
        &self.target
    }

    /// The same edges with a factor for each message, `[E]`.
    pub(super) fn masked(&self, mask: Tensor) -> Self {
        Self {
            mask: Some(mask),
            ..self.shared()
        }
    }

    fn shared(&self) -> Self {
        Self {
            n_nodes: self.n_nodes,
            source: self.source.shallow_clone(),
            target: self.target.shallow_clone(),
            offsets: self.offsets.shallow_clone(),
            mask: self.mask.as_ref().map(Tensor::shallow_clone),
            copies: RefCell::default(),
        }
    }

    /// `n` copies of the graph side by side: node `i` of copy `k` is node `k N + i`. Attention with
    /// `n` heads, and `n` snapshots of one graph, are a single pass over it.
    ///
    /// # Errors
    ///
    /// [`TorchError`], for instance when the device has no room.
    pub fn copies(&self, n: i64) -> Result<Self, TorchError> {
        if n == 1 {
            return Ok(self.shared());
        }
        let known = self.known_copies(n);
        let is_new = known.is_none();
        let mut copies = known.map_or_else(|| self.lay_out(n), Ok)?;
        if is_new {
            self.copies.borrow_mut().push((n, copies.shared()));
        }
        if let Some(mask) = &self.mask {
            copies.mask = Some(mask.f_repeat([n]).named("repeat", &[mask])?);
        }
        Ok(copies)
    }

    fn known_copies(&self, n: i64) -> Option<Self> {
        let known = self.copies.borrow();
        let known = known.iter().find(|(of, _)| *of == n);
        known.map(|(_, copies)| copies.shared())
    }

    fn lay_out(&self, n: i64) -> Result<Self, TorchError> {
        let options = (Kind::Int64, self.source.device());
        let copy = Tensor::f_arange(n, options).named("arange", &[])?;
        let copy = copy.f_unsqueeze(1).named("unsqueeze", &[&copy])?;
        let shifted = |ids: &Tensor, by: i64| {
            let shift = copy.f_mul_scalar(by).named("mul", &[&copy])?;
            let ids = ids.f_add(&shift).named("add", &[ids, &shift])?;
            ids.f_reshape(-1).named("reshape", &[&ids])
        };
        let starts = self
            .offsets
            .f_narrow(0, 0, self.n_nodes)
            .named("narrow", &[&self.offsets])?;
        let starts = shifted(&starts, self.n_edges())?;
        let end = Tensor::f_full([1], n * self.n_edges(), options).named("full", &[])?;
        Ok(Self {
            n_nodes: n * self.n_nodes,
            source: shifted(&self.source, self.n_nodes)?,
            target: shifted(&self.target, self.n_nodes)?,
            offsets: Tensor::f_cat(&[&starts, &end], 0).named("cat", &[&starts, &end])?,
            mask: None,
            copies: RefCell::default(),
        })
    }

    /// Features of the senders: `x` of shape `[N, …]` gives `[E, …]`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for another number of nodes or another device.
    pub fn gather_source(&self, x: &Tensor) -> Result<Tensor, TorchError> {
        check_rows("gather", x, self.n_nodes)?;
        x.f_index_select(0, &self.source)
            .named("index_select", &[x, &self.source])
    }

    /// Features of the receivers: `x` of shape `[N, …]` gives `[E, …]`.
    ///
    /// # Errors
    ///
    /// Those of [`gather_source`](Self::gather_source).
    pub fn gather_target(&self, x: &Tensor) -> Result<Tensor, TorchError> {
        check_rows("gather", x, self.n_nodes)?;
        x.f_index_select(0, &self.target)
            .named("index_select", &[x, &self.target])
    }

    /// Joins messages `[E, …]` at their receivers, `[N, …]`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for another number of edges or another device.
    ///
    /// # Complexity
    ///
    /// O(E d) for messages of d entries.
    pub fn reduce(&self, messages: &Tensor, how: Reduce) -> Result<Tensor, TorchError> {
        check_rows("reduce", messages, self.n_edges())?;
        let masked;
        let messages = match &self.mask {
            Some(mask) => {
                let mask = per_row(mask, messages)?;
                masked = messages.f_mul(&mask).named("mul", &[messages, &mask])?;
                &masked
            }
            None => messages,
        };
        self.join(messages, how)
    }

    /// [`reduce`](Self::reduce) whatever the mask says.
    fn join(&self, messages: &Tensor, how: Reduce) -> Result<Tensor, TorchError> {
        if how == Reduce::Max {
            return self.maximum(messages, 0.0);
        }
        let mut shape = messages.size();
        shape[0] = self.n_nodes;
        let zeros = messages
            .f_new_zeros(&shape, (messages.kind(), messages.device()))
            .named("zeros", &[messages])?;
        let sum = zeros
            .f_index_add(0, &self.target, messages)
            .named("index_add", &[&zeros, &self.target, messages])?;
        if how == Reduce::Sum {
            return Ok(sum);
        }
        let degree = self.in_degree(sum.kind())?;
        let degree = per_row(&degree, &sum)?;
        sum.f_div(&degree).named("div", &[&sum, &degree])
    }

    /// Greatest value of each entry at each receiver; `empty` where there is none.
    fn maximum(&self, messages: &Tensor, empty: f64) -> Result<Tensor, TorchError> {
        let offsets = Some(&self.offsets);
        let lowest = f64::NEG_INFINITY;
        let greatest =
            Tensor::f_segment_reduce(messages, "max", None, None, offsets, 0, false, lowest)
                .named("segment_reduce", &[messages, &self.offsets])?;
        let none = self.counts()?.f_eq(0).named("eq", &[&self.offsets])?;
        let none = per_row(&none, &greatest)?;
        greatest
            .f_masked_fill(&none, empty)
            .named("masked_fill", &[&greatest, &none])
    }

    /// Number of edges into each node, `[N]`.
    fn counts(&self) -> Result<Tensor, TorchError> {
        self.offsets
            .f_diff::<&Tensor>(1, 0, None, None)
            .named("diff", &[&self.offsets])
    }

    /// Number of edges into each node, at least 1, `[N]`.
    fn in_degree(&self, kind: Kind) -> Result<Tensor, TorchError> {
        let degree = self.counts()?;
        let degree = degree.f_clamp_min(1).named("clamp_min", &[&degree])?;
        degree.f_to_kind(kind).named("to_kind", &[&degree])
    }

    /// One over the number of edges into the receiver of each edge, `[E]`: the weights of a mean.
    ///
    /// # Errors
    ///
    /// [`TorchError`], for instance when the device has no room.
    pub fn mean_weights(&self, kind: Kind) -> Result<Tensor, TorchError> {
        let degree = self.in_degree(kind)?;
        let inverse = degree.f_reciprocal().named("reciprocal", &[&degree])?;
        self.gather_target(&inverse)
    }

    /// Softmax of scores `[E]` over the edges into each receiver, `[E]`.
    ///
    /// `α_e = exp(s_e - max) / (Σ exp(s - max) + 1e-16)`, the maximum taken as a constant, as in
    /// `PyTorch` Geometric.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for another number of edges, another shape or another device.
    pub fn softmax(&self, scores: &Tensor) -> Result<Tensor, TorchError> {
        let raised = self.exponentials(scores)?;
        let total = self.gather_target(&self.totals(&raised)?)?;
        raised.f_div(&total).named("div", &[&raised, &total])
    }

    /// `exp(s - max)` over the edges into each receiver.
    fn exponentials(&self, scores: &Tensor) -> Result<Tensor, TorchError> {
        check_rows("softmax", scores, self.n_edges())?;
        let greatest = tch::no_grad(|| self.greatest(scores))?;
        let shifted = scores.f_sub(&greatest).named("sub", &[scores, &greatest])?;
        shifted.f_exp().named("exp", &[&shifted])
    }

    /// Greatest score into the receiver of each edge, `[E]`.
    fn greatest(&self, scores: &Tensor) -> Result<Tensor, TorchError> {
        let greatest = self.maximum(scores, 0.0)?;
        self.gather_target(&greatest)
    }

    /// Sum of `raised` at each receiver, never 0.
    fn totals(&self, raised: &Tensor) -> Result<Tensor, TorchError> {
        let total = self.join(raised, Reduce::Sum)?;
        total.f_add_scalar(1e-16).named("add", &[&total])
    }

    /// Sum of the senders' features at each receiver, scaled by `weights` `[E]` where given:
    /// `y_i = Σ_{j→i} w_ji x_j`. `x` of shape `[N, …]` gives `[N, …]`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, another kind or another device.
    ///
    /// # Complexity
    ///
    /// Time O(E d) and memory O(N d) for rows of d entries: no tensor of messages is made. Both
    /// `x` and `weights` get gradients.
    pub fn aggregate(&self, x: &Tensor, weights: Option<&Tensor>) -> Result<Tensor, TorchError> {
        check_rows("aggregate", x, self.n_nodes)?;
        let masked;
        let weights = match (weights, &self.mask) {
            (Some(weights), Some(mask)) => {
                masked = weights.f_mul(mask).named("mul", &[weights, mask])?;
                Some(&masked)
            }
            (weights, mask) => weights.or(mask.as_ref()),
        };
        let shape = x.size();
        let width = shape[1..].iter().product();
        let rows = x.f_reshape([self.n_nodes, width]).named("reshape", &[x])?;
        // A bag of rows of a table, summed with weights: the kernel that embeddings use.
        let (sum, ..) = Tensor::f_embedding_bag(
            &rows,
            &self.source,
            &self.offsets,
            false,
            0,
            false,
            weights,
            true,
        )
        .named("embedding_bag", &[&rows, &self.source, &self.offsets])?;
        if shape.len() == 2 {
            return Ok(sum);
        }
        sum.f_reshape(&shape).named("reshape", &[&sum])
    }

    /// Mean of the senders' features weighted by the softmax of `scores` `[E]` over the edges into
    /// each receiver: `y_i = Σ_{j→i} α_ji x_j`, `x` of shape `[N, d]`.
    ///
    /// `dropout` sets that share of the coefficients to 0 and scales the others up; 0 leaves all.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, another kind or another device.
    pub fn attend(&self, x: &Tensor, scores: &Tensor, dropout: f64) -> Result<Tensor, TorchError> {
        let raised = self.exponentials(scores)?;
        let total = self.totals(&raised)?;
        let kept = if dropout > 0.0 {
            raised
                .f_dropout(dropout, true)
                .named("dropout", &[&raised])?
        } else {
            raised
        };
        // Divided at the nodes, not at the edges: there are fewer of them.
        let sum = self.aggregate(x, Some(&kept))?;
        let total = per_row(&total, &sum)?;
        sum.f_div(&total).named("div", &[&sum, &total])
    }
}

/// The first axis of `x` has `expected` entries.
fn check_rows(op: &'static str, x: &Tensor, expected: i64) -> Result<(), TorchError> {
    let got = if x.defined() { x.size() } else { Vec::new() };
    if got.first() == Some(&expected) {
        return Ok(());
    }
    let source = format!("the first axis must have {expected} entries");
    Err(TorchError::new(op, &[x], source))
}

/// `values` `[R]` as `[R, 1, …]`, to go with `rows` of shape `[R, …]`.
fn per_row(values: &Tensor, rows: &Tensor) -> Result<Tensor, TorchError> {
    let mut shape = vec![1; rows.dim().max(1)];
    shape[0] = -1;
    values.f_reshape(&shape).named("reshape", &[values])
}

/// What a message can be made of, one row an edge.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ends {
    /// Features of the senders, `[E, …]`.
    pub source: Tensor,
    /// Features of the receivers, `[E, …]`.
    pub target: Tensor,
}

/// A layer that is told by its messages: write [`message`](Self::message), call
/// [`propagate`](Self::propagate).
///
/// # Example
///
/// The edge convolution of Wang et al. (2019), without its network: the greatest difference from a
/// neighbour.
///
/// ```
/// use astern_gnn::torch::tch::{Device, Kind};
/// use astern_gnn::torch::{Ends, GraphTensors, MessagePassing, Reduce, TorchError, tch::Tensor};
/// use astern_gnn::{Graph, SelfLoops, ndarray::array};
///
/// struct GreatestDifference;
///
/// impl MessagePassing for GreatestDifference {
///     fn message(&self, ends: &Ends) -> Result<Tensor, TorchError> {
///         let away = ends.source.f_sub(&ends.target);
///         away.map_err(|e| TorchError::new("sub", &[&ends.source, &ends.target], e))
///     }
///
///     fn reduce(&self) -> Reduce {
///         Reduce::Max
///     }
/// }
///
/// let graph = Graph::new(array![[1.0], [5.0], [2.0]], [(1, 0), (2, 0)])?;
/// let graph = GraphTensors::new(&graph, Kind::Double, Device::Cpu)?;
/// let edges = graph.edges(SelfLoops::AsGiven)?;
/// let y = GreatestDifference.propagate(graph.x(), &edges)?;
/// assert_eq!(y.f_double_value(&[0, 0])?, 4.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait MessagePassing {
    /// The message of every edge, `[E, …]`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] when libtorch refuses.
    fn message(&self, ends: &Ends) -> Result<Tensor, TorchError>;

    /// How messages are joined; a sum unless you say otherwise.
    fn reduce(&self) -> Reduce {
        Reduce::Sum
    }

    /// Gathers `x` `[N, …]` at both ends of every edge, makes the messages and joins them, `[N, …]`.
    ///
    /// # Errors
    ///
    /// Those of [`message`](Self::message), and [`TorchError`] for other shapes.
    fn propagate(&self, x: &Tensor, edges: &Edges) -> Result<Tensor, TorchError> {
        let ends = Ends {
            source: edges.gather_source(x)?,
            target: edges.gather_target(x)?,
        };
        edges.reduce(&self.message(&ends)?, self.reduce())
    }
}
