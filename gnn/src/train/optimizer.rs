//! Settings of optimisers; defaults are those of torch 2.11.

use serde::{Deserialize, Serialize};

use super::rule::{from_0, from_0_below_1, positive};
use crate::error::ConfigError;

/// Which optimiser takes the steps.
///
/// `g` is the gradient, `p` the parameter, `η` the learning rate, `λ` the weight decay.
///
/// # Example
///
/// ```
/// use astern_gnn::train::{AdamConfig, OptimizerConfig};
///
/// let default = OptimizerConfig::adam_w(1e-3);
/// let lighter = OptimizerConfig::AdamW(AdamConfig::new(1e-3).weight_decay(5e-4));
/// assert_ne!(default, lighter);
/// lighter.check()?;
/// # Ok::<(), astern_gnn::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
#[non_exhaustive]
pub enum OptimizerConfig {
    /// Gradient descent with momentum.
    Sgd(SgdConfig),
    /// Adam (Kingma and Ba, 2015); weight decay is added to the gradient.
    Adam(AdamConfig),
    /// `AdamW` (Loshchilov and Hutter, 2019): Adam whose weight decay shrinks the parameter
    /// itself, `p ← (1 - ηλ) p`.
    #[serde(deserialize_with = "Decoupled::deserialize")]
    AdamW(AdamConfig),
    /// `RMSprop` (Hinton, 2012).
    RmsProp(RmsPropConfig),
}

impl Default for OptimizerConfig {
    /// Adam with the defaults.
    fn default() -> Self {
        Self::Adam(AdamConfig::default())
    }
}

impl OptimizerConfig {
    /// SGD with the defaults.
    pub fn sgd(learning_rate: f64) -> Self {
        Self::Sgd(SgdConfig::new(learning_rate))
    }

    /// Adam with the defaults.
    pub fn adam(learning_rate: f64) -> Self {
        Self::Adam(AdamConfig::new(learning_rate))
    }

    /// `AdamW` with the defaults: weight decay .01.
    pub fn adam_w(learning_rate: f64) -> Self {
        Self::AdamW(AdamConfig {
            learning_rate,
            ..AdamConfig::decoupled()
        })
    }

    /// `RMSprop` with the defaults.
    pub fn rms_prop(learning_rate: f64) -> Self {
        Self::RmsProp(RmsPropConfig::new(learning_rate))
    }

    /// Learning rate that schedules start from.
    pub fn learning_rate(&self) -> f64 {
        match self {
            Self::Sgd(c) => c.learning_rate,
            Self::Adam(c) | Self::AdamW(c) => c.learning_rate,
            Self::RmsProp(c) => c.learning_rate,
        }
    }

    /// Holds every setting against its range.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`]; the ranges are in the tables of the settings.
    pub fn check(&self) -> Result<(), ConfigError> {
        match self {
            Self::Sgd(c) => c.check(),
            Self::Adam(c) | Self::AdamW(c) => c.check(),
            Self::RmsProp(c) => c.check(),
        }
    }
}

/// Settings of SGD: `b ← μ b + (1 - τ) g` (the first `b` is `g`), `p ← p - η b`, or
/// `p ← p - η (g + μ b)` with Nesterov's momentum; `g` includes `λ p`.
///
/// | setting | default | allowed |
/// |---|---|---|
/// | `learning_rate` | .001 | above 0 |
/// | `momentum` μ | 0 | [0, 1) |
/// | `dampening` τ | 0 | [0, 1), 0 with `nesterov` |
/// | `weight_decay` λ | 0 | at least 0 |
/// | `nesterov` | no | needs momentum |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SgdConfig {
    /// Step size.
    pub learning_rate: f64,
    /// Share of the earlier direction that is kept.
    pub momentum: f64,
    /// Share of the gradient that is left out of the direction.
    pub dampening: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Whether the step looks ahead along the direction.
    pub nesterov: bool,
}

impl Default for SgdConfig {
    fn default() -> Self {
        Self::new(1e-3)
    }
}

impl SgdConfig {
    /// The defaults.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            momentum: 0.0,
            dampening: 0.0,
            weight_decay: 0.0,
            nesterov: false,
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        positive("learning_rate", self.learning_rate)?;
        from_0_below_1("momentum", self.momentum)?;
        from_0_below_1("dampening", self.dampening)?;
        from_0("weight_decay", self.weight_decay)?;
        if self.nesterov && (self.momentum <= 0.0 || self.dampening > 0.0) {
            return Err(ConfigError::OutOfRange {
                name: "nesterov",
                value: 1.0,
                allowed: "only with momentum above 0 and dampening 0",
            });
        }
        Ok(())
    }
}

