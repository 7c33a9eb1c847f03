//! What a run does not take.

use astern_graph_core::CodecError;
use astern_stats::ParamError;

use crate::executor::IdempotencyKey;
use crate::plan::{PlanError, StepId};

/// A run cannot be made, or does not take an outcome. The run is unchanged then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A parameter is outside its rule.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// The plan is no good.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The bytes cannot be read.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A run asks nobody whether its plan may be carried out.
    #[error("a run in mode ask is none: ask a person, then make one in mode apply")]
    NotAgreed,
    /// A stored run does not have one state for each step of its plan.
    #[error("{progress} states of {steps} steps")]
    Progress {
        /// States that are stored.
        progress: usize,
        /// Steps of the plan.
        steps: usize,
    },
    /// A step of a stored run waits for nothing, or longer than any wait may be.
    #[error("step {step} waits for nothing, or for too long")]
    Stuck {
        /// The step.
        step: StepId,
    },
    /// The key belongs to another plan, or to no step of this one.
    #[error("no step of this run has the key {key}")]
    UnknownKey {
        /// The key given.
        key: IdempotencyKey,
    },
    /// Nothing is awaited under this key: it was answered before, or a newer request took its
    /// place. A late reply is harmless and may be dropped.
    #[error("no reply is awaited for {key}")]
    NotAwaited {
        /// The key given.
        key: IdempotencyKey,
    },
    /// The run is over.
    #[error("the run is over; {key} changes nothing")]
    Finished {
        /// The key given.
        key: IdempotencyKey,
    },
    /// The run is held with a greater fence already.
    #[error("fence {fence} is stale; the run has {newest}")]
    StaleFence {
        /// The fence given.
        fence: u64,
        /// The fence in force.
        newest: u64,
    },
}
