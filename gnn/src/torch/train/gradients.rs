//! Gradients of a loss, apart from the parameters.

use tch::Tensor;

use super::super::error::Named;
use super::super::tensor::to_values;
use super::super::{Module, TorchError};
use crate::train::Clip;

/// Gradients of a loss by all parameters of a module, in its order.
///
/// Nothing is accumulated in the parameters, so there is nothing to set to 0. A parameter that the
/// loss does not depend on, or that takes no gradient, has none.
#[derive(Debug)]
pub struct Gradients {
    tensors: Vec<Tensor>,
}

impl Gradients {
    /// Computes them and frees what the loss was computed from.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for a loss that is no single number or depends on no parameter.
    pub fn of(loss: &Tensor, module: &dyn Module) -> Result<Self, TorchError> {
        let parameters: Vec<_> = module.parameters().into_iter().map(|(_, p)| p).collect();
        Self::by(loss, &parameters)
    }

    pub(super) fn by(loss: &Tensor, parameters: &[&Tensor]) -> Result<Self, TorchError> {
        let problem = if !loss.defined() || loss.size().iter().product::<i64>() != 1 {
            Some("a loss is a single number")
        } else if !loss.requires_grad() {
            // libtorch's engine would follow a null pointer.
            Some("the loss depends on no parameter")
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(TorchError::new("backward", &[loss], problem));
        }
        let free: Vec<&Tensor> = parameters
            .iter()
            .copied()
            .filter(|p| p.requires_grad())
            .collect();
        let found = Tensor::f_run_backward(&[loss], &free, false, false);
        let mut found = found.named("backward", &[loss])?.into_iter();
        let of = |p: &&Tensor| {
            let own = p.requires_grad().then(|| found.next()).flatten();
            own.unwrap_or_default()
        };
        let tensors = parameters.iter().map(of).collect();
        Ok(Self { tensors })
    }

    /// Number of parameters.
    pub(super) fn len(&self) -> usize {
        self.tensors.len()
    }

    /// One a parameter, undefined where there is none.
    pub(in crate::torch) fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        self.tensors.iter()
    }

    /// Euclidean norm of each gradient, in the order of the parameters; 0 where there is none.
    ///
    /// A norm that is not finite says that an entry is not, or is too large for its kind to be
    /// squared.
    ///
    /// # Errors
    ///
    /// [`TorchError`] when libtorch refuses.
    pub fn norms(&self) -> Result<Vec<f64>, TorchError> {
        let defined = self.tensors.iter().filter(|g| g.defined());
        let norms = defined.map(|g| g.f_norm().named("norm", &[g]));
        let norms = norms.collect::<Result<Vec<_>, TorchError>>()?;
        // Read at once: a GPU is waited for once.
        let values = if norms.is_empty() {
            Vec::new()
        } else {
            to_values(&Tensor::f_stack(&norms, 0).named("stack", &[])?)?
        };
        let mut values = values.into_iter();
        let of = |g: &Tensor| {
            if g.defined() {
                values.next()
            } else {
                Some(0.0)
            }
        };
        Ok(self.tensors.iter().filter_map(of).collect())
    }

    /// Clips the gradients, whose joint norm is `norm`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] when libtorch refuses.
    pub fn clip(&mut self, clip: Clip, norm: f64) -> Result<(), TorchError> {
        // Not in place: gradients may share memory with each other.
        for g in self.tensors.iter_mut().filter(|g| g.defined()) {
            *g = match clip {
                // Not by 1: what is within the limit stays as it is.
                Clip::Norm(limit) if norm + 1e-6 <= limit => continue,
                Clip::Norm(limit) => g.f_mul_scalar(limit / (norm + 1e-6)).named("mul", &[g])?,
                Clip::Value(limit) => g.f_clamp(-limit, limit).named("clamp", &[g])?,
            };
        }
        Ok(())
    }
}
