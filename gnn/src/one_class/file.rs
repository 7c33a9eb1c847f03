//! A fitted model as bytes, and back.

use serde::{Deserialize, Serialize};

use super::sphere::Sphere;
use super::{OneClass, OneClassParams, TrainReport};
use crate::error::FileError;
use crate::model::{Checkpoint, NetworkConfig};
use crate::scale::Scaler;
use crate::state::StateDict;
use crate::weights::{Tensors, Unpacked, in_range};

/// Version of the format, raised with every change that an older reader cannot read.
const FORMAT: u32 = 2;
/// Name of the metadata entry that marks a file as ours.
const KEY: &str = "astern.one_class";

#[derive(Serialize, Deserialize)]
struct Description {
    features: Vec<String>,
    params: OneClassParams,
    report: TrainReport,
}

impl OneClass {
    /// The model as the bytes of a safetensors file; [`from_bytes`](Self::from_bytes) gives back
    /// an equal model that scores the same to the last bit.
    ///
    /// # Errors
    ///
    /// [`FileError::Malformed`] when the description is too large for the format (100 MB).
    pub fn to_bytes(&self) -> Result<Vec<u8>, FileError> {
        let description = Description {
            features: self.features.clone(),
            params: self.params.clone(),
            report: self.report.clone(),
        };
        let mut tensors = Tensors::default();
        for (name, values) in [("mean", &self.scaler.mean), ("scale", &self.scaler.scale)] {
            tensors.put(format!("scaler.{name}"), &[values.len()], values);
        }
        for (name, sphere) in [("trained", &self.trained), ("control", &self.control)] {
            for (parameter, tensor) in sphere.checkpoint.state().iter() {
                let name = network_name(name, parameter);
                tensors.put(name, &tensor.shape, &tensor.values);
            }
            let center = &sphere.center;
            tensors.put(format!("{name}.center"), &[center.len()], center);
            tensors.put(format!("{name}.radius"), &[1], &[sphere.radius]);
        }
        tensors.pack(KEY, FORMAT, description)
    }

    /// Reads a model from [`to_bytes`](Self::to_bytes)' bytes.
    ///
    /// # Errors
    ///
    /// [`FileError`], by what is wrong: cut off or no safetensors file, another file, another
    /// format version, changed bytes, tensors or settings that do not fit together.
    ///
    /// # Complexity
    ///
    /// Time and memory linear in the number of bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FileError> {
        let file = Unpacked::new(bytes, KEY, FORMAT)?;
        let Description {
            features,
            params,
            report,
        } = file.description()?;
        params.check()?;
        let mean = file.vector("scaler.mean", features.len())?;
        let scale = file.vector("scaler.scale", features.len())?;
        in_range("scaler.scale", &scale, "above 0", |v| v > 0.0)?;
        let network = params.network(features.len());
        network.check()?;
        let trained = read_sphere(&file, "trained", &network)?;
        let control = read_sphere(&file, "control", &network)?;
        Ok(Self {
            params,
            features,
            scaler: Scaler { mean, scale },
            trained,
            control,
            report,
        })
    }
}

fn network_name(sphere: &str, parameter: &str) -> String {
    format!("{sphere}.network.{parameter}")
}

fn read_sphere(
    file: &Unpacked<'_>,
    name: &str,
    network: &NetworkConfig,
) -> Result<Sphere, FileError> {
    let mut state = StateDict::default();
    for (parameter, shape) in network.parameters() {
        let values = file.values(&network_name(name, &parameter), &shape)?;
        state.insert(parameter, &shape, values);
    }
    let center = file.vector(&format!("{name}.center"), network.outputs())?;
    let radius_name = format!("{name}.radius");
    let radius = file.vector(&radius_name, 1)?;
    in_range(&radius_name, &radius, "at least 0", |v| v >= 0.0)?;
    let checkpoint = Checkpoint::new(network.clone(), state)?;
    Ok(Sphere::new(checkpoint, center, radius.sum())?)
}
