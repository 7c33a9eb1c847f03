//! A fitted model as bytes, and back.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::sphere::Sphere;
use super::{OneClass, OneClassParams, TrainReport};
use crate::weights::{Tensors, Unpacked, in_range};
use crate::{FileError, GcnConv, GcnEncoder, Scaler};

/// Version of the format, raised with every change that an older reader cannot read.
const FORMAT: u32 = 1;
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
            for (i, layer) in sphere.encoder.layers().iter().enumerate() {
                let weight = layer.weight();
                tensors.put(weight_name(name, i), weight.shape(), weight.iter());
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
        let widths = params.widths(features.len());
        let trained = read_sphere(&file, "trained", &widths)?;
        let control = read_sphere(&file, "control", &widths)?;
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

fn weight_name(sphere: &str, layer: usize) -> String {
    format!("{sphere}.encoder.{layer}.weight")
}

fn read_sphere(file: &Unpacked<'_>, name: &str, widths: &[usize]) -> Result<Sphere, FileError> {
    let mut layers = Vec::with_capacity(widths.len());
    for (i, pair) in widths.windows(2).enumerate() {
        let shape = [pair[1], pair[0]];
        let values = file.values(&weight_name(name, i), &shape)?;
        let mut weight = Array2::zeros(shape);
        weight
            .iter_mut()
            .zip(values)
            .for_each(|(w, value)| *w = value);
        layers.push(GcnConv::new(weight, None)?);
    }
    let center = file.vector(
        &format!("{name}.center"),
        widths.last().copied().unwrap_or(0),
    )?;
    let radius_name = format!("{name}.radius");
    let radius = file.vector(&radius_name, 1)?;
    in_range(&radius_name, &radius, "at least 0", |v| v >= 0.0)?;
    Ok(Sphere {
        encoder: GcnEncoder::from_layers(layers)?,
        center,
        radius: radius.sum(),
    })
}
