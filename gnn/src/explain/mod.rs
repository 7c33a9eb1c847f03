//! Why a node scores as it does, and what would follow from a change, for any scorer.
//!
//! * [`AblationParams`] → [`Ablation`]: what each edge and each feature does to a score, exactly.
//! * [`CounterfactualParams`] → [`EdgeCounterfactual`]: edges without which a score is below a threshold.
//! * [`CascadeParams`] → [`CascadeReport`]: how far a change of one node moves the others.
//! * [`MaskExplanation`]: what `torch::explain::GnnExplainer` (feature `torch`) learned.
//!
//! A scorer is a closure from a [`Graph`](crate::Graph) to one score a node: a
//! [`Network`](crate::Network), a model on libtorch, or anything else that is deterministic.

mod ablation;
mod ball;
mod cascade;
mod counterfactual;
mod error;
mod mask;

pub use ablation::{Ablation, AblationParams, EdgeEffect, FeatureEffect};
pub use cascade::{Cascade, CascadeParams, CascadeReport};
pub use counterfactual::{
    CounterfactualParams, Deletion, EdgeCounterfactual, Search, class_margin,
};
pub use error::ExplainError;
pub use mask::{EdgeImportance, FeatureImportance, MaskExplanation};
