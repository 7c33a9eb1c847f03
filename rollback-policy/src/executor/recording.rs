//! An executor that remembers.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::executor::{Executor, Outcome, Request};

/// One request and its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Exchange {
    /// What was asked.
    pub request: Request,
    /// What came of it.
    pub outcome: Outcome,
}

/// Passes requests on and remembers them with their outcomes, in the order of their outcomes.
///
/// ```
/// use astern_rollback_policy::{DryRun, Effect, Executor, IdempotencyKey, Recording, Request};
/// # use astern_rollback_policy::{Action, Plan, Step, StepId};
/// # let cart = astern_graph_core::NodeKey::service("cart");
/// # let step = Step::new(StepId::new(1), Action::Hold { service: cart });
/// # let plan = Plan::new(astern_graph_core::Timestamp::from_secs(0), vec![step], vec![])?;
/// let recording = Recording::new(DryRun);
/// let key = IdempotencyKey::effect(plan.id, plan.steps[0].id);
/// recording.execute(&Request::new(key, 1, Effect::Apply(plan.steps[0].action.clone())));
/// assert_eq!(recording.exchanges()[0].request.key, key);
/// # Ok::<(), astern_rollback_policy::PlanError>(())
/// ```
pub struct Recording<E> {
    inner: E,
    exchanges: Mutex<Vec<Exchange>>,
}

impl<E> Recording<E> {
    /// Records what passes to `inner`.
    pub fn new(inner: E) -> Self {
        Self {
            inner,
            exchanges: Mutex::new(Vec::new()),
        }
    }

    /// What has passed so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.lock().clone()
    }

    /// What has passed, with the executor that it passed to.
    pub fn into_parts(self) -> (E, Vec<Exchange>) {
        (
            self.inner,
            self.exchanges
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// A push to a vector cannot leave it half done, so a poisoned lock holds good data.
    fn lock(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: fmt::Debug> fmt::Debug for Recording<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("inner", &self.inner)
            .field("exchanges", &self.lock().len())
            .finish()
    }
}

impl<E: Executor> Executor for Recording<E> {
    fn execute(&self, request: &Request) -> Outcome {
        let outcome = self.inner.execute(request);
        self.lock().push(Exchange {
            request: request.clone(),
            outcome: outcome.clone(),
        });
        outcome
    }
}
