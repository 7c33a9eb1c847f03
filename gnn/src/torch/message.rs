//! Message passing on tensors: the one primitive that every layer stands on.

use tch::{Device, Kind, Tensor};

use super::TorchError;
use super::error::Named;
use super::kernel::{self, Sorted};
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
/// On the CPU all of these are kernels of this crate, whose results and gradients are the same bits
/// on any number of threads; on a GPU they are libtorch's.
#[derive(Debug)]
pub struct Edges {
    n_nodes: i64,
    source: Tensor,
    target: Tensor,
    /// Start of the edges into each node, `[N + 1]`.
    offsets: Tensor,
    /// Start of the edges out of each node in `out_order`, `[N + 1]`.
    out_offsets: Tensor,
    /// Edges by sender, `[E]`.
    out_order: Tensor,
    /// Factor of each message, `[E]`: how explainers switch edges off.
    mask: Option<Tensor>,
    /// Leaves the kernels out, as on a GPU.
    #[cfg(test)]
    by_libtorch: bool,
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
        // Senders may be others than receivers: the nodes of a batch that send to their graphs.
        let senders = source.iter().map(|&j| j as usize + 1).max().unwrap_or(0);
        let (out_offsets, out_order) = by_source(source, senders.max(offsets.len() - 1));
        Ok(Self {
            n_nodes: int(offsets.len()) - 1,
            source: tensor(source)?,
            target: tensor(target)?,
            offsets: tensor(offsets)?,
            out_offsets: tensor(&out_offsets)?,
            out_order: tensor(&out_order)?,
            mask: None,
            #[cfg(test)]
            by_libtorch: false,
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

    /// The same edges in other hands; tensors are shared.
    pub(super) fn shared(&self) -> Self {
        Self {
            n_nodes: self.n_nodes,
            source: self.source.shallow_clone(),
            target: self.target.shallow_clone(),
            offsets: self.offsets.shallow_clone(),
            out_offsets: self.out_offsets.shallow_clone(),
            out_order: self.out_order.shallow_clone(),
            mask: self.mask.as_ref().map(Tensor::shallow_clone),
            #[cfg(test)]
            by_libtorch: self.by_libtorch,
        }
    }

    fn sorted(&self) -> Sorted<'_> {
        Sorted {
            source: &self.source,
            target: &self.target,
            offsets: &self.offsets,
            out_offsets: &self.out_offsets,
            out_order: &self.out_order,
        }
    }

    /// Whether the kernels of this crate take `tensor` and these edges.
    fn fits(&self, tensor: &Tensor) -> bool {
        #[cfg(test)]
        if self.by_libtorch {
            return false;
        }
        kernel::fits(tensor) && self.source.device() == Device::Cpu
    }

    /// Features of the senders: `x` of shape `[N, …]` gives `[E, …]`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for another number of nodes or another device.
    pub fn gather_source(&self, x: &Tensor) -> Result<Tensor, TorchError> {
        check_rows("gather", x, self.n_nodes)?;
        if self.fits(x) {
            return kernel::gather_source(x, self.sorted());
        }
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
        if self.fits(x) {
            return kernel::gather_target(x, self.sorted());
        }
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
        let sum = self.sum(messages)?;
        if how == Reduce::Sum {
            return Ok(sum);
        }
        let degree = self.in_degree(sum.kind())?;
        let degree = per_row(&degree, &sum)?;
        sum.f_div(&degree).named("div", &[&sum, &degree])
    }

    fn sum(&self, messages: &Tensor) -> Result<Tensor, TorchError> {
        if self.fits(messages) {
            return kernel::segment_sum(messages, self.sorted());
        }
        let mut shape = messages.size();
        shape[0] = self.n_nodes;
        let zeros = messages
            .f_new_zeros(&shape, (messages.kind(), messages.device()))
            .named("zeros", &[messages])?;
        zeros
            .f_index_add(0, &self.target, messages)
            .named("index_add", &[&zeros, &self.target, messages])
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

    /// Softmax of scores over the edges into each receiver, each head by itself: `[E]` or `[E, H]`
    /// to the same shape.
    ///
    /// `α_e = exp(s_e - max) / (Σ exp(s - max) + 1e-16)`, the maximum taken as a constant, as in
    /// `PyTorch` Geometric.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for another number of edges or another device.
    pub fn softmax(&self, scores: &Tensor) -> Result<Tensor, TorchError> {
        check_rows("softmax", scores, self.n_edges())?;
        if self.fits(scores) {
            return kernel::softmax(scores, self.sorted());
        }
        let greatest = tch::no_grad(|| self.gather_target(&self.maximum(scores, 0.0)?))?;
        let shifted = scores.f_sub(&greatest).named("sub", &[scores, &greatest])?;
        let raised = shifted.f_exp().named("exp", &[&shifted])?;
        let total = self.gather_target(&self.sum(&raised)?)?;
        let total = total.f_add_scalar(1e-16).named("add", &[&total])?;
        raised.f_div(&total).named("div", &[&raised, &total])
    }

    /// Sum of the senders' features at each receiver, scaled by `weights` where given:
    /// `y_i = Σ_{j→i} w_ji x_j`. `x` of shape `[N, …]` gives `[N, …]`.
    ///
    /// Weights are `[E]`, or `[E, H]` for H heads, each of which scales its share of the entries of
    /// a row, one after the other.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, another kind or another device.
    ///
    /// # Complexity
    ///
    /// Time O(E d) and memory O(N d) for rows of d entries, on the CPU without a tensor of
    /// messages. Both `x` and `weights` get gradients.
    pub fn aggregate(&self, x: &Tensor, weights: Option<&Tensor>) -> Result<Tensor, TorchError> {
        check_rows("aggregate", x, self.n_nodes)?;
        if let Some(weights) = weights {
            check_rows("aggregate", weights, self.n_edges())?;
        }
        let masked;
        let weights = match (weights, &self.mask) {
            (Some(weights), Some(mask)) => {
                let mask = per_row(mask, weights)?;
                masked = weights.f_mul(&mask).named("mul", &[weights, &mask])?;
                Some(&masked)
            }
            (weights, mask) => weights.or(mask.as_ref()),
        };
        if let Some(other) = weights.filter(|w| w.kind() != x.kind()) {
            let source = format!("rows are {:?}, weights {:?}", x.kind(), other.kind());
            return Err(TorchError::new("aggregate", &[x, other], source));
        }
        let heads = weights.map_or(1, |w| w.size().get(1).copied().unwrap_or(1));
        let shape = x.size();
        let width = shape.iter().skip(1).product::<i64>();
        if heads == 0 || width % heads != 0 {
            let source = format!("{heads} heads do not divide rows of {width} entries");
            return Err(TorchError::new("aggregate", &[x], source));
        }
        let rows = x.f_reshape([self.n_nodes, width]).named("reshape", &[x])?;
        let sum = if self.fits(x) && weights.is_none_or(|w| self.fits(w)) {
            kernel::aggregate(&rows, weights, self.sorted(), heads)?
        } else {
            self.aggregate_by_messages(&rows, weights, heads)?
        };
        sum.f_reshape(&shape).named("reshape", &[&sum])
    }

    fn aggregate_by_messages(
        &self,
        rows: &Tensor,
        weights: Option<&Tensor>,
        heads: i64,
    ) -> Result<Tensor, TorchError> {
        let messages = self.gather_source(rows)?;
        let Some(weights) = weights else {
            return self.sum(&messages);
        };
        let width = rows.size().get(1).copied().unwrap_or(0);
        let parts = [self.n_edges(), heads, width / heads.max(1)];
        let messages = messages.f_reshape(parts).named("reshape", &[&messages])?;
        let weights = weights
            .f_reshape([self.n_edges(), heads, 1])
            .named("reshape", &[weights])?;
        let messages = messages
            .f_mul(&weights)
            .named("mul", &[&messages, &weights])?;
        let sum = self.sum(&messages)?;
        sum.f_reshape([self.n_nodes, width])
            .named("reshape", &[&sum])
    }

    /// Mean of the senders' features weighted by the softmax of `scores` over the edges into each
    /// receiver: `y_i = Σ_{j→i} α_ji x_j`, `x` of shape `[N, H C]`, scores `[E, H]`.
    ///
    /// `dropout` sets that share of the coefficients to 0 and scales the others up; 0 leaves all.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, another kind or another device.
    pub fn attend(&self, x: &Tensor, scores: &Tensor, dropout: f64) -> Result<Tensor, TorchError> {
        let alpha = self.softmax(scores)?;
        if dropout > 0.0 {
            let kept = alpha.f_dropout(dropout, true).named("dropout", &[&alpha])?;
            return self.aggregate(x, Some(&kept));
        }
        self.aggregate(x, Some(&alpha))
    }

    /// Scores of attention: `<a, LeakyReLU(l_j + r_i + m_e)>` for every head, `[E, H]`; `l` and `r`
    /// of shape `[N, H C]`, `m` of shape `[E, H C]`, `a` of shape `[1, H, C]`.
    pub(super) fn scores(
        &self,
        [left, right, vector]: [&Tensor; 3],
        of_edges: Option<&Tensor>,
        slope: f64,
    ) -> Result<Tensor, TorchError> {
        check_rows("scores", left, self.n_nodes)?;
        let [_, heads, width] = vector.size()[..] else {
            return Err(TorchError::new("scores", &[vector], "one vector a head"));
        };
        if self.fits(left) && left.size() == [self.n_nodes, heads * width] {
            return kernel::scores([left, right, vector], of_edges, self.sorted(), heads, slope);
        }
        let source = self.gather_source(left)?;
        let target = self.gather_target(right)?;
        let mut sum = source.f_add(&target).named("add", &[&source, &target])?;
        if let Some(of_edges) = of_edges {
            sum = sum.f_add(of_edges).named("add", &[&sum, of_edges])?;
        }
        let active = leaky_relu(&sum, slope)?;
        let active = active
            .f_reshape([-1, heads, width])
            .named("reshape", &[&active])?;
        let products = active.f_mul(vector).named("mul", &[&active, vector])?;
        products
            .f_sum_dim_intlist([-1].as_slice(), false, products.kind())
            .named("sum", &[&products])
    }
}

/// `x` where it is above 0, else `slope * x`.
///
/// The derivative of `LeakyReLU`, with `x` as what it is multiplied by: `tch` has the function itself
/// only with slope .01.
fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor, TorchError> {
    let sign = x.f_detach().named("detach", &[x])?;
    sign.f_leaky_relu_backward(x, slope, false)
        .named("leaky_relu", &[x])
}

/// Edges by sender: where those of each of `n_nodes` begin, and which they are, ascending.
fn by_source(source: &[u32], n_nodes: usize) -> (Vec<u32>, Vec<u32>) {
    let mut offsets = vec![0u32; n_nodes + 1];
    for &j in source {
        offsets[j as usize + 1] += 1;
    }
    for j in 0..n_nodes {
        offsets[j + 1] += offsets[j];
    }
    let mut next = offsets.clone();
    let mut edges = vec![0; source.len()];
    for (e, &j) in (0u32..).zip(source) {
        let place = &mut next[j as usize];
        edges[*place as usize] = e;
        *place += 1;
    }
    (offsets, edges)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]

    use super::*;
    use crate::torch::Init;
    use crate::{EdgeIndex, Propagation, SelfLoops};

    const NODES: i64 = 40;
    const HEADS: i64 = 3;
    const WIDTH: i64 = 11;

    /// Edges with a hub, a node without edges in, one without edges out, and repeated edges.
    fn edges() -> Edges {
        let pairs = (0..400u32).map(|k| ((k * k + 3 * k) % 39, 1 + (k * 7 + k / 9) % 39));
        let pairs = pairs.map(|(j, i)| if i % 5 == 0 { (j, 7) } else { (j, i) });
        let index = EdgeIndex::new(40, pairs).unwrap();
        let index = Propagation::new(&index, SelfLoops::AsGiven);
        Edges::new(index.source(), index.target(), index.offsets(), Device::Cpu).unwrap()
    }

    fn leaf(shape: &[i64], seed: u64) -> Tensor {
        let mut init = Init::new(seed, Kind::Double, Device::Cpu);
        init.uniform(shape, 2.0).unwrap()
    }

    /// The output of `run` on `leaves`, and the gradients of the sum of its squares.
    fn everything(leaves: &[&Tensor], run: impl FnOnce() -> Tensor) -> Vec<Vec<f64>> {
        let y = run();
        y.square().sum(Kind::Double).backward();
        let mut all = vec![super::super::tensor::to_values(&y).unwrap()];
        for leaf in leaves {
            let mut gradient = leaf.grad();
            all.push(super::super::tensor::to_values(&gradient).unwrap());
            let _ = gradient.zero_();
        }
        all
    }

    fn assert_close(a: &[Vec<f64>], b: &[Vec<f64>]) {
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().flatten().zip(b.iter().flatten()) {
            assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{a} is not {b}");
        }
    }

    /// The same edges where the kernels do not apply, as on a GPU.
    fn by_libtorch(edges: &Edges) -> Edges {
        Edges {
            by_libtorch: true,
            ..edges.shared()
        }
    }

    #[test]
    fn kernels_and_libtorch_agree_on_values_and_gradients() {
        let kernels = edges();
        let plain = by_libtorch(&kernels);
        let n_edges = kernels.n_edges();
        let x = leaf(&[NODES, HEADS * WIDTH], 1);
        let right = leaf(&[NODES, HEADS * WIDTH], 2);
        let w = leaf(&[n_edges, HEADS], 3);
        let m = leaf(&[n_edges, HEADS * WIDTH], 4);
        let v = leaf(&[1, HEADS, WIDTH], 5);
        let both = |leaves: &[&Tensor], run: &dyn Fn(&Edges) -> Tensor| {
            let ours = everything(leaves, || run(&kernels));
            assert_close(&ours, &everything(leaves, || run(&plain)));
        };
        both(&[&x, &w], &|e| e.aggregate(&x, Some(&w)).unwrap());
        both(&[&x], &|e| e.aggregate(&x, None).unwrap());
        both(&[&w], &|e| e.softmax(&w).unwrap());
        both(&[&x, &w], &|e| e.attend(&x, &w, 0.0).unwrap());
        both(&[&x], &|e| e.gather_source(&x).unwrap());
        both(&[&x], &|e| e.gather_target(&x).unwrap());
        for how in [Reduce::Sum, Reduce::Mean, Reduce::Max] {
            both(&[&m], &|e| e.reduce(&m, how).unwrap());
        }
        both(&[&x, &right, &v, &m], &|e| {
            e.scores([&x, &right, &v], Some(&m), 0.2).unwrap()
        });
        both(&[&x, &v], &|e| e.scores([&x, &x, &v], None, 0.2).unwrap());
        let mask = leaf(&[n_edges], 6);
        both(&[&x, &w, &mask], &|e| {
            let e = e.masked(mask.shallow_clone());
            e.attend(&x, &w, 0.0).unwrap()
        });
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let edges = edges();
        let x = leaf(&[NODES, 4096], 1);
        let v = leaf(&[1, 1, 4096], 2);
        let run = || {
            everything(&[&x, &v], || {
                let scores = edges.scores([&x, &x, &v], None, 0.2).unwrap();
                edges.attend(&x, &scores, 0.0).unwrap()
            })
        };
        let threads = tch::get_num_threads();
        tch::set_num_threads(1);
        let one = run();
        tch::set_num_threads(2);
        let two = run();
        tch::set_num_threads(threads);
        assert_eq!(one, two);
    }
}
