//! Tensors in tests.

use std::error::Error;

use astern_gnn::ndarray::{ArrayRef, Dimension};
use astern_gnn::torch::Module;
use astern_gnn::torch::tch::{Kind, Tensor};
use serde_json::Value;

use super::Outcome;
use super::parity::{numbers, state, worst};

pub(crate) fn tensor<D: Dimension>(
    x: &ArrayRef<f64, D>,
    kind: Kind,
) -> Result<Tensor, Box<dyn Error>> {
    let shape: Vec<i64> = x
        .shape()
        .iter()
        .map(|&n| n.try_into())
        .collect::<Result<_, _>>()?;
    let values: Vec<f64> = x.iter().copied().collect();
    Ok(Tensor::f_from_slice(&values)?
        .f_reshape(&shape)?
        .f_to_kind(kind)?)
}

/// An array of any depth.
pub(crate) fn tensor_of_json(value: &Value, kind: Kind) -> Result<Tensor, Box<dyn Error>> {
    let (shape, values) = numbers(value)?;
    let shape: Vec<i64> = shape
        .into_iter()
        .map(i64::try_from)
        .collect::<Result<_, _>>()?;
    Ok(Tensor::f_from_slice(&values)?
        .f_reshape(shape)?
        .f_to_kind(kind)?)
}

pub(crate) fn values(tensor: &Tensor) -> Result<Vec<f64>, Box<dyn Error>> {
    Ok(Vec::try_from(
        &tensor.f_to_kind(Kind::Double)?.f_reshape(-1)?,
    )?)
}

/// The output `y`, and the gradient of the sum of its squares for every parameter of `module`,
/// are those of the case.
pub(crate) fn assert_parity(
    name: &str,
    module: &dyn Module,
    y: &Tensor,
    case: &Value,
    tolerance: f64,
) -> Outcome {
    let kind = y.kind();
    let (shape, expected) = numbers(&case["y"])?;
    let size: Vec<usize> = y
        .size()
        .into_iter()
        .map(usize::try_from)
        .collect::<Result<_, _>>()?;
    assert_eq!(size, shape, "{name}");
    let off = worst(&values(y)?, expected);
    assert!(off < tolerance, "{name} {kind:?}: y off by {off:e}");

    y.f_square()?.f_sum(kind)?.f_backward()?;
    let expected = state(&case["grad_of_sum_y2"])?;
    let parameters = module.parameters();
    assert_eq!(parameters.len(), expected.iter().len(), "{name}");
    for (parameter, tensor) in parameters {
        let expected = expected.get(&parameter).ok_or("unknown parameter")?;
        let off = worst(&values(&tensor.f_grad()?)?, expected.values.clone());
        assert!(
            off < tolerance,
            "{name} {kind:?}: d{parameter} off by {off:e}"
        );
    }
    Ok(())
}
