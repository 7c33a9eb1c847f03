//! One-class detection: learn where healthy nodes lie in the embedding, score by the distance
//! from there.
//!
//! [`OneClassParams`] → `fit` → [`OneClass`]. The fitted model embeds each node of each snapshot
//! with a bias-free stack of graph convolutions, `ReLU` between them, and compares it with a hypersphere of
//! centre `c` and radius `r`:
//!
//! * centre: mean embedding of the training data under the *untrained* network, frozen from then
//!   on; entries closer to 0 than `center_eps` are moved to `±center_eps` (an exact 0 to
//!   `+center_eps`), since a network without bias reaches 0 by zero weights;
//! * loss, with `d = |z - c|²` over all training rows: hard `mean(d)`, or soft
//!   `r² + mean(max(0, d - r²)) / ν`;
//! * radius: the `(1 - ν)`-quantile of `sqrt(d)` over the training rows, taken after every epoch
//!   and once more from the final weights;
//! * score: `d - r²`, above 0 outside the sphere.
//!
//! # Learning has to earn its place
//!
//! Shrinking every distance is what the loss asks for, and it may shrink those of the outliers
//! too: on public data an untrained network of the same shape often ranks as well as the trained
//! one. So each model keeps its untrained twin with a radius of its own
//! ([`OneClass::control_score`]), and its [`TrainReport`] says whether the embedding collapsed.
//!
//! # Source
//!
//! Wang, Jin, Du, Cui, Tan and Yang, One-Class Graph Neural Networks for Anomaly Detection in
//! Attributed Networks, 2021 (arXiv 2002.09594); Ruff et al., Deep One-Class Classification, 2018
//! for the hard loss and the rule against biases. Deviations: inputs are standardised; no dropout,
//! so that there is one path for scores; exact zeros of the centre are moved too; the radius is
//! saved with the weights; a node without any value in a snapshot takes no part in centre, loss
//! and radius, and its score is `NaN`.

mod error;
mod file;
mod fit;
mod model;
mod params;
mod report;
mod sphere;
#[cfg(feature = "torch")]
mod train;

pub use error::OneClassError;
pub use model::OneClass;
pub use params::{CollapsePolicy, Objective, OneClassParams, Plateau};
pub use report::{Collapse, TrainReport};
#[cfg(feature = "torch")]
pub use train::OneClassEpoch;

pub use crate::train::StopReason;
