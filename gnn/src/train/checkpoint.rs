//! A training that can be taken up again, as bytes.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::state::Progress;
use super::{TrainParams, TrainerReport};
use crate::error::FileError;
use crate::file::{read, write_atomic};
use crate::state::{StateDict, StateTensor};
use crate::weights::{Tensors, Unpacked};

/// Version of the format, raised with every change that an older reader cannot read.
const FORMAT: u32 = 1;
/// Name of the metadata entry that marks a file as ours.
const KEY: &str = "astern.training";

/// A training between two epochs: parameters, the best ones so far, the optimiser's state, how far
/// schedule and early stop have got, the report, the settings, and a description of the model.
///
/// Made by `torch::train::Trainer::checkpoint`; `Trainer::resume` goes on from it as if training had
/// never stopped, to the last bit. Can be read without libtorch.
///
/// The bytes are a safetensors file with numbers as `F64` and a CRC-32 over all of it: a cut or
/// changed file does not load. Tensors are named `parameters.<name>`, `best.<name>`,
/// `optimizer.<name>.<slot>`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TrainCheckpoint {
    /// Settings of the training.
    pub params: TrainParams,
    /// Parameters after the last epoch.
    pub parameters: StateDict,
    /// Parameters of the best epoch, where they are to be put back.
    pub best: Option<StateDict>,
    /// State of the optimiser, `<parameter>.<slot>`.
    pub optimizer: StateDict,
    /// What the caller wants to find again: the settings of the model, its scaler.
    pub config: Value,
    /// Version of the library that wrote it.
    pub library: String,
    pub(crate) progress: Progress,
}

#[derive(Serialize, Deserialize)]
struct Description {
    /// Written by [`Tensors::pack`].
    #[serde(skip_serializing)]
    library: String,
    params: TrainParams,
    /// Shapes by name: the checksum covers what is written here.
    parameters: Shapes,
    best: Option<Shapes>,
    optimizer: Shapes,
    progress: Progress,
    config: Value,
}

type Shapes = BTreeMap<String, Vec<usize>>;

fn shapes(state: &StateDict) -> Shapes {
    let shape = |(name, tensor): (&str, &StateTensor)| (name.into(), tensor.shape.clone());
    state.iter().map(shape).collect()
}

fn put(tensors: &mut Tensors, family: &str, state: &StateDict) {
    for (name, tensor) in state.iter() {
        tensors.put(format!("{family}.{name}"), &tensor.shape, &tensor.values);
    }
}

fn take(file: &Unpacked<'_>, family: &str, shapes: &Shapes) -> Result<StateDict, FileError> {
    let mut state = StateDict::default();
    for (name, shape) in shapes {
        let values = file.values(&format!("{family}.{name}"), shape)?;
        state.insert(name, shape, values);
    }
    Ok(state)
}

impl TrainCheckpoint {
    /// The course of the training so far.
    pub fn report(&self) -> &TrainerReport {
        &self.progress.report
    }

    /// Number of epochs that ran.
    pub fn epochs_run(&self) -> usize {
        self.progress.epoch()
    }

    /// The bytes of a safetensors file; [`from_bytes`](Self::from_bytes) gives back an equal
    /// checkpoint.
    ///
    /// # Errors
    ///
    /// [`FileError::Malformed`] when the description is too large for the format (100 MB).
    pub fn to_bytes(&self) -> Result<Vec<u8>, FileError> {
        let description = Description {
            library: String::new(),
            params: self.params.clone(),
            parameters: shapes(&self.parameters),
            best: self.best.as_ref().map(shapes),
            optimizer: shapes(&self.optimizer),
            progress: self.progress.clone(),
            config: self.config.clone(),
        };
        let mut tensors = Tensors::default();
        put(&mut tensors, "parameters", &self.parameters);
        put(&mut tensors, "optimizer", &self.optimizer);
        if let Some(best) = &self.best {
            put(&mut tensors, "best", best);
        }
        tensors.pack(KEY, FORMAT, description)
    }

    /// Reads a checkpoint from [`to_bytes`](Self::to_bytes)' bytes.
    ///
    /// # Errors
    ///
    /// [`FileError`], by what is wrong: cut off or no safetensors file, another file, another
    /// format version, changed bytes, numbers that are not finite, settings out of range.
    ///
    /// # Complexity
    ///
    /// Time and memory linear in the number of bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FileError> {
        let file = Unpacked::new(bytes, KEY, FORMAT)?;
        let description: Description = file.description()?;
        description.params.check()?;
        let best = description.best.as_ref();
        Ok(Self {
            params: description.params,
            parameters: take(&file, "parameters", &description.parameters)?,
            best: best.map(|best| take(&file, "best", best)).transpose()?,
            optimizer: take(&file, "optimizer", &description.optimizer)?,
            config: description.config,
            library: description.library,
            progress: description.progress,
        })
    }

    /// Writes the file in one step: whatever happens, the old or the new one is there, whole. A symbolic link at
    /// `path` stays, and the file that it points at is written.
    ///
    /// # Errors
    ///
    /// [`FileError::Io`] and those of [`to_bytes`](Self::to_bytes).
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        write_atomic(path, &self.to_bytes()?)
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`FileError::Io`] and those of [`from_bytes`](Self::from_bytes).
    pub fn load(path: &Path) -> Result<Self, FileError> {
        Self::from_bytes(&read(path)?)
    }
}
