//! Where a step, and the whole run, stands.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::executor::{ExecError, Refusal};
use crate::fact::Fact;
use crate::plan::{Check, StepId};
use crate::seconds;

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Failure {
    /// The platform refused; nothing was changed by the last attempt.
    #[error("{0}")]
    Refused(Refusal),
    /// The platform could not be reached, or never showed the effect, however often it was asked.
    #[error("gave up after {attempts} attempts: {last}")]
    GaveUp {
        /// Times that the effect was sent.
        attempts: u32,
        /// What happened last.
        last: ExecError,
    },
    /// The platform was not seen soon enough after the run began: what the plan rests on may have changed.
    #[error("first seen {} after the run began", seconds::text(*.waited))]
    LookedLate {
        /// The time from the begin of the run to the look.
        #[serde(rename = "waited_seconds", with = "seconds")]
        waited: Duration,
    },
    /// The reply was lost, the effect is not there, and the platform has no version that tells whether anybody else has
    /// acted since: it is not sent again.
    #[error("the reply was lost, and nothing tells whether it was done and undone: {last}")]
    Unclear {
        /// What happened to the reply.
        last: ExecError,
    },
    /// Somebody else has changed the same thing since: what they did stays.
    #[error("changed by somebody else since{}", found_text(.found.as_ref()))]
    Overtaken {
        /// What is true now in place of the target, where it was seen.
        found: Option<Fact>,
    },
    /// A check did not hold in time.
    #[error("not so: {check}")]
    NotMet {
        /// The check.
        check: Check,
    },
}

fn found_text(found: Option<&Fact>) -> String {
    found.map(|fact| format!(": {fact}")).unwrap_or_default()
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepStatus {
    /// It is looked which version its place has before anything is changed.
    Looking,
    /// Waits for other steps, or for a free place.
    Waiting,
    /// Was sent, or will be sent again.
    Applying,
    /// The reply was lost; it is observed whether the effect is there.
    Probing,
    /// Was done; it is observed whether the platform reaches the target.
    Settling,
    /// The target is reached; its metrics are judged when no step is under way any more.
    Settled,
    /// It is observed whether its metrics are good again.
    Recovering,
    /// Done, and everything that was to be checked holds.
    Verified,
    /// A dry run: it could be done.
    Possible,
    /// Done, but this could not be seen.
    Unverified {
        /// What could not be seen.
        check: Check,
    },
    /// Failed: a person is needed.
    Failed(Failure),
    /// Not done, because of a step before it.
    Skipped {
        /// That step.
        because: StepId,
    },
}

impl StepStatus {
    /// Whether it will not change any more.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Verified
                | Self::Possible
                | Self::Unverified { .. }
                | Self::Failed(_)
                | Self::Skipped { .. }
        )
    }

    /// Whether it has not come to its target, nor to its end.
    pub(crate) fn is_to_come(&self) -> bool {
        matches!(self, Self::Looking | Self::Waiting) || self.is_under_way()
    }

    /// Whether it is between its start and its target.
    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self, Self::Applying | Self::Probing | Self::Settling)
    }

    /// Whether the platform is known to have reached the target.
    pub(crate) fn has_settled(&self) -> bool {
        matches!(
            self,
            Self::Settled | Self::Recovering | Self::Verified | Self::Possible
        )
    }
}

impl fmt::Display for StepStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Looking => f.write_str("looking"),
            Self::Waiting => f.write_str("waiting"),
            Self::Applying => f.write_str("applying"),
            Self::Probing => f.write_str("reply lost, looking"),
            Self::Settling => f.write_str("settling"),
            Self::Settled => f.write_str("settled"),
            Self::Recovering => f.write_str("recovering"),
            Self::Verified => f.write_str("verified"),
            Self::Possible => f.write_str("possible"),
            Self::Unverified { check } => write!(f, "done, not seen: {check}"),
            Self::Failed(failure) => write!(f, "failed: {failure}"),
            Self::Skipped { because } => write!(f, "skipped, because of step {because}"),
        }
    }
}

/// Whether requests change the platform.
///
/// ```
/// use astern_rollback_policy::Mode;
///
/// assert_eq!(serde_json::from_str::<Mode>(r#""ask""#)?, Mode::Ask);
/// assert_eq!(Mode::Ask.once_agreed(), Mode::Apply);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Steps are applied and verified.
    Apply,
    /// The platform is asked whether each step could be done, and nothing is changed. Every step is
    /// asked about, also after one that could not be done.
    DryRun,
    /// As [`Apply`](Self::Apply), once a person has agreed to the plan; persons are called without. A [`Run`](crate::Run) asks nobody: whoever holds the
    /// plan makes one in mode `Apply` then.
    Ask,
}

impl Mode {
    /// The mode of what needs no agreement, or has it.
    #[must_use]
    pub fn once_agreed(self) -> Self {
        match self {
            Self::Apply | Self::Ask => Self::Apply,
            Self::DryRun => Self::DryRun,
        }
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Something is still to be done or awaited.
    Running,
    /// Every step is verified, or in a dry run possible.
    Succeeded,
    /// Every step is done, but not everything could be seen.
    Unverified,
    /// A step failed, and those after it were skipped: a person is needed.
    Failed,
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Unverified => "done, unverified",
            Self::Failed => "failed",
        })
    }
}
