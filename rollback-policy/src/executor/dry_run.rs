//! An executor that does nothing.

use std::sync::Arc;

use crate::executor::{Effect, Executor, Observed, Outcome, Refusal, Request};

/// Answers what would be done, and never does it.
///
/// Whatever is to be applied or tried is answered with the state that it would lead to. To observe
/// is refused, because there is nothing to see; so a run judges steps by that answer, and metrics
/// stay unverified. To ask a real platform whether it *could* do a plan, make the
/// [`Run`](crate::Run) in [`Mode::DryRun`](crate::Mode::DryRun) instead.
///
/// ```
/// use astern_graph_core::{NodeKey, Timestamp};
/// use astern_rollback_policy::{
///     Action, DryRun, Mode, Plan, Run, RunParams, RunState, Step, StepId, drive,
/// };
///
/// let now = Timestamp::from_secs(0);
/// let action = Action::SetRevision { service: NodeKey::service("cart"), to: "sha-1".into() };
/// let plan = Plan::new(now, vec![Step::new(StepId::new(1), action)], Vec::new())?;
/// let mut run = Run::new(plan, Mode::DryRun, 1, RunParams::default(), now)?;
/// drive(&mut run, &DryRun, now)?;
/// assert_eq!(run.state(), RunState::Succeeded);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DryRun;

impl Executor for DryRun {
    fn execute(&self, request: &Request) -> Outcome {
        match &request.effect {
            Effect::Apply(action) | Effect::DryRun(action) => {
                let facts = action.target().into_iter();
                Outcome::Done(facts.fold(Observed::new(), Observed::fact))
            }
            Effect::Observe(_) => {
                let what: Arc<str> = "a dry run leaves nothing to observe".into();
                Outcome::Refused(Refusal::Unsupported { what })
            }
        }
    }
}
