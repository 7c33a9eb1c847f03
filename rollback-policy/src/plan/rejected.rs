//! What was considered and not done, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use astern_graph_core::{ChangeId, NodeKey, Revision};

use crate::action::Action;

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rejection {
    /// The change altered data so that the revision before it no longer works, or is not known to.
    ForwardOnly {
        /// The change.
        change: ChangeId,
        /// Oldest revision that works with the data as it is now.
        min_compatible: Revision,
    },
    /// It is not known how to undo the change, or whether that is safe.
    Irreversible {
        /// The change.
        change: ChangeId,
    },
    /// The revision before the change is not known, and a relative "previous" is never used.
    NoPinnedTarget {
        /// The change.
        change: ChangeId,
    },
    /// A newer change lies on top that is not to blame, and would be undone as well.
    Buried {
        /// The change.
        change: ChangeId,
        /// The newer change.
        under: ChangeId,
    },
    /// The change is not among those that are active.
    NotActive {
        /// The change.
        change: ChangeId,
    },
    /// The change is blamed as one of another service than the one that it changed.
    OtherService {
        /// The change.
        change: ChangeId,
        /// The service that it changed.
        changed: NodeKey,
    },
    /// The change is not to blame with enough confidence.
    NotBlamed {
        /// The change.
        change: ChangeId,
        /// Probability that it is the cause, where known.
        #[serde(with = "astern_stats::real::option", default)]
        probability: Option<f64>,
        /// Probability that is needed.
        #[serde(with = "astern_stats::real")]
        min_confidence: f64,
    },
    /// A caller keeps its new revision, and would be left in front of an old callee.
    CallerKept {
        /// The caller.
        caller: NodeKey,
    },
    /// The plan would have too many steps.
    TooManySteps {
        /// Steps with this one.
        steps: u32,
        /// Greatest number of steps.
        limit: u32,
    },
    /// The plan would touch too much traffic.
    TooMuchTraffic {
        /// Calls per second at risk with this one.
        #[serde(with = "astern_stats::real")]
        calls_per_second: f64,
        /// Most calls per second.
        #[serde(with = "astern_stats::real")]
        limit: f64,
    },
    /// The revision before the change was rolled back itself, or is to blame itself.
    BadTarget {
        /// The change.
        change: ChangeId,
        /// The revision before it.
        target: Revision,
        /// The change that brought that revision.
        bad: ChangeId,
    },
    /// The change itself goes back to a revision that ran before: somebody has just rolled back, and is not overruled.
    GoesBack {
        /// The change.
        change: ChangeId,
        /// The revision that it goes back to.
        to: Revision,
    },
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForwardOnly {
                change,
                min_compatible,
            } => {
                write!(
                    f,
                    "{change} is forward-only: data needs {min_compatible} or newer"
                )
            }
            Self::Irreversible { change } => write!(f, "{change} cannot be undone safely"),
            Self::NoPinnedTarget { change } => {
                write!(f, "the revision before {change} is not known")
            }
            Self::Buried { change, under } => {
                write!(
                    f,
                    "undoing {change} would undo {under} too, which is not to blame"
                )
            }
            Self::NotActive { change } => write!(f, "{change} is not active"),
            Self::OtherService { change, changed } => {
                write!(f, "{change} did not change this service but {changed}")
            }
            Self::NotBlamed {
                change,
                probability: Some(p),
                min_confidence,
            } => {
                let (p, min) = (100.0 * p, 100.0 * min_confidence);
                write!(f, "{change} is to blame with {p:.0} %, {min:.0} % needed")
            }
            Self::NotBlamed {
                change,
                probability: None,
                ..
            } => {
                write!(f, "{change} is not to blame")
            }
            Self::BadTarget {
                change,
                target,
                bad,
            } => {
                write!(f, "{target}, which {change} replaced, is bad itself: {bad}")
            }
            Self::GoesBack { change, to } => {
                write!(
                    f,
                    "{change} is a rollback to {to} itself, which only a person undoes"
                )
            }
            Self::CallerKept { caller } => {
                write!(f, "{caller} keeps its new revision and may need this one")
            }
            Self::TooManySteps { steps, limit } => {
                write!(f, "the plan would have {steps} steps, {limit} allowed")
            }
            Self::TooMuchTraffic {
                calls_per_second,
                limit,
            } => {
                write!(
                    f,
                    "{calls_per_second:.1} calls/s would be at risk, {limit:.1} allowed"
                )
            }
        }
    }
}

/// An action that was considered and not taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RejectedAlternative {
    /// The action.
    pub action: Action,
    /// Why it was not taken.
    pub reason: Rejection,
}

impl RejectedAlternative {
    /// An action and why it was not taken.
    pub fn new(action: Action, reason: Rejection) -> Self {
        Self { action, reason }
    }
}

impl fmt::Display for RejectedAlternative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.action, self.reason)
    }
}