astern_stats::setters!(SgdConfig {
    /// Sets the share of the earlier direction that is kept.
    momentum: f64,
    /// Sets the share of the gradient that is left out of the direction.
    dampening: f64,
    /// Sets the weight decay.
    weight_decay: f64,
    /// Sets whether the step looks ahead.
    nesterov: bool,
});

/// Settings of Adam and `AdamW`: `m ← β1 m + (1 - β1) g`, `v ← β2 v + (1 - β2) g²`,
/// `p ← p - η (m / (1 - β1^t)) / (sqrt(v / (1 - β2^t)) + ε)`.
///
/// | setting | default | allowed |
/// |---|---|---|
/// | `learning_rate` | .001 | above 0 |
/// | `beta1`, `beta2` | .9, .999 | [0, 1) |
/// | `eps` ε | 1e-8 | above 0 |
/// | `weight_decay` λ | 0, .01 for `AdamW` | at least 0 |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AdamConfig {
    /// Step size.
    pub learning_rate: f64,
    /// Decay of the mean of the gradients.
    pub beta1: f64,
    /// Decay of the mean of their squares.
    pub beta2: f64,
    /// Keeps the quotient finite.
    pub eps: f64,
    /// Weight decay.
    pub weight_decay: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self::new(1e-3)
    }
}

/// [`AdamConfig`] as a file of `AdamW` has it, whose weight decay has another default.
#[derive(Deserialize)]
#[serde(
    remote = "AdamConfig",
    default = "AdamConfig::decoupled",
    deny_unknown_fields
)]
struct Decoupled {
    learning_rate: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
}

impl AdamConfig {
    /// Adam's defaults. Those of `AdamW` have a weight decay of .01.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 0.0,
        }
    }

    /// The defaults of `AdamW`.
    fn decoupled() -> Self {
        Self::default().weight_decay(1e-2)
    }

    fn check(&self) -> Result<(), ConfigError> {
        positive("learning_rate", self.learning_rate)?;
        from_0_below_1("beta1", self.beta1)?;
        from_0_below_1("beta2", self.beta2)?;
        positive("eps", self.eps)?;
        from_0("weight_decay", self.weight_decay)
    }
}

astern_stats::setters!(AdamConfig {
    /// Sets the decay of the mean of the gradients.
    beta1: f64,
    /// Sets the decay of the mean of their squares.
    beta2: f64,
    /// Sets what keeps the quotient finite.
    eps: f64,
    /// Sets the weight decay.
    weight_decay: f64,
});

/// Settings of `RMSprop`: `v ← α v + (1 - α) g²`, `d = g / (sqrt(v) + ε)`, `p ← p - η d`; with
/// momentum `b ← μ b + d`, `p ← p - η b`; centred, `v - m²` stands for `v`, with `m` the mean of
/// the gradients; `g` includes `λ p`.
///
/// | setting | default | allowed |
/// |---|---|---|
/// | `learning_rate` | .01 | above 0 |
/// | `alpha` α | .99 | [0, 1) |
/// | `eps` ε | 1e-8 | above 0 |
/// | `weight_decay` λ | 0 | at least 0 |
/// | `momentum` μ | 0 | [0, 1) |
/// | `centered` | no | |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RmsPropConfig {
    /// Step size.
    pub learning_rate: f64,
    /// Decay of the mean of the squares.
    pub alpha: f64,
    /// Keeps the quotient finite.
    pub eps: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Share of the earlier direction that is kept.
    pub momentum: f64,
    /// Whether the variance takes the place of the mean square.
    pub centered: bool,
}

impl Default for RmsPropConfig {
    fn default() -> Self {
        Self::new(1e-2)
    }
}

impl RmsPropConfig {
    /// The defaults.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            alpha: 0.99,
            eps: 1e-8,
            weight_decay: 0.0,
            momentum: 0.0,
            centered: false,
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        positive("learning_rate", self.learning_rate)?;
        from_0_below_1("alpha", self.alpha)?;
        positive("eps", self.eps)?;
        from_0("weight_decay", self.weight_decay)?;
        from_0_below_1("momentum", self.momentum)
    }
}

astern_stats::setters!(RmsPropConfig {
    /// Sets the decay of the mean of the squares.
    alpha: f64,
    /// Sets what keeps the quotient finite.
    eps: f64,
    /// Sets the weight decay.
    weight_decay: f64,
    /// Sets the share of the earlier direction that is kept.
    momentum: f64,
    /// Sets whether the variance takes the place of the mean square.
    centered: bool,
});
