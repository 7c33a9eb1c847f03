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
    /// Dropped: the span was already seen, or a change event equal in every field.
    pub duplicate: u64,
    /// Dropped: its step is older than the lateness bound or than the retention allows.
    pub late: u64,
    /// Dropped: further in the future than the lateness bound allows.
    pub future: u64,
    /// Dropped: the value is `NaN` or infinite.
    pub non_finite: u64,
    /// Dropped: a limit on nodes, edges, metrics, change events, or samples of a metric per step was
    /// reached; the first to come are kept.
    pub over_limit: u64,
}

impl IngestReport {
    /// Number of dropped records.
    pub fn dropped(&self) -> u64 {
        self.duplicate + self.late + self.future + self.non_finite + self.over_limit
    }

    /// Number of records fed in.
    pub fn total(&self) -> u64 {
        self.accepted + self.dropped()
    }
}

impl AddAssign for IngestReport {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.duplicate += other.duplicate;
        self.late += other.late;
        self.future += other.future;
        self.non_finite += other.non_finite;
        self.over_limit += other.over_limit;
    }
}

impl fmt::Display for IngestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} records accepted", self.accepted, self.total())?;
        let reasons = [
            ("duplicate", self.duplicate),
            ("late", self.late),
            ("future", self.future),
            ("non-finite", self.non_finite),
            ("over limit", self.over_limit),
        ];
        for (reason, count) in reasons.into_iter().filter(|(_, count)| *count > 0) {
            write!(f, ", {count} {reason}")?;
        }
        Ok(())
    }
}
