//! Named tensors and a description as the bytes of a safetensors file, and back.
//!
//! Numbers are `F64` tensors, exactly; the description is one metadata entry (JSON) that begins with
//! the versions of format and library; a CRC-32 over all of it is the tensor [`CHECKSUM`]. Tensors go in by name, so the same content always gives
//! the same bytes.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;

use ndarray::Array1;
use safetensors::tensor::{Dtype, SafeTensorError, TensorView};
use safetensors::{SafeTensors, serialize};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::FileError;

const CHECKSUM: &str = "checksum";

/// Shape and little-endian content by name.
#[derive(Default)]
pub(crate) struct Tensors(BTreeMap<String, (Vec<usize>, Vec<u8>)>);

impl Tensors {
    /// Adds a tensor of `shape`; `values` in row-major order.
    pub(crate) fn put<'v>(
        &mut self,
        name: impl Into<String>,
        shape: &[usize],
        values: impl IntoIterator<Item = &'v f64>,
    ) {
        let bytes = values.into_iter().flat_map(|v| v.to_le_bytes()).collect();
        self.0.insert(name.into(), (shape.to_vec(), bytes));
    }

    /// The bytes, with `content` in the metadata entry `key`, of format `version`.
    pub(crate) fn pack(
        &self,
        key: &str,
        version: u32,
        content: impl Serialize,
    ) -> Result<Vec<u8>, FileError> {
        let description = Description {
            format: version,
            library: env!("CARGO_PKG_VERSION"),
            content,
        };
        let description = serde_json::to_string(&description).map_err(header)?;
        let content = self
            .0
            .iter()
            .map(|(name, (_, data))| (name.as_str(), data.as_slice()));
        let checksum = checksum(&description, content).to_le_bytes();
        let views = self
            .0
            .iter()
            .map(|(name, (shape, data))| Ok((name.as_str(), view(shape, data)?)));
        let mut views = views
            .collect::<Result<Vec<_>, SafeTensorError>>()
            .map_err(malformed)?;
        let view = TensorView::new(Dtype::U32, vec![1], &checksum).map_err(malformed)?;
        views.push((CHECKSUM, view));
        let metadata = HashMap::from([(key.to_owned(), description)]);
        serialize(views, Some(metadata)).map_err(malformed)
    }
}

/// Bytes that were read and whose checksum is right.
pub(crate) struct Unpacked<'a> {
    description: String,
    tensors: SafeTensors<'a>,
}

impl<'a> Unpacked<'a> {
    /// Reads `bytes` whose description is the metadata entry `key`, of format `version`.
    pub(crate) fn new(bytes: &'a [u8], key: &'static str, version: u32) -> Result<Self, FileError> {
        check_offsets(bytes)?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(malformed)?;
        let description = metadata.metadata().as_ref().and_then(|m| m.get(key));
        let description = description.ok_or(FileError::NotAModel { key })?.clone();
        let Version { format } = parse(&description)?;
        if format != version {
            return Err(FileError::Version {
                found: format,
                supported: version,
            });
        }
        let tensors = SafeTensors::deserialize(bytes).map_err(malformed)?;
        let unpacked = Self {
            description,
            tensors,
        };
        let stored = unpacked.bytes(CHECKSUM, &[1], Dtype::U32)?;
        let stored = stored
            .first_chunk()
            .map_or(0, |word| u32::from_le_bytes(*word));
        let content = unpacked
            .tensors
            .iter()
            .filter(|(name, _)| *name != CHECKSUM);
        let content: BTreeMap<_, _> = content.map(|(name, view)| (name, view.data())).collect();
        let computed = checksum(&unpacked.description, content);
        if stored != computed {
            return Err(FileError::Checksum { stored, computed });
        }
        Ok(unpacked)
    }

