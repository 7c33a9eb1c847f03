//! Edges with a layer's rule about loops, in the terms of ONNX; see `graph/propagation.rs`.

use super::builder::{Builder, EDGE_ATTR, EDGE_INDEX, EDGE_WEIGHT, Value, of_int};
use crate::graph::SelfLoops;

/// Edges with loops: those that were given, without loops, then one loop a node. `AsGiven` leaves
/// them as they are. Sums over them do not depend on the order but for rounding.
#[derive(Debug)]
pub(super) struct Edges {
    rule: SelfLoops,
    /// Senders `[E']`.
    pub(super) source: Value,
    /// Receivers `[E']`.
    pub(super) target: Value,
    /// Senders and receivers as given, `[E]`.
    given: [Value; 2],
}

impl Edges {
    pub(super) fn new(b: &mut Builder<'_>, rule: SelfLoops) -> Self {
        let mut end = |row| {
            let row = b.int(row);
            b.node("Gather", &[EDGE_INDEX, &row], vec![of_int("axis", 0)])
        };
        let given = [end(0), end(1)];
        let [mut source, mut target] = given.clone();
        if rule != SelfLoops::AsGiven {
            let others = others(b, &given);
            let nodes = nodes(b);
            let mut with_loops = |given: &str| {
                let kept = b.gather(given, &others);
                b.concat(&[&kept, &nodes])
            };
            (source, target) = (with_loops(&given[0]), with_loops(&given[1]));
        }
        Self {
            rule,
            source,
            target,
            given,
        }
    }

    /// Weights `[E']` by GCN's rule: those of the graph, or 1; an added loop has `fill`.
    pub(super) fn weights(&self, b: &mut Builder<'_>, given: bool) -> Value {
        let weight = if given {
            EDGE_WEIGHT.to_owned()
        } else {
            b.ones(&self.given[1])
        };
        if self.rule == SelfLoops::AsGiven {
            return weight;
        }
        let double = self.rule == SelfLoops::AddDouble;
        let fill = b.float(if double { 2.0 } else { 1.0 });
        let of_loops = if self.rule == SelfLoops::Replace {
            b.of_nodes(&fill, None)
        } else {
            let fill = b.unsqueeze(&fill, 0);
            let choice = b.concat(&[&fill, &weight]);
            let last = self.last_loops(b);
            b.gather(&choice, &last)
        };
        let others = others(b, &self.given);
        let kept = b.gather(&weight, &others);
        b.concat(&[&kept, &of_loops])
    }

    /// Attributes `[E', width]`: an added loop has the mean over the other edges into its node.
    pub(super) fn attributes(&self, b: &mut Builder<'_>, width: usize) -> Value {
        if self.rule == SelfLoops::AsGiven {
            return EDGE_ATTR.to_owned();
        }
        let others = others(b, &self.given);
        let kept = b.gather(EDGE_ATTR, &others);
        let target = b.gather(&self.given[1], &others);
        let mut of_loops = b.mean(&kept, &target, width);
        if self.rule != SelfLoops::Replace {
            let last = self.last_loops(b);
            let all = b.concat(&[&of_loops, EDGE_ATTR]);
            let own = own_or_last(b, &last);
            of_loops = b.gather(&all, &own);
        }
        b.concat(&[&kept, &of_loops])
    }

    /// Of each node the place, from 1, of the last loop that was given; 0 without any: `[N]`.
    fn last_loops(&self, b: &mut Builder<'_>) -> Value {
        let [source, target] = &self.given;
        let is_loop = b.node("Equal", &[source, target], vec![]);
        let loops = places(b, &is_loop);
        let at = b.gather(target, &loops);
        let one = b.int(1);
        let place = b.node("Add", &[&loops, &one], vec![]);
        let none = b.int(0);
        let none = b.of_nodes(&none, None);
        // Writing without a reduction leaves open which of several loops stays.
        b.scatter(&none, &at, &place, "max")
    }
}

/// Places in a list of N rows and then E rows: a node's own, or that of its last loop.
fn own_or_last(b: &mut Builder<'_>, last: &str) -> Value {
    let (nodes, n_nodes, one) = (nodes(b), b.n_nodes(), b.int(1));
    let behind = b.node("Add", &[last, &n_nodes], vec![]);
    let behind = b.node("Sub", &[&behind, &one], vec![]);
    let none = b.int(0);
    let has = b.node("Greater", &[last, &none], vec![]);
    b.node("Where", &[&has, &behind, &nodes], vec![])
}

/// Numbers of the nodes, `[N]`.
fn nodes(b: &mut Builder<'_>) -> Value {
    let n_nodes = b.n_nodes();
    let n_nodes = b.squeeze(&n_nodes);
    let (zero, one) = (b.int(0), b.int(1));
    b.node("Range", &[&zero, &n_nodes, &one], vec![])
}

/// Places of the edges that are no loops.
fn others(b: &mut Builder<'_>, [source, target]: &[Value; 2]) -> Value {
    let is_loop = b.node("Equal", &[source, target], vec![]);
    let other = b.node("Not", &[&is_loop], vec![]);
    places(b, &other)
}

/// Where a list is true.
fn places(b: &mut Builder<'_>, list: &str) -> Value {
    let places = b.node("NonZero", &[list], vec![]);
    b.squeeze(&places)
}
