//! Errors of libtorch with what led to them.

use std::error::Error;

use tch::{TchError, Tensor};

/// libtorch refused an operation.
#[derive(Debug, thiserror::Error)]
#[error("libtorch refused `{op}` on shapes {shapes:?}: {cause}")]
#[non_exhaustive]
pub struct TorchError {
    /// Name of the operation.
    pub op: &'static str,
    /// Shapes of its inputs.
    pub shapes: Vec<Vec<i64>>,
    /// libtorch's message.
    pub cause: Box<dyn Error + Send + Sync>,
}

impl TorchError {
    /// An error of operation `op` on `inputs`.
    pub fn new(
        op: &'static str,
        inputs: &[&Tensor],
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        // The size of an undefined tensor cannot be asked for.
        let shape = |t: &&Tensor| if t.defined() { t.size() } else { Vec::new() };
        Self {
            op,
            shapes: inputs.iter().map(shape).collect(),
            cause: cause.into(),
        }
    }
}

/// Names the operation and its inputs in an error of libtorch.
pub(crate) trait Named<T> {
    fn named(self, op: &'static str, inputs: &[&Tensor]) -> Result<T, TorchError>;
}

impl<T> Named<T> for Result<T, TchError> {
    fn named(self, op: &'static str, inputs: &[&Tensor]) -> Result<T, TorchError> {
        self.map_err(|cause| TorchError::new(op, inputs, cause))
    }
}
