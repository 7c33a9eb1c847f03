//! Rows and edges of synthetic nodes, with gradients.

use tch::{Device, Kind, Tensor};

use super::super::error::Named;
use super::super::loss::SparseReconstruction;
use super::super::tensor::{from_indices, from_values, int, to_values};
use super::super::{Init, Linear, Module, TorchError, Visitor};
use crate::graph::EdgeIndex;
use crate::layer::LinearConfig;
use crate::train::SmotePlan;

/// Makes the rows of the nodes of a [`SmotePlan`], on a device.
#[derive(Debug)]
pub struct SmoteTensors {
    n_original: i64,
    parent: Tensor,
    partner: Tensor,
    /// `[S, 1]`.
    ratio: Tensor,
}

impl SmoteTensors {
    /// For the nodes of `plan`.
    ///
    /// # Errors
    ///
    /// [`TorchError`], for instance when the device has no room.
    pub fn new(plan: &SmotePlan, kind: Kind, device: Device) -> Result<Self, TorchError> {
        let new = plan.synthetic();
        let ratio: Vec<f64> = new.iter().map(|s| s.ratio).collect();
        Ok(Self {
            n_original: int(plan.n_original()),
            parent: from_indices(new.iter().map(|s| s.parent.into()), device)?,
            partner: from_indices(new.iter().map(|s| s.partner.into()), device)?,
            ratio: from_values(&ratio, &[int(ratio.len()), 1], kind, device)?,
        })
    }

    /// `h` `[N, d]` with the rows of the new nodes below, `[N + S, d]`:
    /// `(1 - δ) h_parent + δ h_partner`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for another number of nodes.
    pub fn extend(&self, h: &Tensor) -> Result<Tensor, TorchError> {
        if h.dim() != 2 || h.size()[0] != self.n_original {
            let expected = format!("expected [{}, d]", self.n_original);
            return Err(TorchError::new("smote", &[h], expected));
        }
        let rows = |of: &Tensor| h.f_index_select(0, of).named("index_select", &[h, of]);
        let (parent, partner) = (rows(&self.parent)?, rows(&self.partner)?);
        let new = parent
            .f_lerp_tensor(&partner, &self.ratio)
            .named("lerp", &[&parent, &partner, &self.ratio])?;
        Tensor::f_cat(&[h, &new], 0).named("cat", &[h, &new])
    }
}

/// Predicts how likely an edge between two nodes is from their embeddings, `σ(W h_i · W h_j)`, to choose
/// or to weigh the edges of synthetic nodes.
///
/// Train it on the edges there are by [`loss`](Self::loss). The paper's squared error over all pairs
/// of nodes is cross entropy over edges and sampled non-edges here, O(E + k N).
///
/// # Example
///
/// ```
/// use astern_gnn::EdgeIndex;
/// use astern_gnn::ndarray::array;
/// use astern_gnn::torch::loss::SparseReconstruction;
/// use astern_gnn::torch::tch::{Device, Kind};
/// use astern_gnn::torch::train::{EdgePredictor, SmoteTensors};
/// use astern_gnn::torch::{Init, tensor_of};
/// use astern_gnn::train::Smote;
///
/// let x = array![[1.0, 0.0], [0.9, 0.2], [0.0, 1.0], [0.1, 0.8]];
/// let edges = EdgeIndex::new(4, [(0, 1), (2, 3)])?;
/// let plan = Smote::new(&[1]).plan(&x, &[1, 1, 0, 0], &[0, 1, 2, 3])?;
/// let candidates = plan.candidates(&edges)?;
///
/// let h = tensor_of(&x, Kind::Float, Device::Cpu)?;
/// let h = SmoteTensors::new(&plan, Kind::Float, Device::Cpu)?.extend(&h)?;
/// let predictor = EdgePredictor::new(2, &mut Init::new(1, Kind::Float, Device::Cpu))?;
/// let chosen = predictor.choose(&h, &candidates, 0.5)?;
/// let graph = plan.edges(&edges, chosen)?;
/// assert_eq!(graph.n_nodes(), 6);
///
/// let pairs = SparseReconstruction::new(&edges, 0.0, 2, Device::Cpu)?;
/// let loss = predictor.loss(&h.f_narrow(0, 0, 4)?, &pairs, 7)?;
/// assert!(loss.f_double_value(&[])? > 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct EdgePredictor {
    lin: Linear,
}

