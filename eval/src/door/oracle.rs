//! The power that is possible: tests for one look at all raw calls of both sides.

use astern_graph_core::CallStatus;
use astern_stats::two_sample::{fisher_greater, mann_whitney_greater};

/// One call of the changed service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw {
    pub(super) ms: f64,
    pub(super) status: CallStatus,
}

/// Tests that are made at each look.
const TESTS: f64 = 4.0;

/// The tail is what exceeds this quantile of both sides together.
const TAIL_PERCENT: usize = 99;

/// Whether the new calls are worse than the old ones at this level: by Fisher's exact test of failures, of client errors
/// and of the calls in the tail, or by Mann-Whitney of the durations, each at a quarter of the level. There is no
/// correction for several looks, nor for calls of one request, nor a least effect.
pub(super) fn rejects(new: &[Raw], old: &[Raw], alpha: f64) -> bool {
    let shares = |is_hit: &dyn Fn(&Raw) -> bool| {
        let hits = |side: &[Raw]| side.iter().filter(|raw| is_hit(raw)).count() as u64;
        fisher_greater(hits(new), new.len() as u64, hits(old), old.len() as u64)
    };
    let ms = |side: &[Raw]| side.iter().map(|raw| raw.ms).collect::<Vec<_>>();
    let mut all = [ms(new), ms(old)].concat();
    all.sort_by(f64::total_cmp);
    let tail = all
        .get(all.len() * TAIL_PERCENT / 100)
        .copied()
        .unwrap_or(f64::INFINITY);
    [
        shares(&|raw| raw.status == CallStatus::Error),
        shares(&|raw| raw.status == CallStatus::ClientError),
        shares(&|raw| raw.ms > tail),
        mann_whitney_greater(&ms(new), &ms(old)),
    ]
    .into_iter()
    .any(|p| p <= alpha / TESTS)
}
