//! Parameters of one layer: which there are, and their numbers.

use crate::error::ConfigError;
use crate::kernel::{Dense, Real};
use crate::state::StateDict;

/// Names, as in `PyTorch` Geometric's state dictionaries, and shapes.
pub(crate) type Parameters = Vec<(&'static str, Vec<usize>)>;

/// The numbers of one layer of a network.
#[derive(Debug)]
pub(crate) struct Weights<'a> {
    state: &'a StateDict,
    layer: usize,
}

impl<'a> Weights<'a> {
    /// Those of the layer at this position.
    pub(crate) fn new(state: &'a StateDict, layer: usize) -> Self {
        Self { state, layer }
    }

    /// The numbers of one parameter, in row-major order.
    pub(crate) fn get<F: Real>(&self, name: &str) -> Result<Vec<F>, ConfigError> {
        let name = format!("{}.{name}", self.layer);
        let Some(tensor) = self.state.get(&name) else {
            return Err(ConfigError::Tensor {
                name,
                expected: Vec::new(),
                got: None,
            });
        };
        let number = |&value: &f64| {
            let number = F::of(value);
            let finite = number.is_finite();
            finite
                .then_some(number)
                .ok_or(ConfigError::NonFiniteWeight { value })
        };
        tensor.values.iter().map(number).collect()
    }

    /// Those of a parameter that a layer may be without.
    pub(crate) fn given<F: Real>(&self, name: &str, given: bool) -> Result<Vec<F>, ConfigError> {
        if given {
            self.get(name)
        } else {
            Ok(Vec::new())
        }
    }

    /// `x W^T + b` of the parameters `{name}weight` and `{name}bias`.
    pub(crate) fn dense<F: Real>(
        &self,
        name: &str,
        shape: [usize; 2],
        bias: bool,
    ) -> Result<Dense<F>, ConfigError> {
        let weight = self.get(&format!("{name}weight"))?;
        let bias = self.given(&format!("{name}bias"), bias)?;
        Ok(Dense::new(&weight, shape, bias))
    }
}
