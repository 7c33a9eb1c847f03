//! Self time: the part of a callee's span in which it did not wait for a call of its own.
//!
//! The duration less the union of the intervals of the calls it made, cut to the span itself. The
//! calls are the client spans under it, through internal spans of its service, and the callee's side
//! where the caller's is not seen. It waits neither for messages nor for what follows from it
//! (`FOLLOWS_FROM`). Where the time of one of its calls is not known, neither is its self time: how long
//! the callee's side of a call took does not say how long the caller waited.

use super::{Claim, NONE, Node, Trace};
use crate::span::SpanKind;

/// An interval `[start, end)` in which a node waited; none when it waited and nobody knows when.
type Wait = (u32, Option<(i64, i64)>);

impl Trace<'_> {
    /// Computes the self time of every entry and consumer.
    pub(super) fn own_time(&mut self) {
        let mut homes = vec![NONE; self.nodes.len()];
        let mut waits: Vec<Wait> = Vec::new();
        for &at in &self.parents_first {
            let Some(node) = self.node(at) else {
                continue;
            };
            let above = homes.get(node.parent as usize).copied().unwrap_or(NONE);
            let local = self
                .node(node.parent)
                .is_some_and(|parent| self.is_local(parent, node));
            let calls = node.kind == SpanKind::Client || node.claimed == Claim::Inferred;
            let home = match node.kind {
                _ if node.entry || node.kind == SpanKind::Consumer => at,
                SpanKind::Client | SpanKind::Producer => NONE,
                _ if node.claimed == Claim::Inferred || !local => NONE,
                _ => above,
            };
            if let Some(slot) = homes.get_mut(at as usize) {
                *slot = home;
            }
            let waited = (calls && local) || (node.entry && node.client == NONE);
            let follows = self.span(node).is_some_and(|span| span.follows);
            if waited && above != NONE && !follows {
                waits.push((above, interval(node)));
            }
        }
        waits.sort_unstable();
        self.subtract(&waits);
    }

    fn subtract(&mut self, waits: &[Wait]) {
        let mut rest = waits;
        for (node, at) in self.nodes.iter_mut().zip(0_u32..) {
            let count = rest.partition_point(|(owner, _)| *owner <= at);
            let (mine, others) = rest.split_at_checked(count).unwrap_or((&[], rest));
            rest = others;
            if node.entry || node.kind == SpanKind::Consumer {
                node.exclusive = own(node, mine);
            }
        }
    }
}

fn interval(node: &Node) -> Option<(i64, i64)> {
    let (start, duration) = (node.start?, node.duration?);
    Some((start, start.saturating_add(duration)))
}

/// Length of a node's interval outside the waits, which are sorted by start.
fn own(node: &Node, waits: &[Wait]) -> Option<i64> {
    if waits.is_empty() {
        return node.duration;
    }
    let (start, end) = interval(node)?;
    let mut own = node.duration?;
    let mut done = start;
    for (_, wait) in waits {
        let (from, to) = (*wait)?;
        let (from, to) = (from.max(done), to.min(end));
        if to > from {
            own -= to - from;
            done = to;
        }
    }
    Some(own)
}
