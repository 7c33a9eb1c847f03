//! Anomalies from few labels: [`FewLabels`](crate::train::FewLabels) and the deviation loss.
//!
//! * [`AnomalyHead`]: one score a node, over any encoder.
//! * [`fit`]: training on the labels of one graph.
//! * [`meta_train`], [`adapt`]: first-order MAML, training on other graphs so that a few steps on the
//!   labels of a new one do.

mod fit;
mod head;
mod maml;

pub use fit::{FewParams, fit};
pub use head::AnomalyHead;
pub use maml::{MetaParams, MetaTask, adapt, meta_train};
