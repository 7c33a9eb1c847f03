//! Message passing on the CPU as operations of libtorch's autograd, written in C++
//! (`kernel.cpp`): `tch` cannot define operations with gradients of their own.
//!
//! Beside the operations that libtorch has, these need no tensor of messages `[E, d]`, use that
//! edges are sorted on both sides, and give the same bits on any number of threads. They take
//! contiguous or other tensors of kind `Float` or `Double` on the CPU; [`fits`] says whether a
//! tensor is one. Whoever has another handle of an input can change its numbers and its shape at any time, so
//! the C++ side checks shapes itself and keeps tensors of its own for the gradient. Ids it trusts:
//! [`Edges`](super::message::Edges) makes them in range, and gives no handle of them away.

#![allow(unsafe_code, reason = "calls into C++")]

use std::ffi::{CStr, c_char};
use std::ptr;

use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

use super::TorchError;

/// Room for what C++ says went wrong.
const MESSAGE: usize = 1024;

/// Edges sorted by receiver, and by sender through `out_order`, all `Int64` on the CPU and in
/// range.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sorted<'a> {
    pub(super) source: &'a Tensor,
    pub(super) target: &'a Tensor,
    pub(super) offsets: &'a Tensor,
    pub(super) out_offsets: &'a Tensor,
    pub(super) out_order: &'a Tensor,
}

#[repr(C)]
struct AsternEdges {
    source: *const C_tensor,
    target: *const C_tensor,
    offsets: *const C_tensor,
    out_offsets: *const C_tensor,
    out_order: *const C_tensor,
}

impl Sorted<'_> {
    fn raw(self) -> AsternEdges {
        AsternEdges {
            source: self.source.as_ptr(),
            target: self.target.as_ptr(),
            offsets: self.offsets.as_ptr(),
            out_offsets: self.out_offsets.as_ptr(),
            out_order: self.out_order.as_ptr(),
        }
    }
}

unsafe extern "C" {
    fn astern_aggregate(
        x: *const C_tensor,
        w: *const C_tensor,
        g: *const AsternEdges,
        heads: i64,
        message: *mut c_char,
        capacity: usize,
    ) -> *mut C_tensor;
    fn astern_scores(
        l: *const C_tensor,
        r: *const C_tensor,
        m: *const C_tensor,
        a: *const C_tensor,
        g: *const AsternEdges,
        heads: i64,
        slope: f64,
        message: *mut c_char,
        capacity: usize,
    ) -> *mut C_tensor;
    fn astern_softmax(
        scores: *const C_tensor,
        g: *const AsternEdges,
        message: *mut c_char,
        capacity: usize,
    ) -> *mut C_tensor;
    fn astern_gather_source(
        x: *const C_tensor,
        g: *const AsternEdges,
        message: *mut c_char,
        capacity: usize,
    ) -> *mut C_tensor;
    fn astern_gather_target(
        x: *const C_tensor,
        g: *const AsternEdges,
        message: *mut c_char,
        capacity: usize,
    ) -> *mut C_tensor;
    fn astern_segment_sum(
        values: *const C_tensor,
        g: *const AsternEdges,
        message: *mut c_char,
        capacity: usize,
    ) -> *mut C_tensor;
}

/// Whether the kernels take `tensor`.
pub(super) fn fits(tensor: &Tensor) -> bool {
    tensor.defined()
        && tensor.device() == Device::Cpu
        && matches!(tensor.kind(), Kind::Float | Kind::Double)
}

/// `Σ_{j→i} w x_j` per head: `x` `[N, H C]`, `w` `[E, H]`; gives `[N, H C]`.
pub(super) fn aggregate(
    x: &Tensor,
    w: Option<&Tensor>,
    edges: Sorted<'_>,
    heads: i64,
) -> Result<Tensor, TorchError> {
    let (of_x, of_w, g) = (x.as_ptr(), pointer(w), edges.raw());
    // SAFETY: see `made`.
    made("aggregate", &[x], |message, capacity| unsafe {
        astern_aggregate(of_x, of_w, &raw const g, heads, message, capacity)
    })
}

