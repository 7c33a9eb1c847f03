//! Plans: what to do, in which order, on what conditions, how to verify it, and why.

mod check;
mod display;
mod error;
mod id;
mod json;
mod rejected;
mod step;

pub use check::{Check, Expectation, Limit, Precondition};
pub use error::PlanError;
pub use id::{PlanId, PlanIdError, StepId};
pub use rejected::{RejectedAlternative, Rejection};
pub use step::{Blame, Step};

pub(crate) use check::Judgement;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use astern_graph_core::{NodeKey, Timestamp};

use crate::action::Action;

/// A plan: steps that form a directed acyclic graph, and what was considered and not done.
///
/// Printed for people by `Display`, stored for tools by [`to_json`](Self::to_json).
///
/// # Example
/// ```
/// use astern_graph_core::{NodeKey, Timestamp};
/// use astern_rollback_policy::{Action, Plan, Step, StepId};
///
/// let action = Action::SetRevision { service: NodeKey::service("cart"), to: "sha-1".into() };
/// let step = Step::new(StepId::new(1), action);
/// let plan = Plan::new(Timestamp::from_secs(0), vec![step], Vec::new())?;
/// assert_eq!(Plan::from_json(&plan.to_json()?)?, plan);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// Identity, from the content.
    pub id: PlanId,
    /// When it was made.
    pub made: Timestamp,
    /// Its steps; those that can start at the same time stand in the order of their worth.
    pub steps: Vec<Step>,
    /// What was considered and not done.
    pub rejected: Vec<RejectedAlternative>,
}

