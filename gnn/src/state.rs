//! Weights by name: what trained models are exchanged in.

use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, SafeTensorError, TensorView};
use safetensors::{SafeTensors, serialize};

use crate::error::FileError;
use crate::weights::{check_offsets, malformed, view};

/// One tensor on the CPU.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StateTensor {
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// Numbers in row-major order; `f64` holds every `f32` exactly.
    pub values: Vec<f64>,
}

/// The parameters of a model by name, as in `PyTorch`'s `state_dict`.
///
/// Layers name their parameters as `PyTorch` Geometric does, so weights trained there, saved with
/// `safetensors.torch.save_file(model.state_dict(), path)`, are read here, and the other way
/// round.
///
/// # Example
///
/// ```
/// use astern_gnn::StateDict;
///
/// let mut state = StateDict::default();
/// state.insert("lin.weight", &[2, 1], vec![0.5, -1.0]);
/// let bytes = state.to_safetensors()?;
/// assert_eq!(StateDict::from_safetensors(&bytes)?, state);
/// # Ok::<(), astern_gnn::FileError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StateDict {
    tensors: BTreeMap<String, StateTensor>,
}

impl StateDict {
    /// Puts a tensor in, in place of one of the same name.
    pub fn insert(&mut self, name: impl Into<String>, shape: &[usize], values: Vec<f64>) {
        let shape = shape.to_vec();
        self.tensors
            .insert(name.into(), StateTensor { shape, values });
    }

    /// The tensor of this name.
    pub fn get(&self, name: &str) -> Option<&StateTensor> {
        self.tensors.get(name)
    }

    /// Names and tensors, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &StateTensor)> {
        self.tensors.iter().map(|(name, t)| (name.as_str(), t))
    }

    /// The tensors whose names begin with `prefix` and a dot, without both: those of one layer.
    #[must_use]
    pub fn below(&self, prefix: &str) -> Self {
        let inner = |name: &str| Some(name.strip_prefix(prefix)?.strip_prefix('.')?.to_owned());
        let tensors = self.tensors.iter();
        Self {
            tensors: tensors
                .filter_map(|(name, t)| Some((inner(name)?, t.clone())))
                .collect(),
        }
    }

    /// The bytes of a safetensors file, numbers as `F64`.
    ///
    /// # Errors
    ///
    /// [`FileError::Malformed`] when a tensor has not as many numbers as its shape says.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, FileError> {
        let bytes = |t: &StateTensor| t.values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let data: Vec<(&str, &[usize], Vec<u8>)> = self
            .iter()
            .map(|(name, t)| (name, t.shape.as_slice(), bytes(t)))
            .collect();
        let views = data
            .iter()
            .map(|(name, shape, data)| Ok((*name, view(shape, data)?)));
        let views = views.collect::<Result<Vec<_>, SafeTensorError>>();
        serialize(views.map_err(malformed)?, None).map_err(malformed)
    }

    /// Reads a safetensors file; numbers may be `F32` or `F64`, and must be finite.
    ///
    /// # Errors
    ///
    /// [`FileError::Malformed`], [`FileError::Tensor`] for another type of numbers and
    /// [`FileError::Value`].
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, FileError> {
        check_offsets(bytes)?;
        let file = SafeTensors::deserialize(bytes).map_err(malformed)?;
        let mut state = Self::default();
        for (name, view) in file.iter() {
            let values = numbers(name, &view)?;
            state.insert(name, view.shape(), values);
        }
        Ok(state)
    }
}

fn numbers(name: &str, view: &TensorView<'_>) -> Result<Vec<f64>, FileError> {
    let values: Vec<f64> = match view.dtype() {
        Dtype::F64 => {
            let (words, _) = view.data().as_chunks();
            words.iter().map(|&w| f64::from_le_bytes(w)).collect()
        }
        Dtype::F32 => {
            let (words, _) = view.data().as_chunks();
            words
                .iter()
                .map(|&w| f64::from(f32::from_le_bytes(w)))
                .collect()
        }
        _ => {
            return Err(FileError::Tensor {
                name: name.into(),
                expected: view.shape().to_vec(),
                dtype: "F32 or F64",
            });
        }
    };
    crate::weights::in_range(name, &values, "finite", f64::is_finite)?;
    Ok(values)
}
