//! Grows the ONNX graph of a network, node by node.

use std::collections::BTreeMap;

use prost::Message;

use super::OnnxError;
use super::proto::{
    AttributeProto, FLOAT, GraphProto, INT64, KIND_FLOAT, KIND_INT, KIND_STRING, NodeProto,
    TensorProto,
};
use crate::state::StateDict;

/// Name of a value of the graph: an input, an initializer or the output of a node.
pub(super) type Value = String;

/// Names of the inputs and of the output.
pub(super) const X: &str = "x";
pub(super) const EDGE_INDEX: &str = "edge_index";
pub(super) const EDGE_WEIGHT: &str = "edge_weight";
pub(super) const EDGE_ATTR: &str = "edge_attr";
pub(super) const Y: &str = "y";

/// Nodes and initializers made so far, and the weights that they are made of.
///
/// A node with the same operator, inputs and attributes as an earlier one is that one, so layers
/// ask for degrees, loops and coefficients as if they were alone.
#[derive(Debug)]
pub(super) struct Builder<'a> {
    state: &'a StateDict,
    layer: usize,
    pub(super) graph: GraphProto,
    known: BTreeMap<Vec<u8>, Value>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(state: &'a StateDict) -> Self {
        Self {
            state,
            layer: 0,
            graph: GraphProto::default(),
            known: BTreeMap::new(),
        }
    }

    /// Parameters asked for from now on are those of this layer.
    pub(super) fn enter(&mut self, layer: usize) {
        self.layer = layer;
    }

    /// Adds a node with one output.
    pub(super) fn node(
        &mut self,
        op: &str,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
    ) -> Value {
        let mut node = NodeProto {
            input: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: Vec::new(),
            op_type: op.to_owned(),
            attribute: attributes,
        };
        let key = node.encode_to_vec();
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let output = format!("{}.{op}.{}", self.layer, self.graph.node.len());
        self.known.insert(key, output.clone());
        node.output.push(output.clone());
        self.graph.node.push(node);
        output
    }

    /// Adds a node as it is.
    pub(super) fn push(&mut self, node: NodeProto) {
        self.graph.node.push(node);
    }

    /// A parameter of the layer, `f` of its numbers if they are to be rearranged.
    pub(super) fn parameter(&self, name: &str) -> Result<Vec<f64>, OnnxError> {
        let name = format!("{}.{name}", self.layer);
        match self.state.get(&name) {
            Some(tensor) => Ok(tensor.values.clone()),
            None => Err(OnnxError::Tensor { name }),
        }
    }

    /// A parameter of the layer as an initializer of this shape.
    pub(super) fn weight(&mut self, name: &str, shape: &[usize]) -> Result<Value, OnnxError> {
        let values = self.parameter(name)?;
        self.weights(name, shape, &values)
    }

    /// Numbers made of parameters of the layer, under a name of their own.
    pub(super) fn weights(
        &mut self,
        name: &str,
        shape: &[usize],
        values: &[f64],
    ) -> Result<Value, OnnxError> {
        let name = format!("{}.{name}", self.layer);
        let mut data = Vec::with_capacity(4 * values.len());
        for &value in values {
            let number = single(value).ok_or_else(|| OnnxError::Range {
                layer: self.layer,
                name: name.clone(),
                value,
            })?;
            data.extend(number.to_le_bytes());
        }
        let dims = shape.iter().map(|&n| n as u64).map(u64::cast_signed);
        self.initializer(&name, FLOAT, dims.collect(), data);
        Ok(name)
    }

    /// A setting of the layer as an attribute.
    pub(super) fn setting(&self, name: &str, value: f64) -> Result<f32, OnnxError> {
        single(value).ok_or_else(|| OnnxError::Range {
            layer: self.layer,
            name: name.to_owned(),
            value,
        })
    }

    /// A scalar of type float.
    pub(super) fn float(&mut self, value: f32) -> Value {
        let name = format!("float:{value:e}");
        self.initializer(&name, FLOAT, Vec::new(), value.to_le_bytes().to_vec());
        name
    }

    /// A scalar of type int64.
    pub(super) fn int(&mut self, value: i64) -> Value {
        let name = format!("int:{value}");
        self.initializer(&name, INT64, Vec::new(), value.to_le_bytes().to_vec());
        name
    }

    /// A list of type int64: axes or a shape.
    pub(super) fn ints(&mut self, values: &[i64]) -> Value {
        let name = format!("ints:{values:?}");
        let data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let length = (values.len() as u64).cast_signed();
        self.initializer(&name, INT64, vec![length], data);
        name
    }

    fn initializer(&mut self, name: &str, data_type: i32, dims: Vec<i64>, data: Vec<u8>) {
        let key = name.as_bytes().to_vec();
        if self.known.insert(key, name.to_owned()).is_none() {
            self.graph.initializer.push(TensorProto {
                dims,
                data_type,
                name: name.to_owned(),
                raw_data: Some(data),
            });
        }
    }
}

/// The nearest `f32`, if there is one.
#[allow(
    clippy::cast_possible_truncation,
    reason = "exported networks compute in f32"
)]
fn single(value: f64) -> Option<f32> {
    let number = value as f32;
    number.is_finite().then_some(number)
}

/// A length as ONNX writes it; layers have at most 2²⁶ weights.
pub(super) fn length(n: usize) -> i64 {
    (n as u64).cast_signed()
}

/// An attribute that is a whole number.
pub(super) fn of_int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        i: Some(value),
        kind: KIND_INT,
        ..AttributeProto::default()
    }
}

/// An attribute that is a number.
pub(super) fn of_float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        f: Some(value),
        kind: KIND_FLOAT,
        ..AttributeProto::default()
    }
}

/// An attribute that is a text.
pub(super) fn of_text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        s: Some(value.as_bytes().to_vec()),
        kind: KIND_STRING,
        ..AttributeProto::default()
    }
}
