//! Sparse reconstruction of features and edges.

use tch::{Device, Reduction, Tensor};

use super::super::TorchError;
use super::super::error::Named;
use super::super::tensor::{from_indices, int};
use super::same_shape;
use crate::graph::EdgeIndex;
use crate::train::rule::share;
use crate::train::{NegativeSampler, NonEdges};

/// Sums of squares below this have square root 1e-12 and no gradient: that of the root is infinite
/// at 0.
const LEAST: f64 = 1e-24;

/// `|x_i - x̂_i|`, the Euclidean distance of each row, `[N]`; its gradient is 0 where there is no
/// error.
///
/// # Errors
///
/// [`TorchError`] for other shapes.
pub fn attribute_errors(x: &Tensor, reconstructed: &Tensor) -> Result<Tensor, TorchError> {
    same_shape("attribute_errors", x, reconstructed)?;
    let away = x.f_sub(reconstructed).named("sub", &[x, reconstructed])?;
    let away = away.f_square().named("square", &[&away])?;
    let sum = away
        .f_sum_dim_intlist(-1, false, away.kind())
        .named("sum", &[&away])?;
    let sum = sum.f_clamp_min(LEAST).named("clamp_min", &[&sum])?;
    sum.f_sqrt().named("sqrt", &[&sum])
}

/// How badly each node is reconstructed, `[N]` each.
#[derive(Debug)]
#[non_exhaustive]
pub struct NodeErrors {
    /// [`attribute_errors`].
    pub attribute: Tensor,
    /// Mean binary cross entropy of the node's pairs; 0 without any.
    pub structure: Tensor,
    /// `α attribute + (1 - α) structure`: the anomaly score; its mean is the loss.
    pub score: Tensor,
}

/// Auto-encoder loss of features and edges, for graphs of any size.
///
/// An edge between `i` and `j` is predicted by `z_i · z_j`. A node's pairs are its neighbours, which
/// should be predicted as edges, and `k` nodes that are none, which should not; [`NegativeSampler`] draws
/// them. Edges count without direction, loops and repeats not at all.
///
/// # Complexity
///
/// O((E + k N) d) time and memory, where the dense form takes O(N² d) time and O(N²) memory.
///
/// # Source
///
/// Ding, Li, Bhanushali and Liu, Deep Anomaly Detection on Attributed Networks (DOMINANT), 2019.
/// Deviations: cross entropy on pairs in place of the distance between the rows of dense
/// adjacencies; the decoder's `z_i · z_j` is a logit, so that non-edges can be predicted; the root has
/// no infinite gradient at 0.
///
/// # Example
///
/// ```
/// use astern_gnn::torch::loss::SparseReconstruction;
/// use astern_gnn::torch::tch::{Device, Kind, Tensor};
/// use astern_gnn::EdgeIndex;
///
/// let edges = EdgeIndex::new(4, [(0, 1), (2, 3)])?;
/// let loss = SparseReconstruction::new(&edges, 0.5, 2, Device::Cpu)?;
/// let z = Tensor::f_from_slice(&[5f32, 5.0, -5.0, -5.0])?.f_reshape([4, 1])?;
/// let x = Tensor::f_ones([4, 3], (Kind::Float, Device::Cpu))?;
/// let errors = loss.errors(&x, &x, &z, 7)?;
/// assert!(errors.score.f_max()?.f_double_value(&[])? < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SparseReconstruction {
    sampler: NegativeSampler,
    attribute_weight: f64,
    negatives: usize,
    /// Each edge from both ends, `[2 E]`.
    node: Tensor,
    other: Tensor,
    device: Device,
}

impl SparseReconstruction {
    /// For the graph of `edges`; `attribute_weight` is α, `negatives` is `k`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for a weight outside [0, 1], or when the device has no room.
    pub fn new(
        edges: &EdgeIndex,
        attribute_weight: f64,
        negatives: usize,
        device: Device,
    ) -> Result<Self, TorchError> {
        share("attribute_weight", attribute_weight)
            .map_err(|e| TorchError::new("reconstruction", &[], e))?;
        let sampler = NegativeSampler::new(edges);
        let (node, other): (Vec<_>, Vec<_>) = sampler.pairs().unzip();
        Ok(Self {
            node: from_indices(node.into_iter().map(i64::from), device)?,
            other: from_indices(other.into_iter().map(i64::from), device)?,
            sampler,
            attribute_weight,
            negatives,
            device,
        })
    }

