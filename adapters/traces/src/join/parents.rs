//! The forest of a trace: who caused whom.
//!
//! A span that names a parent which is not there is an *orphan* and has none. A circle of parents,
//! also of one span, is cut at its earliest span, which then has no parent.

use super::{NONE, Node, Trace};
use crate::report::SpanReport;

impl Trace<'_> {
    /// Links nodes to their parents and orders them, each behind its parent.
    pub(super) fn link(&mut self, report: &mut SpanReport) {
        for at in 0..self.nodes.len() {
            let Some(node) = self.nodes.get(at).filter(|node| !node.twin) else {
                continue;
            };
            let named = self.span(node).and_then(|span| span.parent);
            let Some(parent) = named.map(|id| self.find(id, node)) else {
                continue;
            };
            if parent == NONE {
                report.orphans += 1;
            }
            if let Some(node) = self.nodes.get_mut(at) {
                node.parent = parent;
            }
        }
        self.cut_cycles(report);
        self.order();
    }

    /// The node of this id; of two sides of a call, the one that a child belongs to.
    fn find(&self, id: u64, child: &Node) -> u32 {
        let from = self.nodes.partition_point(|node| node.id < id);
        let sides = self.nodes.get(from..).unwrap_or_default();
        let at = |offset: usize| u32::try_from(from + offset).unwrap_or(NONE);
        match sides {
            [caller, callee, ..] if callee.id == id => {
                let with_caller = self.is_local(caller, child) && !self.is_local(callee, child);
                at(usize::from(!with_caller))
            }
            [only, ..] if only.id == id => at(0),
            _ => NONE,
        }
    }

    fn cut_cycles(&mut self, report: &mut SpanReport) {
        // 0: not seen yet; otherwise the number of the walk that saw it.
        let mut seen = vec![0_u32; self.nodes.len()];
        for (start, walk) in (0..self.nodes.len()).zip(1_u32..) {
            let mut at = u32::try_from(start).unwrap_or(NONE);
            let met = loop {
                let Some(mark) = seen.get_mut(at as usize) else {
                    break false;
                };
                if *mark != 0 {
                    break *mark == walk;
                }
                *mark = walk;
                at = self.node(at).map_or(NONE, |node| node.parent);
            };
            if met {
                report.cycles += 1;
                let earliest = self.earliest_of_cycle(at);
                if let Some(node) = self.node_mut(earliest) {
                    node.parent = NONE;
                    node.twin = false;
                }
            }
        }
    }

    fn earliest_of_cycle(&self, on_it: u32) -> u32 {
        let when = |at: u32| {
            let node = self.node(at);
            // The callee's side of a shared id keeps its parent, its caller, if anything else can go.
            (
                node.is_some_and(|n| n.twin),
                node.and_then(|n| n.start).unwrap_or(i64::MAX),
                at,
            )
        };
        let (mut earliest, mut at) = (on_it, on_it);
        loop {
            at = self.node(at).map_or(NONE, |node| node.parent);
            if at == on_it || at == NONE {
                return earliest;
            }
            if when(at) < when(earliest) {
                earliest = at;
            }
        }
    }

    /// Counts children and orders nodes breadth first, by a counting sort over parents.
    fn order(&mut self) {
        let Self {
            nodes,
            parents_first,
            children,
            ..
        } = self;
        children.clear();
        children.resize(nodes.len(), 0);
        for node in nodes.iter() {
            if let Some(count) = children.get_mut(node.parent as usize) {
                *count += 1;
            }
        }
        let mut from = Vec::with_capacity(nodes.len());
        let mut total = 0_u32;
        for count in children.iter() {
            from.push(total);
            total += count;
        }
        let mut next = from.clone();
        let mut by_parent = vec![NONE; total as usize];
        parents_first.clear();
        for (node, at) in nodes.iter().zip(0_u32..) {
            match next.get_mut(node.parent as usize) {
                Some(place) => {
                    if let Some(slot) = by_parent.get_mut(*place as usize) {
                        *slot = at;
                    }
                    *place += 1;
                }
                None => parents_first.push(at),
            }
        }
        let mut done = 0;
        while let Some(&at) = parents_first.get(done) {
            let range = from.get(at as usize).zip(next.get(at as usize));
            let found = range.and_then(|(a, b)| by_parent.get(*a as usize..*b as usize));
            parents_first.extend_from_slice(found.unwrap_or_default());
            done += 1;
        }
    }
}
