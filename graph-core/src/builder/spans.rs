//! Spans that were seen, so that duplicates are found.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::RandomState;

use crate::name::SpanId;

/// Spans by step, so that they are forgotten together with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Spans {
    by_step: BTreeMap<i64, Step>,
    count: usize,
}

/// The spans of a step and what was stated of each. Looked up by hash, stored in order.
#[derive(Debug, Clone, Default)]
struct Step {
    /// The least digest of what was stated of each span: whichever came first, the same is kept.
    spans: HashMap<Id, u64, RandomState>,
    /// The others, of spans of which unlike things were stated.
    others: BTreeSet<(SpanId, u64)>,
}

/// A span in 24 bytes: with its digest an entry takes 32, where the alignment of 128-bit numbers would make it 48.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Id([u64; 3]);

impl From<SpanId> for Id {
    fn from(SpanId { trace, span }: SpanId) -> Self {
        // The two halves of the trace: the cast keeps the lower one.
        #[allow(clippy::cast_possible_truncation, reason = "the lower half is meant")]
        Self([(trace >> 64) as u64, trace as u64, span])
    }
}

impl From<Id> for SpanId {
    fn from(Id([high, low, span]): Id) -> Self {
        Self::new(u128::from(high) << 64 | u128::from(low), span)
    }
}

/// Whether a span was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    New,
    /// The same was stated of it.
    Before,
    /// Only unlike things were stated of it.
    Unlike,
    /// There was no room to remember it.
    Unknown,
}

impl Step {
    fn see(&mut self, span: SpanId, digest: u64, has_room: bool) -> Seen {
        let Some(least) = self.spans.get_mut(&span.into()) else {
            if !has_room {
                return Seen::Unknown;
            }
            self.spans.insert(span.into(), digest);
            return Seen::New;
        };
        if *least == digest || self.others.contains(&(span, digest)) {
            return Seen::Before;
        }
        if !has_room {
            return Seen::Unknown;
        }
        let (lesser, greater) = ((*least).min(digest), (*least).max(digest));
        *least = lesser;
        self.others.insert((span, greater));
        Seen::Unlike
    }

    fn len(&self) -> usize {
        self.spans.len() + self.others.len()
    }

    fn contains(&self, span: SpanId, digest: u64) -> bool {
        self.spans.get(&span.into()) == Some(&digest) || self.others.contains(&(span, digest))
    }

    /// In no order.
    fn entries(&self) -> impl Iterator<Item = (SpanId, u64)> {
        let spans = self.spans.iter();
        let spans = spans.map(|(id, digest)| (SpanId::from(*id), *digest));
        spans.chain(self.others.iter().copied())
    }
}

impl Spans {
    /// Looks a span up and remembers what is stated of it, of `spans_max` things at most.
    pub(super) fn see(&mut self, step: i64, span: SpanId, digest: u64, spans_max: usize) -> Seen {
        let has_room = self.count < spans_max;
        let seen = match self.by_step.get_mut(&step) {
            Some(spans) => spans.see(span, digest, has_room),
            None if has_room => self
                .by_step
                .entry(step)
                .or_default()
                .see(span, digest, true),
            None => Seen::Unknown,
        };
        if matches!(seen, Seen::New | Seen::Unlike) {
            self.count += 1;
        }
        seen
    }

    /// Forgets the spans of steps before this one.
    pub(super) fn forget_before(&mut self, step: i64) {
        self.by_step = self.by_step.split_off(&step);
        self.count = self.by_step.values().map(Step::len).sum();
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Number of spans of which the same was stated to another.
    pub(super) fn common(&self, other: &Self) -> usize {
        let steps = other.by_step.iter();
        let pairs = steps.filter_map(|(step, spans)| Some((self.by_step.get(step)?, spans)));
        let common = |(mine, theirs): (&Step, &Step)| {
            let entries = theirs.entries();
            entries
                .filter(|(span, digest)| mine.contains(*span, *digest))
                .count()
        };
        pairs.map(common).sum()
    }

    /// Remembers what another does, of which it has none yet.
    pub(super) fn merge(&mut self, other: &Self) {
        for (step, spans) in &other.by_step {
            let mine = self.by_step.entry(*step).or_default();
            for (span, digest) in spans.entries() {
                mine.see(span, digest, true);
            }
        }
        self.count += other.count;
    }

    /// In order.
    pub(super) fn stored(&self) -> BTreeMap<i64, Vec<(SpanId, u64)>> {
        let in_order = |spans: &Step| {
            let mut spans: Vec<_> = spans.entries().collect();
            spans.sort_unstable();
            spans
        };
        let steps = self.by_step.iter();
        steps
            .map(|(step, spans)| (*step, in_order(spans)))
            .collect()
    }

    pub(super) fn from_stored(stored: BTreeMap<i64, Vec<(SpanId, u64)>>) -> Self {
        let mut spans = Self::default();
        for (step, entries) in stored {
            for (span, digest) in entries {
                spans.see(step, span, digest, usize::MAX);
            }
        }
        spans
    }
}