impl EdgePredictor {
    /// For embeddings of this width, with random weights.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for a width of 0, or when the device has no room.
    pub fn new(width: usize, init: &mut Init) -> Result<Self, TorchError> {
        let config = LinearConfig::new(width, width).bias(false);
        let lin = Linear::new(&config, init)?;
        Ok(Self { lin })
    }

    /// Probability of each of `edges` between rows of `h` `[N, d]`, `[E]`, with gradients.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for another width, or an edge that ends at no row.
    pub fn probabilities(&self, h: &Tensor, edges: &[(u32, u32)]) -> Result<Tensor, TorchError> {
        let z = self.lin.apply(h)?;
        let end = |nodes: Vec<i64>| {
            let nodes = from_indices(nodes, z.device())?;
            z.f_index_select(0, &nodes)
                .named("index_select", &[&z, &nodes])
        };
        let source = end(edges.iter().map(|e| e.0.into()).collect())?;
        let target = end(edges.iter().map(|e| e.1.into()).collect())?;
        let logits = source.f_mul(&target).named("mul", &[&source, &target])?;
        let logits = logits
            .f_sum_dim_intlist(-1, false, z.kind())
            .named("sum", &[&logits])?;
        logits.f_sigmoid().named("sigmoid", &[&logits])
    }

    /// Those of `edges` with at least this probability.
    ///
    /// # Errors
    ///
    /// Those of [`probabilities`](Self::probabilities).
    pub fn choose(
        &self,
        h: &Tensor,
        edges: &[(u32, u32)],
        least: f64,
    ) -> Result<Vec<(u32, u32)>, TorchError> {
        let probabilities = tch::no_grad(|| self.probabilities(h, edges))?;
        let probabilities = to_values(&probabilities)?;
        let likely = edges.iter().zip(probabilities).filter(|(_, p)| *p >= least);
        Ok(likely.map(|(edge, _)| *edge).collect())
    }

    /// Factors of all messages of `graph`, made by [`SmotePlan::edges`] with all of `candidates`:
    /// 1 for the edges there were, their probability for the others. For
    /// [`GraphTensors::masked`](super::super::GraphTensors::masked); the predictor then learns from
    /// the loss of the classes too.
    ///
    /// # Errors
    ///
    /// Those of [`probabilities`](Self::probabilities), and for a graph with other edges.
    pub fn mask(
        &self,
        h: &Tensor,
        graph: &EdgeIndex,
        candidates: &[(u32, u32)],
    ) -> Result<Tensor, TorchError> {
        let Some(known) = graph.n_edges().checked_sub(candidates.len()) else {
            let source = "the graph has fewer edges than there are candidates";
            return Err(TorchError::new("mask", &[h], source));
        };
        let soft = self.probabilities(h, candidates)?;
        let ones = Tensor::f_ones([int(known)], (soft.kind(), soft.device()));
        let ones = ones.named("ones", &[])?;
        let all = Tensor::f_cat(&[&ones, &soft], 0).named("cat", &[&ones, &soft])?;
        let order = from_indices(graph.given().iter().map(|&e| e.into()), all.device())?;
        all.f_index_select(0, &order)
            .named("index_select", &[&all, &order])
    }

    /// Mean cross entropy over edges and non-edges of `pairs`, the latter drawn from `seed`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes.
    pub fn loss(
        &self,
        h: &Tensor,
        pairs: &SparseReconstruction,
        seed: u64,
    ) -> Result<Tensor, TorchError> {
        let errors = pairs.structure_errors(&self.lin.apply(h)?, seed)?;
        errors.f_mean(errors.kind()).named("mean", &[&errors])
    }
}

impl Module for EdgePredictor {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.module("lin", &self.lin);
    }
}
