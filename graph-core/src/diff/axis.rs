//! Two graphs on one axis, where what only one of them has is found by merging.

use std::cmp::Ordering;

use crate::edge::EdgeKind;
use crate::graph::TemporalGraph;
use crate::key::NodeKey;

/// The nodes of two graphs on one axis, so that places in it can be compared across graphs.
#[derive(Debug)]
pub(super) struct Axis<'a> {
    /// The nodes of either graph, sorted.
    pub(super) keys: Vec<&'a NodeKey>,
    /// Place in `keys` of each node of the earlier graph, by its id.
    pub(super) earlier: Vec<u32>,
    /// Likewise of the later graph.
    pub(super) later: Vec<u32>,
}

pub(super) fn merged<'a>(earlier: &'a [NodeKey], later: &'a [NodeKey]) -> Axis<'a> {
    let mut axis = Axis {
        keys: Vec::with_capacity(earlier.len().max(later.len())),
        earlier: Vec::with_capacity(earlier.len()),
        later: Vec::with_capacity(later.len()),
    };
    let (mut a, mut b) = (earlier.iter().peekable(), later.iter().peekable());
    for place in 0.. {
        let order = match (a.peek(), b.peek()) {
            (Some(a), Some(b)) => a.cmp(b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        let from_a = a.next_if(|_| order.is_le());
        let from_b = b.next_if(|_| order.is_ge());
        axis.earlier.extend(from_a.map(|_| place));
        axis.later.extend(from_b.map(|_| place));
        axis.keys.extend(from_a.or(from_b));
    }
    axis
}

/// Edges with the places of their ends on the axis, sorted.
pub(super) fn placed_edges(graph: &TemporalGraph, place: &[u32]) -> Vec<(u32, u32, EdgeKind)> {
    let placed = graph
        .edges()
        .map(|(from, to, kind)| (place[from.index()], place[to.index()], kind));
    let mut edges: Vec<_> = placed.collect();
    // Mostly sorted already, because ids are in the order of keys.
    edges.sort();
    edges
}

/// What only the later, and what only the earlier of two sorted lists has.
pub(super) fn added_removed<T: Copy + Ord>(earlier: &[T], later: &[T]) -> (Vec<T>, Vec<T>) {
    let without = |all: &[T], other: &[T]| {
        let mut other = other.iter().peekable();
        let mut only = Vec::new();
        for item in all {
            while other.next_if(|next| *next < item).is_some() {}
            if other.peek() != Some(&item) {
                only.push(*item);
            }
        }
        only
    };
    (without(later, earlier), without(earlier, later))
}
