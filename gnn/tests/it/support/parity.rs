//! Reading fixtures that other libraries made, and holding numbers against them.

use std::error::Error;

use astern_gnn::ndarray::Array2;
use astern_gnn::{Graph, StateDict};
use serde_json::Value;

/// Layers of `PyTorch` Geometric, any of whose cases is looked up by name.
pub(crate) fn pyg_layers() -> Result<Value, Box<dyn Error>> {
    Ok(serde_json::from_str(include_str!(
        "../../fixtures/pyg_layers.json"
    ))?)
}

/// More of them, with cells and batches; made by `make_pyg_more.py`.
#[cfg(feature = "torch")]
pub(crate) fn pyg_more() -> Result<Value, Box<dyn Error>> {
    Ok(serde_json::from_str(include_str!(
        "../../fixtures/pyg_more.json"
    ))?)
}

/// Largest difference, relative where numbers are larger than 1.
pub(crate) fn worst(got: &[f64], expected: impl IntoIterator<Item = f64>) -> f64 {
    let expected: Vec<_> = expected.into_iter().collect();
    assert_eq!(got.len(), expected.len());
    let off = |(a, b): (&f64, f64)| (a - b).abs() / b.abs().max(1.0);
    let off = got.iter().zip(expected).map(off);
    // The greater of a number and NaN is the number.
    off.fold(
        0.0,
        |worst, d| if d.is_nan() { f64::NAN } else { d.max(worst) },
    )
}

/// Numbers of an array of any depth, and its shape.
pub(crate) fn numbers(value: &Value) -> Result<(Vec<usize>, Vec<f64>), Box<dyn Error>> {
    let Some(rows) = value.as_array() else {
        return Ok((Vec::new(), vec![value.as_f64().ok_or("no number")?]));
    };
    let (mut shape, mut all) = (vec![rows.len()], Vec::new());
    for (i, row) in rows.iter().enumerate() {
        let (inner, values) = numbers(row)?;
        if i == 0 {
            shape.extend(inner);
        }
        all.extend(values);
    }
    Ok((shape, all))
}

/// A table of numbers.
pub(crate) fn table(value: &Value) -> Result<Array2<f64>, Box<dyn Error>> {
    let (shape, values) = numbers(value)?;
    Ok(Array2::from_shape_vec((shape[0], shape[1]), values)?)
}

/// Parameters by name.
pub(crate) fn state(value: &Value) -> Result<StateDict, Box<dyn Error>> {
    let mut state = StateDict::default();
    for (name, value) in value.as_object().ok_or("no parameters")? {
        let (shape, values) = numbers(value)?;
        state.insert(name, &shape, values);
    }
    Ok(state)
}

/// Nodes and edges of a fixture.
pub(crate) fn graph(fixture: &Value) -> Result<Graph, Box<dyn Error>> {
    let [source, target]: [Vec<u32>; 2] = serde_json::from_value(fixture["edge_index"].clone())?;
    let edges = source.into_iter().zip(target);
    Ok(Graph::new(table(&fixture["x"])?, edges)?)
}
