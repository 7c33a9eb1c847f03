//! Why a node scores as it does, and what would follow from a change, for any scorer.
//!
//! * [`AblationParams`] → [`Ablation`]: what each edge and each feature does to a score, exactly.
//!
//! A scorer is a closure from a [`Graph`](crate::Graph) to one score a node: a
//! [`Network`](crate::Network), a model on libtorch, or anything else that is deterministic.

mod ablation;
mod ball;
mod error;

pub use ablation::{Ablation, AblationParams, EdgeEffect, FeatureEffect};
pub use error::ExplainError;
