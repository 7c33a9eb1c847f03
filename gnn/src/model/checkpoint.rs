//! Settings and weights of a network as bytes, and back.

use serde::{Deserialize, Serialize};

use super::NetworkConfig;
use crate::error::{ConfigError, FileError};
use crate::state::StateDict;
use crate::weights::{Tensors, Unpacked};

/// Version of the format, raised with every change that an older reader cannot read.
const FORMAT: u32 = 1;
/// Name of the metadata entry that marks a file as ours.
const KEY: &str = "astern.network";

/// A network: its settings, and every parameter that they ask for.
///
/// As bytes it is a safetensors file: numbers as `F64`, the settings as JSON in the metadata, and a
/// CRC-32 over all of it. A file that is cut off or changed does not load. To replace a file so
/// that a crash leaves the old one or the new one, write the bytes to another file in the same
/// folder, flush it to disk and rename it.
///
/// # Example
///
/// ```
/// use astern_gnn::layer::LinearConfig;
/// use astern_gnn::{Checkpoint, NetworkConfig, ConfigError, StateDict};
///
/// let config = NetworkConfig::new().layer(LinearConfig::new(2, 1));
/// let mut state = StateDict::default();
/// state.insert("0.weight", &[1, 2], vec![0.5, -1.0]);
/// let incomplete = Checkpoint::new(config.clone(), state.clone());
/// assert!(matches!(incomplete, Err(ConfigError::Tensor { .. })));
///
/// state.insert("0.bias", &[1], vec![0.0]);
/// let checkpoint = Checkpoint::new(config, state)?;
/// let bytes = checkpoint.to_bytes()?;
/// assert_eq!(Checkpoint::from_bytes(&bytes)?, checkpoint);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    config: NetworkConfig,
    state: StateDict,
}

#[derive(Serialize, Deserialize)]
struct Description {
    network: NetworkConfig,
}

impl Checkpoint {
    /// Holds `state` against `config`: every parameter is there, in its shape and finite, and no
    /// other.
    ///
    /// # Errors
    ///
    /// Those of [`NetworkConfig::check`], [`ConfigError::Tensor`], [`ConfigError::UnknownTensor`] and
    /// [`ConfigError::NonFiniteWeight`].
    pub fn new(config: NetworkConfig, state: StateDict) -> Result<Self, ConfigError> {
        config.check()?;
        let mut known = 0;
        for (name, expected) in config.parameters() {
            let found = state.get(&name);
            let fits = |t: &&crate::state::StateTensor| {
                t.shape == expected && t.values.len() == expected.iter().product::<usize>()
            };
            let Some(tensor) = found.filter(fits) else {
                let got = found.map(|t| t.shape.clone());
                return Err(ConfigError::Tensor {
                    name,
                    expected,
                    got,
                });
            };
            if let Some(&value) = tensor.values.iter().find(|v| !v.is_finite()) {
                return Err(ConfigError::NonFiniteWeight { value });
            }
            known += 1;
        }
        if known < state.iter().len() {
            let names: Vec<_> = config.parameters().map(|(name, _)| name).collect();
            let mut given = state.iter().map(|(name, _)| name);
            let unknown = given.find(|name| names.iter().all(|known| known != name));
            let name = unknown.unwrap_or_default().to_owned();
            return Err(ConfigError::UnknownTensor { name });
        }
        Ok(Self { config, state })
    }

    /// The settings.
    pub fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// The weights by name, `0.lin.weight` and so on.
    pub fn state(&self) -> &StateDict {
        &self.state
    }

    /// The bytes of a safetensors file; [`from_bytes`](Self::from_bytes) gives back an equal
    /// checkpoint, and equal checkpoints give equal bytes.
    ///
    /// # Errors
    ///
    /// [`FileError::Malformed`] when the description is too large for the format (100 MB).
    pub fn to_bytes(&self) -> Result<Vec<u8>, FileError> {
        let mut tensors = Tensors::default();
        for (name, tensor) in self.state.iter() {
            tensors.put(name, &tensor.shape, &tensor.values);
        }
        let network = self.config.clone();
        tensors.pack(KEY, FORMAT, Description { network })
    }

    /// Reads the bytes of [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    ///
    /// [`FileError`], by what is wrong: cut off or no safetensors file, another file, another
    /// format version, changed bytes, settings or parameters that do not fit together.
    ///
    /// # Complexity
    ///
    /// Time and memory linear in the number of bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FileError> {
        let file = Unpacked::new(bytes, KEY, FORMAT)?;
        let Description { network } = file.description()?;
        network.check()?;
        let mut state = StateDict::default();
        for (name, shape) in network.parameters() {
            let values = file.values(&name, &shape)?;
            state.insert(name, &shape, values);
        }
        Ok(Self::new(network, state)?)
    }
}
