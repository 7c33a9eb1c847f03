//! Clocks that disagree: a server span that does not fit into its client span is shifted.
//!
//! As Jaeger's adjuster does it (`clockskew.go`, 2017 on), for a server span and its client's side on
//! another host:
//!
//! - it lies inside the client span: nothing is done;
//! - it is no longer than the client span: it is centred in it, so that the request and the answer
//!   took equally long on the way (an odd nanosecond goes to the answer);
//! - it is longer (the caller gave up, or did not wait): it is moved to the client's start if it
//!   starts before it, else nothing is done.
//!
//! What runs under the shifted span on the same clock shifts with it; callers come first, so a chain is
//! aligned from its root. Durations never change. Two spans share a clock when they are on one host,
//! or, where a host is not known, when they are of one service and not of two different instances.
//! Unlike Jaeger, only the two sides of one call are compared, never a span with another kind of parent.

use super::{NONE, Trace};
use crate::report::SpanReport;

impl Trace<'_> {
    /// Shifts starts so that callees lie inside their callers.
    pub(super) fn align(&mut self, report: &mut SpanReport) {
        let mut shifts = vec![0_i64; self.nodes.len()];
        for order in 0..self.parents_first.len() {
            let at = self.parents_first.get(order).copied().unwrap_or(NONE);
            let Some(shift) = self.shift_of(at, &shifts, report) else {
                continue;
            };
            if let Some(slot) = shifts.get_mut(at as usize) {
                *slot = shift;
            }
            if let Some(node) = self.node_mut(at) {
                node.start = node.start.map(|start| start.saturating_add(shift));
            }
        }
    }

    fn shift_of(&self, at: u32, shifts: &[i64], report: &mut SpanReport) -> Option<i64> {
        let node = self.node(at)?;
        let parent = self.node(node.parent)?;
        let origin = self.origin(node)?;
        if origin.shares_clock(self.origin(parent)?) {
            return shifts.get(node.parent as usize).copied();
        }
        let client = self.node(node.client)?;
        if origin.shares_clock(self.origin(client)?) {
            return None;
        }
        let outer = (client.start?, client.duration?);
        let shift = shift(outer, (node.start?, node.duration?));
        report.shifted += u64::from(shift != 0);
        Some(shift)
    }
}

/// How far a span `(start, duration)` is to be shifted to fit into another.
fn shift(outer: (i64, i64), inner: (i64, i64)) -> i64 {
    let end = |(start, duration): (i64, i64)| start.saturating_add(duration);
    if inner.1 > outer.1 {
        return outer.0.saturating_sub(inner.0).max(0);
    }
    if inner.0 >= outer.0 && end(inner) <= end(outer) {
        return 0;
    }
    let latency = (outer.1 - inner.1) / 2;
    outer.0.saturating_add(latency).saturating_sub(inner.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_case_is_as_documented() {
        assert_eq!(shift((100, 50), (110, 20)), 0);
        assert_eq!(shift((100, 50), (100, 50)), 0);
        assert_eq!(shift((100, 51), (90, 20)), 25); // 115 of 100..151: 15 before, 16 behind
        assert_eq!(shift((100, 50), (140, 20)), -25);
        assert_eq!(shift((100, 50), (90, 60)), 10);
        assert_eq!(shift((100, 50), (120, 60)), 0);
        assert_eq!(shift((i64::MIN, i64::MAX), (i64::MAX, 0)), i64::MIN);
    }

    proptest! {
        #[test]
        fn what_fits_lies_inside_afterwards(
            outer in (-1_000_i64..1_000, 0_i64..500), inner in (-1_000_i64..1_000, 0_i64..500),
        ) {
            let at = inner.0 + shift(outer, inner);
            if inner.1 <= outer.1 {
                prop_assert!(outer.0 <= at && at + inner.1 <= outer.0 + outer.1);
            } else {
                prop_assert!(at >= outer.0);
            }
        }
    }
}
