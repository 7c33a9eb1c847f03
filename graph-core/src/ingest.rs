//! What became of the records that were fed in: nothing is lost, everything dropped is counted.

use std::fmt;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Counts of what was accepted and of what was dropped, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IngestReport {
    /// Taken in.
    pub accepted: u64,
    /// Dropped: a call of the same span, or a change event, equal in every field was already seen.
    pub duplicate: u64,
    /// Dropped: its step is older than the lateness bound, which does not hold for changes, or than the retention allows.
    pub late: u64,
    /// Dropped: further in the future than the lateness bound allows.
    pub future: u64,
    /// Dropped: the value is `NaN` or infinite.
    pub non_finite: u64,
    /// Dropped: a call over an edge of a kind that carries none, a consumption by nobody, a batch that
    /// [`CallBatch::check`](crate::CallBatch::check) refuses, a change that
    /// [`ChangeEvent::check`](crate::ChangeEvent::check) does, or a record beyond its [bounds](crate::Record::bounds).
    pub malformed: u64,
    /// Dropped: a limit on nodes, edges, metrics, change events, or samples of a metric per step was
    /// reached; the first to come are kept.
    pub over_limit: u64,
    /// Calls and samples taken in, but not distinguished by revision or segment: the service has as many of them as the
    /// limit on slices allows.
    pub unsliced: u64,
    /// Calls taken in, but not distinguished by instance or host: of those seen in the same step there are as many as the
    /// limits on nodes and edges allow.
    pub unplaced: u64,
    /// Taken in without a look for duplicates: as many spans as the limit allows were remembered.
    pub unchecked: u64,
    /// Calls taken in although calls of the same span that differ from them were: something gives two calls one span,
    /// or states one call in two ways, and it counts twice.
    pub unlike: u64,
}

impl IngestReport {
    /// Number of dropped records.
    pub fn dropped(&self) -> u64 {
        self.reasons().iter().map(|(_, count)| count).sum()
    }

    /// Number of records fed in.
    pub fn total(&self) -> u64 {
        self.accepted + self.dropped()
    }

    /// Why records were dropped, with how many.
    fn reasons(&self) -> [(&'static str, u64); 6] {
        [
            ("duplicate", self.duplicate),
            ("late", self.late),
            ("future", self.future),
            ("non-finite", self.non_finite),
            ("malformed", self.malformed),
            ("over limit", self.over_limit),
        ]
    }
}

impl AddAssign for IngestReport {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.duplicate += other.duplicate;
        self.late += other.late;
        self.future += other.future;
        self.non_finite += other.non_finite;
        self.malformed += other.malformed;
        self.over_limit += other.over_limit;
        self.unsliced += other.unsliced;
        self.unplaced += other.unplaced;
        self.unchecked += other.unchecked;
        self.unlike += other.unlike;
    }
}

impl fmt::Display for IngestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} records accepted", self.accepted, self.total())?;
        let notes = [
            ("not distinguished by revision or segment", self.unsliced),
            ("not distinguished by instance or host", self.unplaced),
            ("not looked at for duplicates", self.unchecked),
            ("unlike another of the same span", self.unlike),
        ];
        let counts = self.reasons().into_iter().chain(notes);
        for (what, count) in counts.filter(|(_, count)| *count > 0) {
            write!(f, ", {count} {what}")?;
        }
        Ok(())
    }
}