/// `<a, LeakyReLU(l_j + r_i + m_e)>` per head: `l`, `r` `[N, H C]`, `m` `[E, H C]`, `a` of `H C`
/// entries; gives `[E, H]`.
pub(super) fn scores(
    [l, r, a]: [&Tensor; 3],
    m: Option<&Tensor>,
    edges: Sorted<'_>,
    heads: i64,
    slope: f64,
) -> Result<Tensor, TorchError> {
    let (of_l, of_r, of_m, of_a) = (l.as_ptr(), r.as_ptr(), pointer(m), a.as_ptr());
    let g = edges.raw();
    // SAFETY: see `made`.
    made("scores", &[l, r, a], |message, capacity| unsafe {
        let g = &raw const g;
        astern_scores(of_l, of_r, of_m, of_a, g, heads, slope, message, capacity)
    })
}

/// Softmax of `scores` `[E, …]` over the edges into each node.
pub(super) fn softmax(scores: &Tensor, edges: Sorted<'_>) -> Result<Tensor, TorchError> {
    let (of, g) = (scores.as_ptr(), edges.raw());
    // SAFETY: see `made`.
    made("softmax", &[scores], |message, capacity| unsafe {
        astern_softmax(of, &raw const g, message, capacity)
    })
}

/// Rows of `x` `[N, …]` at the senders, `[E, …]`.
pub(super) fn gather_source(x: &Tensor, edges: Sorted<'_>) -> Result<Tensor, TorchError> {
    let (of, g) = (x.as_ptr(), edges.raw());
    // SAFETY: see `made`.
    made("gather", &[x], |message, capacity| unsafe {
        astern_gather_source(of, &raw const g, message, capacity)
    })
}

/// Rows of `x` `[N, …]` at the receivers, `[E, …]`.
pub(super) fn gather_target(x: &Tensor, edges: Sorted<'_>) -> Result<Tensor, TorchError> {
    let (of, g) = (x.as_ptr(), edges.raw());
    // SAFETY: see `made`.
    made("gather", &[x], |message, capacity| unsafe {
        astern_gather_target(of, &raw const g, message, capacity)
    })
}

/// Sum of `values` `[E, …]` at the receivers, `[N, …]`.
pub(super) fn segment_sum(values: &Tensor, edges: Sorted<'_>) -> Result<Tensor, TorchError> {
    let (of, g) = (values.as_ptr(), edges.raw());
    // SAFETY: see `made`.
    made("segment_sum", &[values], |message, capacity| unsafe {
        astern_segment_sum(of, &raw const g, message, capacity)
    })
}

fn pointer(tensor: Option<&Tensor>) -> *const C_tensor {
    tensor.map_or(ptr::null(), Tensor::as_ptr)
}

/// The tensor that `call` makes, or what it says went wrong.
///
/// What every caller holds to: the pointers come from tensors that are borrowed until the call
/// returns; ids are in range and stay so, since no handle of them leaves the crate; the message
/// has the given capacity; the C++ side reads tensors, checks the shapes of values, catches every exception, ends the message with 0, and returns null or a tensor on the heap that is ours from
/// then on, as those of torch-sys are.
fn made(
    op: &'static str,
    inputs: &[&Tensor],
    call: impl FnOnce(*mut c_char, usize) -> *mut C_tensor,
) -> Result<Tensor, TorchError> {
    let mut message = [0u8; MESSAGE];
    let result = call(message.as_mut_ptr().cast(), MESSAGE);
    if result.is_null() {
        let text = CStr::from_bytes_until_nul(&message).unwrap_or_default();
        return Err(TorchError::new(op, inputs, text.to_string_lossy()));
    }
    // SAFETY: not null, so a tensor on the heap that nothing else owns.
    Ok(unsafe { Tensor::from_ptr(result) })
}
