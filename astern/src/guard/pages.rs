//! What a person was called for, so that nobody is called twice for one reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use astern_graph_core::{NodeKey, Timestamp};
use astern_rollback_policy::{Action, Plan, PlanError, Step, StepId};
use serde::{Deserialize, Serialize};

/// When a person was last called about a service, by the reason.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Pages(BTreeMap<(NodeKey, Arc<str>), Timestamp>);

impl Pages {
    /// A plan that calls a person; `None` where one was called for this before.
    ///
    /// # Errors
    /// [`PlanError`] where the plan cannot be encoded.
    pub(super) fn page(
        &mut self,
        service: NodeKey,
        reason: &str,
        now: Timestamp,
    ) -> Result<Option<Plan>, PlanError> {
        let reason: Arc<str> = reason.into();
        let before = self.0.insert((service.clone(), reason.clone()), now);
        if before.is_some() {
            return Ok(None);
        }
        let step = Step::new(StepId::new(1), Action::Escalate { service, reason });
        Plan::new(now, vec![step], Vec::new()).map(Some)
    }

    /// Forgets what a person was last called for before `oldest`.
    pub(super) fn forget(&mut self, oldest: Timestamp) {
        self.0.retain(|_, at| *at >= oldest);
    }
}