    /// What was described beside the versions.
    pub(crate) fn description<T: Deserialize<'a>>(&'a self) -> Result<T, FileError> {
        parse(&self.description)
    }

    /// Finite numbers of a tensor of exactly this shape, in row-major order.
    pub(crate) fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f64>, FileError> {
        let (words, _) = self.bytes(name, shape, Dtype::F64)?.as_chunks();
        let values: Vec<_> = words.iter().map(|&word| f64::from_le_bytes(word)).collect();
        in_range(name, &values, "finite", f64::is_finite)?;
        Ok(values)
    }

    /// Finite numbers of a tensor of shape `[len]`.
    pub(crate) fn vector(&self, name: &str, len: usize) -> Result<Array1<f64>, FileError> {
        self.values(name, &[len]).map(Array1::from)
    }

    fn bytes(&self, name: &str, shape: &[usize], dtype: Dtype) -> Result<&'a [u8], FileError> {
        match self.tensors.tensor(name) {
            Ok(view) if view.shape() == shape && view.dtype() == dtype => Ok(view.data()),
            _ => Err(FileError::Tensor {
                name: name.into(),
                expected: shape.to_vec(),
                dtype: if dtype == Dtype::F64 { "F64" } else { "U32" },
            }),
        }
    }
}

/// Holds every value of a tensor against a range.
pub(crate) fn in_range<'v>(
    name: &str,
    values: impl IntoIterator<Item = &'v f64>,
    allowed: &'static str,
    rule: impl Fn(f64) -> bool,
) -> Result<(), FileError> {
    match values.into_iter().find(|v| !rule(**v)) {
        Some(&value) => Err(FileError::Value {
            name: name.into(),
            value,
            allowed,
        }),
        None => Ok(()),
    }
}

/// Refuses tensors that end behind the file, before safetensors adds up their sizes: it does so
/// without a check for overflow (0.8.0). Whatever else is wrong is left for it to find.
pub(crate) fn check_offsets(bytes: &[u8]) -> Result<(), FileError> {
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return Ok(());
    };
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let header = rest.get(..length).unwrap_or_default();
    let Ok(Value::Object(tensors)) = serde_json::from_slice(header) else {
        return Ok(());
    };
    for (name, tensor) in &tensors {
        let end = tensor.pointer("/data_offsets/1").and_then(Value::as_u64);
        if let Some(end) = end.filter(|&end| end > rest.len() as u64) {
            let cause = format!("tensor `{name}` ends at byte {end} of {}", rest.len());
            return Err(FileError::Malformed {
                cause: cause.into(),
            });
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct Description<T> {
    format: u32,
    /// Version of the library that wrote the file.
    library: &'static str,
    #[serde(flatten)]
    content: T,
}

/// Read before the rest, so that a later format is named and not just refused.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

fn parse<'a, T: Deserialize<'a>>(description: &'a str) -> Result<T, FileError> {
    serde_json::from_str(description).map_err(header)
}

fn header(cause: serde_json::Error) -> FileError {
    FileError::Header {
        cause: cause.into(),
    }
}

/// A tensor of `F64` numbers. The crate multiplies shapes without a check.
pub(crate) fn view<'a>(shape: &[usize], data: &'a [u8]) -> Result<TensorView<'a>, SafeTensorError> {
    let numbers = shape
        .iter()
        .try_fold(size_of::<f64>(), |all, n| all.checked_mul(*n));
    if numbers != Some(data.len()) {
        let (shape, bytes) = (shape.to_vec(), data.len());
        return Err(SafeTensorError::InvalidTensorView(Dtype::F64, shape, bytes));
    }
    TensorView::new(Dtype::F64, shape.to_vec(), data)
}

pub(crate) fn malformed(cause: impl Error + Send + Sync + 'static) -> FileError {
    FileError::Malformed {
        cause: cause.into(),
    }
}

/// CRC-32 (IEEE) of the description, then of each tensor's name and content, in order of name.
fn checksum<'a>(description: &str, content: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(description.as_bytes());
    for (name, data) in content {
        hasher.update(name.as_bytes());
        hasher.update(data);
    }
    hasher.finalize()
}
