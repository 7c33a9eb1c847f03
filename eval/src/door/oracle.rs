//! The power that is possible: tests for one look at all raw calls of both sides.

use std::collections::BTreeMap;

use astern_graph_core::CallStatus;
use astern_stats::two_sample::{fisher_greater, mann_whitney_greater_counted};

/// The level; that of the default judge.
const ALPHA: f64 = 5e-3;

/// Tests that are made at each look.
const TESTS: f64 = 4.0;

/// The tail is what exceeds this quantile of both sides together.
const TAIL_PERCENT: u64 = 99;

/// All raw calls of both sides.
#[derive(Debug, Clone, Default)]
pub(crate) struct Oracle {
    /// How many calls of the new and of the old side took so long, by the bits of the duration in ms: in the order of the
    /// durations, since none is negative.
    durations: BTreeMap<u64, [u64; 2]>,
    of_new: Ends,
    of_old: Ends,
}

/// How calls ended.
#[derive(Debug, Clone, Copy, Default)]
struct Ends {
    calls: u64,
    failed: u64,
    refused: u64,
}

impl Oracle {
    /// So many calls that took so long and ended so.
    pub(super) fn add(&mut self, is_new: bool, ms: f64, status: CallStatus, calls: u64) {
        let side = usize::from(!is_new);
        self.durations.entry(ms.max(0.0).to_bits()).or_default()[side] += calls;
        let ends = if is_new {
            &mut self.of_new
        } else {
            &mut self.of_old
        };
        ends.calls += calls;
        match status {
            CallStatus::Error => ends.failed += calls,
            CallStatus::ClientError => ends.refused += calls,
            _ => {}
        }
    }

    /// Whether the new calls are worse than the old ones at [`ALPHA`]: by Fisher's exact test of failures, of client errors
    /// and of the calls in the tail, or by Mann-Whitney of the durations, each at a quarter of the level. There is no
    /// correction for several looks, nor for calls of one request or of one instance, nor a least effect.
    pub(crate) fn rejects(&self) -> bool {
        let (new, old) = (self.of_new, self.of_old);
        let shares = |hits: [u64; 2]| fisher_greater(hits[0], new.calls, hits[1], old.calls);
        let counted: Vec<(u64, u64)> = self.durations.values().map(|n| (n[0], n[1])).collect();
        [
            shares([new.failed, old.failed]),
            shares([new.refused, old.refused]),
            shares(in_tail(&counted, new.calls + old.calls)),
            mann_whitney_greater_counted(&counted),
        ]
        .into_iter()
        .any(|p| p <= ALPHA / TESTS)
    }
}

/// Calls of the new and of the old side above the quantile of the tail.
fn in_tail(ascending: &[(u64, u64)], calls: u64) -> [u64; 2] {
    let place = calls * TAIL_PERCENT / 100;
    let mut up_to = 0;
    let above = ascending.iter().filter(|(new, old)| {
        let is_above = up_to > place;
        up_to += new + old;
        is_above
    });
    above.fold([0, 0], |sums, (new, old)| [sums[0] + new, sums[1] + old])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oracle(new: &[(f64, CallStatus)], old: &[(f64, CallStatus)]) -> Oracle {
        let mut oracle = Oracle::default();
        for (side, is_new) in [(new, true), (old, false)] {
            for (ms, status) in side {
                oracle.add(is_new, *ms, *status, 1);
            }
        }
        oracle
    }

    fn ok(ms: impl Iterator<Item = u32>) -> Vec<(f64, CallStatus)> {
        ms.map(|ms| (f64::from(ms), CallStatus::Ok)).collect()
    }

    #[test]
    fn rejects_what_differs_and_not_what_does_not() {
        let old = ok(1..=200);
        assert!(!oracle(&old, &old).rejects());
        assert!(oracle(&ok(100..300), &old).rejects());
        assert!(!oracle(&old, &ok(100..300)).rejects());
        let failed: Vec<_> = old.iter().map(|(ms, _)| (*ms, CallStatus::Error)).collect();
        assert!(oracle(&failed[..10], &old).rejects());
        assert!(!oracle(&[], &old).rejects());
    }

    #[test]
    fn the_tail_is_what_exceeds_the_quantile() {
        // Of 100 values the one in place 99 is the greatest, and nothing exceeds it; of 200 one does.
        let counted: Vec<(u64, u64)> = (0..100).map(|i| (u64::from(i >= 98), 1)).collect();
        assert_eq!(in_tail(&counted[..98], 98), [0, 0]);
        let even = vec![(1, 1); 100];
        assert_eq!(in_tail(&even, 200), [0, 0]);
        assert_eq!(in_tail(&vec![(1, 1); 200], 400), [1, 1]);
    }
}
