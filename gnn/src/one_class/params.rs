//! Settings of the one-class model.

use serde::{Deserialize, Serialize};

use crate::error::ConfigError;
use crate::layer::GcnConfig;
use crate::model::NetworkConfig;

/// What training makes small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Objective {
    /// `mean(d)`: every distance (Deep SVDD).
    Hard,
    /// `r² + mean(max(0, d - r²)) / ν`: a sphere that a share of about ν may leave (OCGNN).
    SoftBoundary,
}

/// When training stops before its last epoch: after `patience` epochs in a row, none of which
/// brought the loss below `(1 - min_decrease)` times the best one so far.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plateau {
    /// Epochs to wait, at least 1.
    pub patience: usize,
    /// Relative decrease that counts as progress, in [0, 1).
    pub min_decrease: f64,
}

/// What happens to a model whose embedding collapsed to one point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CollapsePolicy {
    /// Fitting fails with [`OneClassError::Collapsed`](super::OneClassError::Collapsed).
    Refuse,
    /// The model is returned and its report says so.
    Report,
}

/// Settings of a [`OneClass`](super::OneClass) model.
///
/// Each setting is a field to read and a method of the same name to set it. They are checked once,
/// when a model is fitted.
///
/// | setting | default | allowed |
/// |---|---|---|
/// | `hidden` | `[64]` | each at least 1 |
/// | `embedding` | 32 | at least 1 |
/// | `objective` | soft boundary | |
/// | `nu` | 0.1 | (0, 1] |
/// | `epochs` | 200 | at least 1 |
/// | `learning_rate` | 0.001 | above 0 |
/// | `weight_decay` | 0.0005 | at least 0 |
/// | `center_eps` | 0.001 | at least 0 |
/// | `plateau` | none | see [`Plateau`] |
/// | `collapse` | refuse | |
/// | `collapse_ratio` | 0.001 | [0, 1) |
/// | `seed` | 0 | |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct OneClassParams {
    /// Widths of the hidden layers; there is one graph convolution more than entries.
    pub hidden: Vec<usize>,
    /// Width of the embedding.
    pub embedding: usize,
    /// What training makes small.
    pub objective: Objective,
    /// Share of the training rows that may lie outside the sphere. Not the share of anomalies
    /// that is expected later.
    pub nu: f64,
    /// Most epochs; each is one step over all snapshots.
    pub epochs: usize,
    /// Step size of `AdamW`.
    pub learning_rate: f64,
    /// Decoupled weight decay of `AdamW`.
    pub weight_decay: f64,
    /// Smallest size of a centre's entry.
    pub center_eps: f64,
    /// Early stop on a plateau of the loss.
    pub plateau: Option<Plateau>,
    /// What happens when the embedding collapses.
    pub collapse: CollapsePolicy,
    /// The embedding has collapsed when its spread falls to this share of what it was before
    /// training.
    pub collapse_ratio: f64,
    /// Seed of the initial weights.
    pub seed: u64,
}

impl Default for OneClassParams {
    fn default() -> Self {
        Self {
            hidden: vec![64],
            embedding: 32,
            objective: Objective::SoftBoundary,
            nu: 0.1,
            epochs: 200,
            learning_rate: 1e-3,
            weight_decay: 5e-4,
            center_eps: 1e-3,
            plateau: None,
            collapse: CollapsePolicy::Refuse,
            collapse_ratio: 1e-3,
            seed: 0,
        }
    }
}

astern_stats::setters!(OneClassParams {
    /// Sets the widths of the hidden layers; none makes a single convolution.
    hidden: impl Into<Vec<usize>>,
    /// Sets the width of the embedding.
    embedding: usize,
    /// Sets what training makes small.
    objective: Objective,
    /// Sets the share of training rows that may lie outside.
    nu: f64,
    /// Sets the number of epochs.
    epochs: usize,
    /// Sets the step size.
    learning_rate: f64,
    /// Sets the weight decay.
    weight_decay: f64,
    /// Sets the smallest size of a centre's entry.
    center_eps: f64,
    /// Stops on a plateau of the loss.
    plateau: Plateau,
    /// Sets what happens when the embedding collapses.
    collapse: CollapsePolicy,
    /// Sets the share of the initial spread that counts as collapsed.
    collapse_ratio: f64,
    /// Sets the seed of the initial weights.
    seed: u64,
});

impl OneClassParams {
    /// Holds every setting against its range.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let whole = |name, n: usize| (n > 0, name, n as f64, "at least 1");
        let patience = self.plateau.map_or(1, |p| p.patience);
        let decrease = self.plateau.map_or(0.0, |p| p.min_decrease);
        let smallest_hidden = self.hidden.iter().copied().min().unwrap_or(1);
        let rules = [
            whole("hidden", smallest_hidden),
            whole("embedding", self.embedding),
            whole("epochs", self.epochs),
            whole("plateau.patience", patience),
            (
                self.nu > 0.0 && self.nu <= 1.0,
                "nu",
                self.nu,
                "above 0, at most 1",
            ),
            (
                self.learning_rate > 0.0 && self.learning_rate.is_finite(),
                "learning_rate",
                self.learning_rate,
                "above 0, finite",
            ),
            finite_from_0("weight_decay", self.weight_decay),
            finite_from_0("center_eps", self.center_eps),
            below_1("plateau.min_decrease", decrease),
            below_1("collapse_ratio", self.collapse_ratio),
        ];
        match rules.into_iter().find(|(ok, ..)| !ok) {
            Some((_, name, value, allowed)) => Err(ConfigError::OutOfRange {
                name,
                value,
                allowed,
            }),
            None => Ok(()),
        }
    }

    /// Graph convolutions without bias from `n_features` inputs to the embedding.
    pub(crate) fn network(&self, n_features: usize) -> NetworkConfig {
        let outputs = self.hidden.iter().copied().chain([self.embedding]);
        let mut inputs = n_features;
        outputs.fold(NetworkConfig::new(), |network, width| {
            let layer = GcnConfig::new(inputs, width).bias(false);
            inputs = width;
            network.layer(layer)
        })
    }
}

type Rule = (bool, &'static str, f64, &'static str);

fn finite_from_0(name: &'static str, value: f64) -> Rule {
    (
        value >= 0.0 && value.is_finite(),
        name,
        value,
        "at least 0, finite",
    )
}

fn below_1(name: &'static str, value: f64) -> Rule {
    (
        (0.0..1.0).contains(&value),
        name,
        value,
        "at least 0, below 1",
    )
}
