//! Spans that were seen, so that duplicates are found.

use std::collections::{BTreeMap, HashSet};

use foldhash::fast::RandomState;

use crate::name::SpanId;

/// Spans by step, so that they are forgotten together with it. Looked up by hash, stored in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Spans {
    by_step: BTreeMap<i64, HashSet<SpanId, RandomState>>,
    count: usize,
}

/// Whether a span was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    New,
    Before,
    /// There was no room to remember it.
    Unknown,
}

impl Spans {
    /// Looks a span up and remembers it while there are fewer than `spans_max`.
    pub(super) fn see(&mut self, step: i64, span: SpanId, spans_max: usize) -> Seen {
        if self.count >= spans_max {
            let spans = self.by_step.get(&step);
            let known = spans.is_some_and(|spans| spans.contains(&span));
            return if known { Seen::Before } else { Seen::Unknown };
        }
        if self.by_step.entry(step).or_default().insert(span) {
            self.count += 1;
            Seen::New
        } else {
            Seen::Before
        }
    }

    /// Forgets the spans of steps before this one.
    pub(super) fn forget_before(&mut self, step: i64) {
        self.by_step = self.by_step.split_off(&step);
        self.count = self.by_step.values().map(HashSet::len).sum();
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Number of spans that another has too.
    pub(super) fn common(&self, other: &Self) -> usize {
        let pairs = self
            .by_step
            .iter()
            .filter_map(|(step, spans)| Some((spans, other.by_step.get(step)?)));
        pairs.map(|(a, b)| a.intersection(b).count()).sum()
    }

    /// Remembers what another does, of which it has none yet.
    pub(super) fn merge(&mut self, other: &Self) {
        for (step, spans) in &other.by_step {
            self.by_step.entry(*step).or_default().extend(spans);
        }
        self.count += other.count;
    }

    /// In order.
    pub(super) fn stored(&self) -> BTreeMap<i64, Vec<SpanId>> {
        let in_order = |spans: &HashSet<SpanId, RandomState>| {
            let mut spans: Vec<SpanId> = spans.iter().copied().collect();
            spans.sort_unstable();
            spans
        };
        let steps = self.by_step.iter();
        steps
            .map(|(step, spans)| (*step, in_order(spans)))
            .collect()
    }

    pub(super) fn from_stored(stored: BTreeMap<i64, Vec<SpanId>>) -> Self {
        let steps = stored.into_iter();
        let by_step: BTreeMap<i64, HashSet<SpanId, RandomState>> = steps
            .map(|(step, spans)| (step, spans.into_iter().collect()))
            .collect();
        let count = by_step.values().map(HashSet::len).sum();
        Self { by_step, count }
    }
}
