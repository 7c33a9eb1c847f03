//! Plans carried out inside the simulation.

mod faults;
mod platform;

pub use faults::{CallFault, ExecutorFaults, When};
pub use platform::Applied;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use astern_graph_core::{NodeKey, Record, Revision, Timestamp};
use astern_rollback_policy::{ExecError, Executor, Outcome, Request};

use crate::error::{ActionError, SimError};
use crate::simulator::Simulator;

use faults::Pending;
use platform::Platform;

/// A simulator that telemetry comes out of and that plans are carried out in.
///
/// It knows revisions, traffic, flags and restarts: [`SetRevision`], [`SwitchColour`],
/// [`SetTraffic`], [`SetFlag`] and [`Restart`] of a service.
/// [`Escalate`] is always done, once for each key; everything else is refused as not supported.
/// Effects happen at the simulation's own time. Calls fail as [`ExecutorFaults`] say, by default
/// not at all.
///
/// [`SetRevision`]: astern_rollback_policy::Action::SetRevision
/// [`SwitchColour`]: astern_rollback_policy::Action::SwitchColour
/// [`SetTraffic`]: astern_rollback_policy::Action::SetTraffic
/// [`SetFlag`]: astern_rollback_policy::Action::SetFlag
/// [`Restart`]: astern_rollback_policy::Action::Restart
/// [`Escalate`]: astern_rollback_policy::Action::Escalate
///
/// ```
/// use std::time::Duration;
/// use astern_graph_core::NodeKey;
/// use astern_rollback_policy::{Action, Effect, Executor, IdempotencyKey, Outcome, Plan, Request, Step, StepId};
/// use astern_sim::{Scenario, SimExecutor, Simulator};
///
/// let scenario = Scenario::releases(1);
/// let executor = SimExecutor::new(Simulator::new(&scenario)?);
/// executor.advance(scenario.start.plus(scenario.span))?;
///
/// let release = &scenario.releases[0];
/// let service = scenario.topology.services.iter().find(|s| s.key == release.service);
/// let old = service.ok_or("no such service")?.revision.clone();
/// let action = Action::SetRevision { service: release.service.clone(), to: old };
/// let plan = Plan::new(scenario.start, vec![Step::new(StepId::new(1), action.clone())], vec![])?;
/// let request = Request::new(IdempotencyKey::effect(plan.id, StepId::new(1)), 1, Effect::Apply(action));
/// assert!(matches!(executor.execute(&request), Outcome::Done(_)));
/// assert!(matches!(executor.execute(&request), Outcome::AlreadyDone(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SimExecutor {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    platform: Platform,
    faults: Pending,
    crashed: bool,
}

impl SimExecutor {
    /// Plans are carried out in this simulator from now on, and every call arrives.
    pub fn new(simulator: Simulator) -> Self {
        Self::failing(simulator, ExecutorFaults::new(0))
    }

    /// Plans are carried out in this simulator from now on, and calls fail as the faults say.
    ///
    /// # Errors
    /// [`SimError::Param`] for faults that break a rule.
    pub fn with_faults(simulator: Simulator, faults: ExecutorFaults) -> Result<Self, SimError> {
        faults.check().map_err(|cause| SimError::Param {
            part: "the executor's faults".to_owned(),
            cause,
        })?;
        Ok(Self::failing(simulator, faults))
    }

    fn failing(simulator: Simulator, faults: ExecutorFaults) -> Self {
        let inner = Inner {
            platform: Platform::new(simulator),
            faults: Pending::new(faults),
            crashed: false,
        };
        Self {
            inner: Mutex::new(inner),
        }
    }

    /// Lets the simulation go on and gives the telemetry of that time, in the order of
    /// [`sort_records`](crate::sort_records). Slow effects of that time happen in it.
    ///
    /// # Errors
    /// [`SimError`] when it takes too many events.
    pub fn advance(&self, until: Timestamp) -> Result<Vec<Record>, SimError> {
        self.lock().platform.advance(until)
    }

    /// Flags of a service whose release has started, and the share of its calls, 0 to 1, that has
    /// them on.
    ///
    /// # Errors
    /// [`ActionError::UnknownService`].
    pub fn flags(&self, service: &NodeKey) -> Result<Vec<(Arc<str>, f64)>, ActionError> {
        self.lock().platform.simulator.flags(service)
    }

    /// Instances of a service with the revisions that they run.
    ///
    /// # Errors
    /// [`ActionError::UnknownService`].
    pub fn revisions(&self, service: &NodeKey) -> Result<Vec<(NodeKey, Revision)>, ActionError> {
        self.lock().platform.simulator.revisions(service)
    }

    /// Everything that was really done so far, in its order, whatever was answered.
    pub fn applied(&self) -> Vec<Applied> {
        self.lock().platform.applied.clone()
    }

    /// Whether the caller is to count as dead since its last request, by
    /// [`CallFault::CrashBefore`] or [`CallFault::CrashAfter`]; asking revives it.
    ///
    /// A caller that is dead throws its state away and goes on from what it had stored. As
    /// long as nobody asks, no request reaches the platform.
    pub fn take_crash(&self) -> bool {
        std::mem::take(&mut self.lock().crashed)
    }

    /// A panic of another thread leaves the simulation between two events, where it is whole.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Executor for SimExecutor {
    fn execute(&self, request: &Request) -> Outcome {
        let mut inner = self.lock();
        if inner.crashed {
            return unknown("the caller has crashed");
        }
        let fault = inner.faults.next(&request.key);
        match fault {
            None => inner.platform.answer(request, None),
            Some(CallFault::Slow(wait)) => inner.platform.answer(request, Some(wait)),
            Some(CallFault::Fail(refusal)) => inner.platform.refuse(request, refusal),
            // The caller cannot tell these two apart.
            Some(CallFault::LoseRequest) => unknown("connection reset"),
            Some(CallFault::LoseReply) => {
                inner.platform.answer(request, None);
                unknown("connection reset")
            }
            Some(fault @ (CallFault::CrashBefore | CallFault::CrashAfter)) => {
                if fault == CallFault::CrashAfter {
                    inner.platform.answer(request, None);
                }
                inner.crashed = true;
                unknown("the caller has crashed")
            }
        }
    }
}

fn unknown(reason: &str) -> Outcome {
    Outcome::Unknown(ExecError::Broken {
        reason: reason.into(),
    })
}
