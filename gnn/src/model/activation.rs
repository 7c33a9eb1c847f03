//! What stands between two layers.

use serde::{Deserialize, Serialize};

use crate::kernel::{Real, each, leaky_relu, relu, sigmoid, tanh};

/// A function of one number, with torch's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activation {
    /// `x`.
    Identity,
    /// `x` above 0, else 0.
    #[default]
    Relu,
    /// `x` above 0, else `exp(x) - 1`.
    Elu,
    /// `x` above 0, else `0.01 x`.
    LeakyRelu,
    /// The hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

/// Slope of [`Activation::LeakyRelu`] below 0.
const SLOPE: f64 = 0.01;

impl Activation {
    /// Applies the function to every value; `NaN` stays.
    pub(crate) fn apply<F: Real>(self, values: &mut [F]) {
        match self {
            Self::Identity => {}
            Self::Relu => each(values, relu),
            Self::Elu => each(values, elu),
            Self::LeakyRelu => each(values, |x| leaky_relu(x, F::of(SLOPE))),
            Self::Tanh => each(values, tanh),
            Self::Sigmoid => each(values, sigmoid),
        }
    }
}

fn elu<F: Real>(x: F) -> F {
    if x > F::ZERO { x } else { x.exp() - F::ONE }
}
