//! Plans carried out inside the simulation.

use std::sync::{Mutex, MutexGuard, PoisonError};

use astern_graph_core::{NodeKey, Record, Revision, Timestamp};
use astern_rollback_policy::{
    Action, Effect, Executor, Fact, Observed, Outcome, Precondition, Refusal, Request, TrafficShare,
};

use crate::error::{ActionError, SimError};
use crate::simulator::Simulator;

/// A simulator that telemetry comes out of and that plans are carried out in.
///
/// It knows revisions and traffic: [`Action::SetRevision`], [`Action::SwitchColour`] and
/// [`Action::SetTraffic`]. [`Action::Escalate`] is always done; everything else is refused as not
/// supported. Effects happen at the simulation's own time.
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
    simulator: Simulator,
    traffic: Vec<(NodeKey, Revision, TrafficShare)>,
    newest_fence: u64,
}

impl SimExecutor {
    /// Plans are carried out in this simulator from now on.
    pub fn new(simulator: Simulator) -> Self {
        let inner = Inner {
            simulator,
            traffic: Vec::new(),
            newest_fence: 0,
        };
        Self {
            inner: Mutex::new(inner),
        }
    }

    /// Lets the simulation go on and gives the telemetry of that time.
    ///
    /// # Errors
    /// [`SimError`] when it takes too many events.
    pub fn advance(&self, until: Timestamp) -> Result<Vec<Record>, SimError> {
        self.lock().simulator.advance(until)
    }

    /// Instances of a service with the revisions that they run.
    ///
    /// # Errors
    /// [`ActionError::UnknownService`].
    pub fn revisions(&self, service: &NodeKey) -> Result<Vec<(NodeKey, Revision)>, ActionError> {
        self.lock().simulator.revisions(service)
    }

    /// A panic of another thread leaves the simulation between two events, where it is whole.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Executor for SimExecutor {
    fn execute(&self, request: &Request) -> Outcome {
        let mut inner = self.lock();
        let (fence, newest) = (request.fence, inner.newest_fence);
        if fence < newest {
            return Outcome::Refused(Refusal::Fenced { fence, newest });
        }
        inner.newest_fence = fence;
        let done = match &request.effect {
            Effect::Observe(checks) => {
                let services = checks.iter().filter_map(|check| match &check.expect {
                    astern_rollback_policy::Expectation::Is(fact) => Some(fact.node().clone()),
                    _ => None,
                });
                Ok(Outcome::Done(inner.observed(services)))
            }
            Effect::DryRun(action) => inner.check(request).map(|()| {
                let facts = action.target().into_iter();
                Outcome::Done(facts.fold(Observed::new(), Observed::fact))
            }),
            Effect::Apply(action) => inner.apply(request, action),
            other => Err(unsupported(&format!("{other:?}"))),
        };
        done.unwrap_or_else(Outcome::Refused)
    }
}

impl Inner {
    fn apply(&mut self, request: &Request, action: &Action) -> Result<Outcome, Refusal> {
        let target = action.target();
        if target.as_ref().is_some_and(|target| self.holds(target)) {
            return Ok(Outcome::AlreadyDone(self.observed([action.node().clone()])));
        }
        self.check(request)?;
        let now = self.simulator.now();
        match action {
            Action::SetRevision { service, to } => {
                self.simulator
                    .set_revision(service, to, now)
                    .map_err(|e| refusal(&e))?;
            }
            Action::SwitchColour { service, to } => {
                self.share(service, to, TrafficShare::FULL, now)?;
            }
            Action::SetTraffic {
                service,
                revision,
                share,
            } => {
                self.share(service, revision, *share, now)?;
            }
            Action::Escalate { .. } => {}
            other => return Err(unsupported(&other.to_string())),
        }
        Ok(Outcome::Done(self.observed([action.node().clone()])))
    }

    fn share(
        &mut self,
        service: &NodeKey,
        revision: &Revision,
        share: TrafficShare,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let set = self
            .simulator
            .set_traffic(service, revision, share.fraction(), now);
        set.map_err(|e| refusal(&e))?;
        self.traffic.retain(|(key, ..)| key != service);
        self.traffic
            .push((service.clone(), revision.clone(), share));
        Ok(())
    }

    /// What is true of these services: the revision, where all instances share one, and the share
    /// of traffic that was set.
    fn observed(&self, services: impl IntoIterator<Item = NodeKey>) -> Observed {
        let mut observed = Observed::new();
        for service in services {
            let instances = self.simulator.revisions(&service).unwrap_or_default();
            if let Some((_, revision)) = instances.first()
                && instances.iter().all(|(_, other)| other == revision)
            {
                let (service, revision) = (service.clone(), revision.clone());
                observed = observed.fact(Fact::Revision { service, revision });
            }
            for (service, revision, share) in self.traffic.iter().filter(|(s, ..)| *s == service) {
                let (service, revision) = (service.clone(), revision.clone());
                observed = observed.fact(Fact::Traffic {
                    service,
                    revision,
                    share: *share,
                });
            }
        }
        observed
    }

    fn holds(&self, fact: &Fact) -> bool {
        let known = self.observed([fact.node().clone()]).facts;
        known
            .iter()
            .any(|known| known.satisfies(fact) == Some(true))
    }

    /// Preconditions: a fact must hold on at least one instance, since a canary runs two revisions
    /// at once; the simulator keeps every revision, and no other plan acts in it.
    fn check(&self, request: &Request) -> Result<(), Refusal> {
        for precondition in &request.requires {
            let holds = match precondition {
                Precondition::Is(Fact::Revision { service, revision }) => {
                    let instances = self.simulator.revisions(service).map_err(|e| refusal(&e))?;
                    instances.iter().any(|(_, running)| running == revision)
                }
                Precondition::Is(fact) => self.holds(fact),
                _ => true,
            };
            if !holds {
                let precondition = precondition.clone();
                return Err(Refusal::PreconditionFailed {
                    precondition,
                    found: None,
                });
            }
        }
        Ok(())
    }
}

fn refusal(error: &ActionError) -> Refusal {
    match error {
        ActionError::UnknownService { .. } | ActionError::UnknownRevision { .. } => {
            Refusal::NotFound {
                what: error.to_string().into(),
            }
        }
        other => Refusal::Invalid {
            reason: other.to_string().into(),
        },
    }
}

fn unsupported(what: &str) -> Refusal {
    Refusal::Unsupported { what: what.into() }
}