    /// Errors of features `x` against `reconstructed`, both `[N, F]`, and of the edges predicted by `z`
    /// `[N, d]`; non-edges come from `seed`, so take a fixed one for scores.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes.
    pub fn errors(
        &self,
        x: &Tensor,
        reconstructed: &Tensor,
        z: &Tensor,
        seed: u64,
    ) -> Result<NodeErrors, TorchError> {
        let attribute = attribute_errors(x, reconstructed)?;
        let structure = self.structure_errors(z, seed)?;
        let alpha = self.attribute_weight;
        let own = attribute.f_mul_scalar(alpha).named("mul", &[&attribute])?;
        let pairs = structure
            .f_mul_scalar(1.0 - alpha)
            .named("mul", &[&structure])?;
        let score = own.f_add(&pairs).named("add", &[&own, &pairs])?;
        Ok(NodeErrors {
            attribute,
            structure,
            score,
        })
    }

    /// Weighted mean of the scores.
    ///
    /// # Errors
    ///
    /// Those of [`errors`](Self::errors), and for weights of another shape or sum 0.
    pub fn loss(
        &self,
        x: &Tensor,
        reconstructed: &Tensor,
        z: &Tensor,
        seed: u64,
        weights: Option<&Tensor>,
    ) -> Result<Tensor, TorchError> {
        super::mean(&self.errors(x, reconstructed, z, seed)?.score, weights)
    }

    /// [`NodeErrors::structure`] alone.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for another number of nodes.
    pub fn structure_errors(&self, z: &Tensor, seed: u64) -> Result<Tensor, TorchError> {
        let n = int(self.sampler.n_nodes());
        if z.dim() != 2 || z.size()[0] != n {
            let expected = format!("expected [{n}, d]");
            return Err(TorchError::new("reconstruction", &[z], expected));
        }
        let NonEdges { node, other } = self.sampler.draw(self.negatives, seed);
        let node = from_indices(node.into_iter().map(i64::from), self.device)?;
        let other = from_indices(other.into_iter().map(i64::from), self.device)?;
        let join = |a: &Tensor, b: &Tensor| Tensor::f_cat(&[a, b], 0).named("cat", &[a, b]);
        let ends = join(&self.node, &node)?;
        let z_ends = rows(z, &ends)?;
        let others = rows(z, &join(&self.other, &other)?)?;
        let logits = z_ends.f_mul(&others).named("mul", &[&z_ends, &others])?;
        let logits = logits
            .f_sum_dim_intlist(-1, false, z.kind())
            .named("sum", &[&logits])?;
        let options = (z.kind(), z.device());
        let count = |t: &Tensor| [int(t.numel())];
        let truth = join(
            &Tensor::f_ones(count(&self.node), options).named("ones", &[])?,
            &Tensor::f_zeros(count(&node), options).named("zeros", &[])?,
        )?;
        let none = Option::<&Tensor>::None;
        let items = logits
            .f_binary_cross_entropy_with_logits(&truth, none, none, Reduction::None)
            .named("binary_cross_entropy", &[&logits, &truth])?;
        let zeros = Tensor::f_zeros([n], options).named("zeros", &[])?;
        let one = items.f_ones_like().named("ones", &[&items])?;
        let sum = zeros.f_index_add(0, &ends, &items);
        let sum = sum.named("index_add", &[&zeros, &ends, &items])?;
        let pairs = zeros.f_index_add(0, &ends, &one);
        let pairs = pairs.and_then(|pairs| pairs.f_clamp_min(1.0));
        let pairs = pairs.named("index_add", &[&zeros, &ends])?;
        sum.f_div(&pairs).named("div", &[&sum, &pairs])
    }
}

fn rows(z: &Tensor, of: &Tensor) -> Result<Tensor, TorchError> {
    z.f_index_select(0, of).named("index_select", &[z, of])
}
