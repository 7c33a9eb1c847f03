//! Directed edges, and features of nodes at their ends.

use tch::{Device, Tensor};

use super::check_rows;
use crate::torch::TorchError;
use crate::torch::error::Named;
use crate::torch::kernel::{self, Sorted};
use crate::torch::tensor::{copied, from_indices, int};

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
///
/// No handle of the tensors that hold ids leaves the crate.
#[derive(Debug)]
pub struct Edges {
    pub(super) n_nodes: i64,
    source: Tensor,
    pub(super) target: Tensor,
    /// Start of the edges into each node, `[N + 1]`.
    pub(super) offsets: Tensor,
    /// Start of the edges out of each node in `out_order`, `[N + 1]`.
    out_offsets: Tensor,
    /// Edges by sender, `[E]`.
    out_order: Tensor,
    /// Factor of each message, `[E]`: how explainers switch edges off.
    pub(super) mask: Option<Tensor>,
    /// Leaves the kernels out, as on a GPU.
    #[cfg(test)]
    pub(super) by_libtorch: bool,
}

impl Edges {
    /// Edges that are sorted by receiver, with `offsets` where those into each node begin.
    pub(in crate::torch) fn new(
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

    /// Senders `[E]`: a copy, because the kernels trust the ids that the edges hold, and a tensor
    /// shares its storage with every other handle of it.
    ///
    /// # Errors
    ///
    /// [`TorchError`], for instance when the device has no room.
    pub fn source(&self) -> Result<Tensor, TorchError> {
        copied(&self.source)
    }

    /// Receivers `[E]`, ascending: a copy, as of [`source`](Self::source).
    ///
    /// # Errors
    ///
    /// Those of [`source`](Self::source).
    pub fn target(&self) -> Result<Tensor, TorchError> {
        copied(&self.target)
    }

    /// The same edges with a factor for each message, `[E]`.
    pub(in crate::torch) fn masked(&self, mask: Tensor) -> Self {
        Self {
            mask: Some(mask),
            ..self.shared()
        }
    }

    /// The same edges in other hands; tensors are shared.
    pub(in crate::torch) fn shared(&self) -> Self {
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

    pub(super) fn sorted(&self) -> Sorted<'_> {
        Sorted {
            source: &self.source,
            target: &self.target,
            offsets: &self.offsets,
            out_offsets: &self.out_offsets,
            out_order: &self.out_order,
        }
    }

    /// Whether the kernels of this crate take `tensor` and these edges.
    pub(super) fn fits(&self, tensor: &Tensor) -> bool {
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