impl Plan {
    /// A plan of these steps, with the id of its content.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn new(
        made: Timestamp,
        steps: Vec<Step>,
        rejected: Vec<RejectedAlternative>,
    ) -> Result<Self, PlanError> {
        let id = Self::id_of(made, &steps)?;
        let plan = Self {
            id,
            made,
            steps,
            rejected,
        };
        plan.validate()?;
        Ok(plan)
    }

    /// Checks that steps have numbers of their own, wait only for steps that are there, and not
    /// in a circle; that no check may take longer than [`Check::WITHIN_MAX`]; and that the id is that of the content.
    ///
    /// # Errors
    /// [`PlanError`] for the first of these rules that is broken.
    ///
    /// # Complexity
    /// `O((S + A) log S)` for `S` steps that wait `A` times.
    pub fn validate(&self) -> Result<(), PlanError> {
        if self.steps.is_empty() {
            return Err(PlanError::NoSteps);
        }
        let mut ids = BTreeSet::new();
        if let Some(twice) = self.steps.iter().find(|step| !ids.insert(step.id)) {
            return Err(PlanError::DuplicateStep { step: twice.id });
        }
        for step in &self.steps {
            if let Some(after) = step.after.iter().find(|after| !ids.contains(after)) {
                return Err(PlanError::UnknownStep {
                    step: step.id,
                    after: *after,
                });
            }
        }
        let steps = self.circular();
        if !steps.is_empty() {
            return Err(PlanError::Cycle { steps });
        }
        let too_long = |step: &Step| {
            let mut checks = step.verify.iter();
            let check = checks.find(|check| check.within > Check::WITHIN_MAX)?;
            Some((step.id, check.within))
        };
        if let Some((step, within)) = self.steps.iter().find_map(too_long) {
            let max = Check::WITHIN_MAX;
            return Err(PlanError::CheckTooLong { step, within, max });
        }
        let (stated, computed) = (self.id, Self::id_of(self.made, &self.steps)?);
        if stated == computed {
            Ok(())
        } else {
            Err(PlanError::WrongId { stated, computed })
        }
    }

    /// Whether a step changes what serves users: others hold rollouts or call a person.
    pub fn changes_services(&self) -> bool {
        self.steps.iter().any(|step| step.action.changes_service())
    }

    /// The services whose state its steps change.
    pub fn changed_services(&self) -> BTreeSet<&NodeKey> {
        let actions = self.steps.iter().map(|step| &step.action);
        let changing = actions.filter(|action| action.changes_service());
        changing.map(Action::node).collect()
    }

    /// Whether a step calls a person.
    pub fn calls_person(&self) -> bool {
        let is_call = |step: &Step| matches!(step.action, Action::Escalate { .. });
        self.steps.iter().any(is_call)
    }

    /// The step with a number.
    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    fn id_of(made: Timestamp, steps: &[Step]) -> Result<PlanId, PlanError> {
        PlanId::of(made, steps).map_err(|cause| PlanError::Encoding { cause })
    }

    /// Steps that never become free (Kahn 1962).
    fn circular(&self) -> Vec<StepId> {
        let mut waits_for: BTreeMap<StepId, BTreeSet<StepId>> = self
            .steps
            .iter()
            .map(|s| (s.id, s.after.iter().copied().collect()))
            .collect();
        let mut followers: BTreeMap<StepId, Vec<StepId>> = BTreeMap::new();
        for (step, after) in &waits_for {
            for earlier in after {
                followers.entry(*earlier).or_default().push(*step);
            }
        }
        let is_free = |(_, after): &(&StepId, &BTreeSet<StepId>)| after.is_empty();
        let mut free: Vec<StepId> = waits_for
            .iter()
            .filter(is_free)
            .map(|(id, _)| *id)
            .collect();
        while let Some(done) = free.pop() {
            waits_for.remove(&done);
            for follower in followers.remove(&done).unwrap_or_default() {
                let Some(after) = waits_for.get_mut(&follower) else {
                    continue;
                };
                after.remove(&done);
                if after.is_empty() {
                    free.push(follower);
                }
            }
        }
        waits_for.into_keys().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::{Action, Fact};
    use astern_graph_core::NodeKey;

    fn step(id: u32, after: &[u32]) -> Step {
        let service = NodeKey::service(format!("s{id}"));
        Step::new(StepId::new(id), Action::Hold { service })
            .after(after.iter().map(|id| StepId::new(*id)))
    }

    fn plan(steps: Vec<Step>) -> Result<Plan, PlanError> {
        Plan::new(Timestamp::from_secs(0), steps, Vec::new())
    }

    #[test]
    fn each_rule_refuses() {
        assert!(matches!(plan(vec![]), Err(PlanError::NoSteps)));
        let service = NodeKey::service("s1");
        let hold = |within| {
            let held = Fact::Held {
                service: service.clone(),
            };
            plan(vec![
                step(1, &[]).verified_by([Check::reached(held, within)]),
            ])
        };
        assert!(hold(Check::WITHIN_MAX).is_ok());
        assert!(matches!(
            hold(Check::WITHIN_MAX + Duration::from_nanos(1)),
            Err(PlanError::CheckTooLong { .. })
        ));
        let twice = plan(vec![step(1, &[]), step(1, &[])]);
        assert!(matches!(twice, Err(PlanError::DuplicateStep { step }) if step.number() == 1));
        let unknown = plan(vec![step(1, &[7])]);
        assert!(
            matches!(unknown, Err(PlanError::UnknownStep { after, .. }) if after.number() == 7)
        );
        assert!(matches!(
            plan(vec![step(1, &[1])]),
            Err(PlanError::Cycle { .. })
        ));
        let error = plan(vec![step(1, &[]), step(2, &[3]), step(3, &[2, 1])]).unwrap_err();
        let PlanError::Cycle { steps } = error else {
            panic!("{error}")
        };
        assert_eq!(steps, [StepId::new(2), StepId::new(3)]);
    }

    #[test]
    fn an_altered_plan_is_refused() {
        let mut altered = plan(vec![step(1, &[])]).unwrap();
        altered.made = Timestamp::from_secs(1);
        assert!(matches!(altered.validate(), Err(PlanError::WrongId { .. })));
    }

    #[test]
    fn waiting_twice_for_a_step_is_waiting_once() {
        assert!(plan(vec![step(1, &[]), step(2, &[1, 1])]).is_ok());
    }

    #[test]
    fn reasons_do_not_change_the_id() {
        let bare = plan(vec![step(1, &[])]).unwrap();
        let blamed = step(1, &[]).answering([Blame::new("x".into(), 0.9)]);
        assert_eq!(plan(vec![blamed]).unwrap().id, bare.id);
        assert_ne!(plan(vec![step(2, &[])]).unwrap().id, bare.id);
    }
}
