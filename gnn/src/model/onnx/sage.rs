//! `GraphSAGE`.

use super::OnnxError;
use super::builder::{Builder, Value, of_int};
use super::edges::Edges;
use super::step::Join;
use crate::graph::SelfLoops;
use crate::layer::{SageAggregation, SageConfig};

pub(super) fn sage(b: &mut Builder<'_>, config: &SageConfig, x: &str) -> Result<Value, OnnxError> {
    let edges = Edges::new(b, SelfLoops::AsGiven);
    let mut neighbours = x.to_owned();
    if config.project {
        let h = b.dense(x, "lin.", [config.inputs; 2], true)?;
        neighbours = b.node("Relu", &[&h], vec![]);
    }
    let messages = b.gather(&neighbours, &edges.source);
    let received = match config.aggregation {
        SageAggregation::Mean => b.mean(&messages, &edges.target, config.inputs),
        SageAggregation::Max => greatest(b, &messages, &edges.target, config.inputs),
    };
    let shape = [config.outputs, config.inputs];
    let mut y = b.dense(&received, "lin_l.", shape, config.bias)?;
    if config.root_weight {
        let own = b.dense(x, "lin_r.", shape, false)?;
        y = b.node("Add", &[&y, &own], vec![]);
    }
    if config.normalize {
        let axes = b.ints(&[1]);
        let length = b.node("ReduceL2", &[&y, &axes], vec![of_int("keepdims", 1)]);
        let least = b.float(1e-12);
        let length = b.node("Max", &[&length, &least], vec![]);
        y = b.node("Div", &[&y, &length], vec![]);
    }
    Ok(y)
}

/// Greatest message of each column, 0 where there are none.
fn greatest(b: &mut Builder<'_>, messages: &str, target: &str, width: usize) -> Value {
    let greatest = b.join(Join::Max, messages, target, Some(width));
    let degree = b.in_degree(target);
    let degree = b.unsqueeze(&degree, 1);
    let zero = b.float(0.0);
    let has_senders = b.node("Greater", &[&degree, &zero], vec![]);
    b.node("Where", &[&has_senders, &greatest, &zero], vec![])
}
