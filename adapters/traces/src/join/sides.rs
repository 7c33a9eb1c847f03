//! Which span is the callee's side of a call, and which is the caller's side of the same call.
//!
//! - An *entry* is the callee's side: a server span; a span without a kind that has no parent; and an
//!   internal span or one without a kind whose parent is in another service.
//! - A client span reaches through internal spans of its service: the entry behind them answers it. Of
//!   several the earliest does (a twin first); the others are calls of which the caller's side is not seen.
//! - A client span with another one of its service under it is walked through: the inner one is the call.
//! - A client span without an entry, but with a client, producer or consumer span of another service
//!   under it, called that service.
//! - A receipt of messages is no client's side (`messages`).
//! - An unkinded span that is itself no entry, has one child, and that child is an entry in another
//!   service, is taken for the client's side ([`SpanParams::infer_clients`](crate::SpanParams::infer_clients)).

use super::{Claim, NONE, Trace};
use crate::report::SpanReport;
use crate::span::SpanKind;

impl Trace<'_> {
    /// Finds entries, and pairs each with its client's side.
    pub(super) fn pair(&mut self, report: &mut SpanReport) {
        for order in 0..self.parents_first.len() {
            let at = self.parents_first.get(order).copied().unwrap_or(NONE);
            self.follow(at);
            self.place(at);
        }
        let mut entries: Vec<(bool, i64, u32)> = self
            .nodes
            .iter()
            .zip(0_u32..)
            .filter(|(node, _)| node.entry && node.parent != NONE)
            .map(|(node, at)| (!node.twin, node.start.unwrap_or(i64::MAX), at))
            .collect();
        entries.sort_unstable();
        for (_, _, at) in entries {
            self.claim(at, report);
        }
    }

    /// What a node is, its parent's place being known.
    fn place(&mut self, at: u32) {
        let Some(node) = self.node(at) else {
            return;
        };
        let parent = self.node(node.parent);
        let local = parent.is_some_and(|parent| self.is_local(parent, node));
        let above = parent.map_or(NONE, |parent| parent.carrier);
        let kind = node.kind;
        let entry = match kind {
            SpanKind::Server => true,
            SpanKind::Unspecified => !local,
            SpanKind::Internal => parent.is_some() && !local,
            SpanKind::Client | SpanKind::Producer | SpanKind::Consumer => false,
        };
        let unkinded = matches!(kind, SpanKind::Internal | SpanKind::Unspecified);
        let carrier = match kind {
            SpanKind::Client if !node.receives() => at,
            _ if unkinded && local => above,
            _ => NONE,
        };
        if let Some(node) = self.node_mut(at) {
            (node.entry, node.carrier) = (entry, carrier);
        }
        if let Some(client) = self.node_mut(above) {
            if !local && !entry && client.hint == NONE {
                client.hint = at;
            }
            if local && kind == SpanKind::Client {
                client.claimed = Claim::Nested;
            }
        }
    }

    /// Gives an entry its client's side, if there is one that nobody has claimed.
    fn claim(&mut self, at: u32, report: &mut SpanReport) {
        let Some((entry, parent)) = self.node(at).and_then(|e| Some((e, self.node(e.parent)?)))
        else {
            return;
        };
        let local = self.is_local(parent, entry);
        let infers = self.params.infer_clients
            && parent.kind == SpanKind::Unspecified
            && !(parent.entry || local)
            && parent.carrier == NONE
            && self.children.get(entry.parent as usize) == Some(&1);
        let called = entry.kind == SpanKind::Server || !local;
        let client = if infers { entry.parent } else { parent.carrier };
        let is_open = |side: &super::Node| matches!(side.claimed, Claim::Open | Claim::Nested);
        if !called || !self.node(client).is_some_and(is_open) {
            return;
        }
        if let Some(side) = self.node_mut(client) {
            side.claimed = if infers {
                Claim::Inferred
            } else {
                Claim::Answered
            };
        }
        if let Some(entry) = self.node_mut(at) {
            entry.client = client;
        }
        report.inferred_clients += u64::from(infers);
    }
}
