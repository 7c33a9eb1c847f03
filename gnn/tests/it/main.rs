//! The crate from outside, as its users see it.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod auto_traits;
mod data;
mod explain;
mod graph;
mod layer_settings;
mod layers;
mod network;
mod one_class;
#[cfg(feature = "onnx")]
mod onnx;
mod pretraining;
mod settings_files;
mod support;
#[cfg(feature = "torch")]
mod torch;
mod training;
