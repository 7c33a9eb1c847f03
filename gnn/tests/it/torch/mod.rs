//! What needs libtorch.
//!
//! Trainings have libtorch's one generator to themselves by a lock. A test that draws from it outside of a training
//! stands in `torch_dropout.rs`, which is a process of its own.

mod checkpoint;
mod explain;
mod layer_laws;
mod layers;
mod losses;
mod more_layers;
mod network;
mod optimizers;
mod patch_transformer;
mod pretrain;
mod smote;
mod train;
mod trainer;
