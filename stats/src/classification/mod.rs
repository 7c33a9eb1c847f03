//! Figures of a classifier over exclusive classes, all from one [`ConfusionMatrix`].
//!
//! | figure | meaning | a class without labels, without predictions |
//! |---|---|---|
//! | [`accuracy`](ConfusionMatrix::accuracy) | share of correct predictions | does not matter |
//! | [`balanced_accuracy`](ConfusionMatrix::balanced_accuracy) | mean recall | left out; recall 0 |
//! | [`macro_f1`](ConfusionMatrix::macro_f1) | mean F1 | F1 of 0; left out when it has neither |
//! | [`weighted_f1`](ConfusionMatrix::weighted_f1) | mean F1 by support | weight 0; F1 of 0 |
//! | [`micro_f1`](ConfusionMatrix::micro_f1) | F1 of the pooled counts | does not matter |
//! | [`matthews_correlation`](ConfusionMatrix::matthews_correlation) | correlation | does not matter |
//!
//! Values are those of scikit-learn's functions with their default set of labels: the classes that
//! occur among labels or predictions. Where there is no sample at all, a figure is `None`.

mod confusion;
mod metrics;
mod table;

pub use confusion::{ConfusionError, ConfusionMatrix, MAX_CLASSES};
pub use metrics::ClassMetrics;
