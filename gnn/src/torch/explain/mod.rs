//! Explanations by learned masks; exact ones are in [`crate::explain`].

mod gnn_explainer;
mod masks;

pub use gnn_explainer::{Explained, FeatureMask, GnnExplainer};
