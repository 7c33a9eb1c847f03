//! Numbers to tensors and back.

use tch::{Device, Kind, Tensor};

use super::TorchError;
use super::error::Named;

/// A tensor of `values` in row-major order, `shape` having as many entries as there are values.
pub(crate) fn from_values(
    values: &[f64],
    shape: &[i64],
    kind: Kind,
    device: Device,
) -> Result<Tensor, TorchError> {
    let tensor = Tensor::f_from_slice(values).named("from_slice", &[])?;
    let tensor = tensor.f_reshape(shape).named("reshape", &[&tensor])?;
    let tensor = tensor.f_to_kind(kind).named("to_kind", &[&tensor])?;
    tensor.f_to_device(device).named("to_device", &[&tensor])
}

/// A tensor of node or row numbers.
pub(crate) fn from_indices(
    indices: impl IntoIterator<Item = i64>,
    device: Device,
) -> Result<Tensor, TorchError> {
    let indices: Vec<i64> = indices.into_iter().collect();
    let tensor = Tensor::f_from_slice(&indices).named("from_slice", &[])?;
    tensor.f_to_device(device).named("to_device", &[&tensor])
}

/// The values in row-major order, exactly: `f64` holds every `f32`.
pub(crate) fn to_values(tensor: &Tensor) -> Result<Vec<f64>, TorchError> {
    let flat = tensor.f_detach().named("detach", &[tensor])?;
    let flat = flat
        .f_to_device(Device::Cpu)
        .named("to_device", &[tensor])?;
    let flat = flat.f_to_kind(Kind::Double).named("to_kind", &[tensor])?;
    let flat = flat.f_reshape(-1).named("reshape", &[tensor])?;
    let flat = flat.f_contiguous().named("contiguous", &[tensor])?;
    Vec::try_from(&flat).named("copy", &[tensor])
}

/// Node or row numbers, from any device.
pub(crate) fn to_indices(tensor: &Tensor) -> Result<Vec<i64>, TorchError> {
    let flat = tensor
        .f_to_device(Device::Cpu)
        .named("to_device", &[tensor])?;
    let flat = flat.f_contiguous().named("contiguous", &[tensor])?;
    Vec::try_from(&flat).named("copy", &[tensor])
}

/// The same numbers in storage of their own.
pub(crate) fn copied(tensor: &Tensor) -> Result<Tensor, TorchError> {
    tensor.f_detach_copy().named("detach_copy", &[tensor])
}

/// A length or a position as libtorch wants it.
pub(crate) fn int(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The lengths of the axes of `x`, if they are these; `None` is any length.
pub(crate) fn shaped<const D: usize>(
    op: &'static str,
    x: &Tensor,
    expected: [Option<i64>; D],
) -> Result<[i64; D], TorchError> {
    let size = if x.defined() { x.size() } else { Vec::new() };
    let fits = |shape: &[i64; D]| {
        let mut axes = shape.iter().zip(expected);
        axes.all(|(&got, expected)| expected.is_none_or(|n| n == got))
    };
    let shape = <[i64; D]>::try_from(size).ok().filter(fits);
    shape.ok_or_else(|| {
        let axes = expected.map(|n| n.map_or_else(|| "any".into(), |n| n.to_string()));
        let source = format!("the shape must be [{}]", axes.join(", "));
        TorchError::new(op, &[x], source)
    })
}
