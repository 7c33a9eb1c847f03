//! The records that enter: calls, batches of calls, metric samples, changes, edges. Adapters make them, or the user's code.

mod batch;
mod bounds;
mod call;
mod change;
mod dependency;
mod party;
mod sample;
mod schedule;

use serde::{Deserialize, Serialize};

pub use batch::{BatchError, CallBatch, Durations};
pub use bounds::BoundError;
pub(crate) use call::can_carry;
pub use call::{Call, CallStatus};
pub use change::{Artefact, ChangeEvent, ChangeKind, ChangePhase, Reversibility};
pub use dependency::Dependency;
pub use party::Party;
pub use sample::{Sample, SampleSubject};
pub use schedule::{PlannedShare, Schedule, ScheduleError};

use crate::time::Timestamp;

/// One piece of telemetry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Record {
    /// A call between two parties.
    Call(Call),
    /// Calls of one step between two parties, counted.
    Batch(CallBatch),
    /// A value of a metric.
    Sample(Sample),
    /// A step of a change.
    Change(ChangeEvent),
    /// An edge that is known without a call over it.
    Dependency(Dependency),
}

impl Record {
    /// When it happened.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Call(call) => call.at,
            Self::Batch(batch) => batch.at,
            Self::Sample(sample) => sample.at,
            Self::Change(change) => change.at,
            Self::Dependency(dependency) => dependency.at,
        }
    }
}

impl From<Call> for Record {
    fn from(call: Call) -> Self {
        Self::Call(call)
    }
}

impl From<CallBatch> for Record {
    fn from(batch: CallBatch) -> Self {
        Self::Batch(batch)
    }
}

impl From<Sample> for Record {
    fn from(sample: Sample) -> Self {
        Self::Sample(sample)
    }
}

impl From<ChangeEvent> for Record {
    fn from(change: ChangeEvent) -> Self {
        Self::Change(change)
    }
}

impl From<Dependency> for Record {
    fn from(dependency: Dependency) -> Self {
        Self::Dependency(dependency)
    }
}
