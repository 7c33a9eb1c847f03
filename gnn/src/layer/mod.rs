//! Message-passing layers in pure Rust: the reference forward passes, and what scores a trained
//! model where libtorch is absent.
//!
//! One file per layer. Each takes features `[N, inputs]` and a graph prepared for it, gives
//! `[N, outputs]`, computes in `f64` with a fixed order of summation (the same bytes on every
//! machine of a target), and is permutation equivariant: renumbering the nodes renumbers the rows
//! of the output and changes nothing else. Weights have the layout of `PyTorch` Geometric, so state
//! dicts map one to one.

mod gcn;

pub(crate) use gcn::check_input;
pub use gcn::{GcnConv, GcnGraph, SelfLoops};
