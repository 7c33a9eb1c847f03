//! Why there is no plan, or why one is no good.

use std::time::Duration;

use astern_graph_core::{CodecError, NodeKey};

use crate::plan::{PlanId, StepId};

/// There is no plan, or it is no good.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// No change is blamed with enough confidence; holding or calling a person is the business of
    /// the decision, not of a plan without steps.
    #[error(
        "nothing to do: none of {blamed} blamed changes reaches the confidence {min_confidence}"
    )]
    NothingToDo {
        /// Changes that are blamed at all.
        blamed: usize,
        /// Probability that is needed.
        min_confidence: f64,
    },
    /// A change is blamed on a service that the graph does not know.
    #[error("the graph does not know {service}, which a blamed change changed")]
    UnknownService {
        /// The service.
        service: NodeKey,
    },
    /// The plan has no step.
    #[error("the plan has no step")]
    NoSteps,
    /// Two steps have the same number.
    #[error("step {step} is there twice")]
    DuplicateStep {
        /// The number.
        step: StepId,
    },
    /// A step waits for one that is not there.
    #[error("step {step} waits for step {after}, which is not there")]
    UnknownStep {
        /// The step that waits.
        step: StepId,
        /// The one that is not there.
        after: StepId,
    },
    /// Steps wait for each other in a circle.
    #[error("steps {steps:?} wait for each other")]
    Cycle {
        /// Those in the circle, or waiting for it.
        steps: Vec<StepId>,
    },
    /// A check may take longer than [`Check::WITHIN_MAX`](crate::Check::WITHIN_MAX).
    #[error("a check of step {step} may take {within:?}, at most {max:?} are allowed")]
    CheckTooLong {
        /// The step.
        step: StepId,
        /// How long the check may take.
        within: Duration,
        /// The longest.
        max: Duration,
    },
    /// The id is not that of the content: the plan was altered after it was made.
    #[error("the plan says it is {stated}, its content says {computed}")]
    WrongId {
        /// The id that it has.
        stated: PlanId,
        /// The id of what it holds.
        computed: PlanId,
    },
    /// The content cannot be encoded, so that there is no id.
    #[error("the plan cannot be encoded: {cause}")]
    Encoding {
        /// The encoder's message.
        cause: CodecError,
    },
}
