//! What a person was called for, so that nobody is called twice for one reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use astern_graph_core::{NodeKey, Timestamp};
use astern_rollback_policy::{
    Action, Failure, Plan, PlanError, Refusal, Run, Step, StepId, StepStatus,
};
use serde::{Deserialize, Serialize};

/// A service, and why a person must look at it.
type Page = (NodeKey, Arc<str>);

/// When a person was last called about a service, by the reason.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Pages {
    called: BTreeMap<Page, Timestamp>,
    /// Those that reached nobody, with the time of their plan: the same plan again has the same key, which a platform knows
    /// where only its reply was lost.
    missed: BTreeMap<Page, Timestamp>,
}

impl Pages {
    /// A plan that calls a person on behalf of another plan; `None` where one was called for this before in an incident that is not over. Whoever restores
    /// a guard from before it made the plan makes the same, so that the platform knows it again.
    ///
    /// # Errors
    /// [`PlanError`] where the plan cannot be encoded.
    pub(super) fn page(
        &mut self,
        service: NodeKey,
        reason: &str,
        of: &Plan,
        now: Timestamp,
        in_incident: bool,
    ) -> Result<Option<Plan>, PlanError> {
        let page = (service, reason.into());
        let was_called = self.called.insert(page.clone(), now).is_some();
        if was_called && in_incident {
            return Ok(None);
        }
        plan(page.0, page.1, of.made).map(Some)
    }

    /// Takes note of a run that called a person and is over: one that reached nobody is to be called again.
    pub(super) fn ended(&mut self, run: &Run) {
        for step in &run.plan().steps {
            if let (Action::Escalate { service, reason }, Some(StepStatus::Failed(failure))) =
                (&step.action, run.status(step.id))
                && may_succeed_later(failure)
            {
                let page = (service.clone(), reason.clone());
                self.missed.insert(page, run.plan().made);
            }
        }
    }

    /// Plans for those that reached nobody.
    ///
    /// # Errors
    /// [`PlanError`] where a plan cannot be encoded.
    pub(super) fn again(&mut self) -> Result<Vec<Plan>, PlanError> {
        let missed = std::mem::take(&mut self.missed);
        missed
            .into_iter()
            .map(|((service, reason), made)| plan(service, reason, made))
            .collect()
    }

    /// Forgets what a person was last called for before `oldest`.
    pub(super) fn forget(&mut self, oldest: Timestamp) {
        self.called.retain(|_, at| *at >= oldest);
    }
}

/// Whether it is worth to try again: a platform that calls nobody never will.
fn may_succeed_later(failure: &Failure) -> bool {
    match failure {
        Failure::Refused(refusal) => matches!(refusal, Refusal::Busy { .. }),
        _ => true,
    }
}

/// A plan that calls a person.
///
/// # Errors
/// [`PlanError`] where it cannot be encoded.
pub(super) fn plan(service: NodeKey, reason: Arc<str>, made: Timestamp) -> Result<Plan, PlanError> {
    let step = Step::new(StepId::new(1), Action::Escalate { service, reason });
    Plan::new(made, vec![step], Vec::new())
}
