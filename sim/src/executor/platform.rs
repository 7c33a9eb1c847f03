//! The simulated system as a platform: what it was asked for, and what it has reached.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use astern_graph_core::{NodeKey, Record, Revision, Timestamp, TrafficShare};
use astern_rollback_policy::{
    Action, Effect, Expectation, Fact, IdempotencyKey, Observed, Outcome, Place, Precondition,
    Refusal, Request, Version,
};

use crate::error::{ActionError, SimError};
use crate::simulator::{Simulator, sort_records};

/// One effect that really happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// Key of the request that asked for it first.
    pub key: IdempotencyKey,
    /// What was done.
    pub action: Action,
    /// When it was there.
    pub at: Timestamp,
}

#[derive(Debug)]
pub(super) struct Platform {
    pub(super) simulator: Simulator,
    /// Effects that are there, in their order.
    pub(super) applied: Vec<Applied>,
    /// Effects that were asked for and are not there yet, in the order of asking.
    coming: Vec<Applied>,
    traffic: Vec<(NodeKey, Revision, TrafficShare)>,
    restarted: Vec<(NodeKey, Timestamp)>,
    /// Number of the last change that was asked for of each place, and the effect that asked.
    versions: BTreeMap<Place, (u64, IdempotencyKey)>,
    newest_fence: u64,
}

impl Platform {
    pub(super) fn new(simulator: Simulator) -> Self {
        Self {
            simulator,
            applied: Vec::new(),
            coming: Vec::new(),
            traffic: Vec::new(),
            restarted: Vec::new(),
            versions: BTreeMap::new(),
            newest_fence: 0,
        }
    }

    pub(super) fn advance(&mut self, until: Timestamp) -> Result<Vec<Record>, SimError> {
        let mut records = Vec::new();
        while let Some(next) = self.next_before(until) {
            records.extend(self.simulator.advance(self.coming[next].at)?);
            let effect = self.coming.remove(next);
            // What could be refused was checked when it was asked for.
            if let Err(ActionError::Stuck(error)) = self.perform(effect) {
                return Err(error);
            }
        }
        records.extend(self.simulator.advance(until)?);
        sort_records(&mut records);
        Ok(records)
    }

    /// The first of the effects to come, if it comes until then.
    fn next_before(&self, until: Timestamp) -> Option<usize> {
        let due = (0..self.coming.len()).filter(|index| self.coming[*index].at <= until);
        due.min_by_key(|index| self.coming[*index].at)
    }

    /// Answers a request; its effect, if it has one, is there after `wait`.
    pub(super) fn answer(&mut self, request: &Request, wait: Option<Duration>) -> Outcome {
        let answer = match &request.effect {
            _ if self.is_stale(request.fence) => Err(self.fenced(request.fence)),
            Effect::Observe(checks) => {
                let facts = checks.iter().filter_map(|check| match &check.expect {
                    Expectation::Is(fact) => Some(fact),
                    _ => None,
                });
                let places: BTreeSet<Place> = facts.map(Fact::place).collect();
                Ok(Outcome::Done(self.seen(places)))
            }
            Effect::DryRun(action) => {
                let able = self.check(request).and_then(|()| self.able(action));
                able.map(|()| {
                    let facts = action.target().into_iter();
                    Outcome::Done(facts.fold(Observed::new(), Observed::fact))
                })
            }
            Effect::Apply(action) => self.apply(request, action, wait),
            other => Err(unsupported(&format!("{other:?}"))),
        };
        answer.unwrap_or_else(Outcome::Refused)
    }

    /// Refuses a request for a reason of the platform's own.
    pub(super) fn refuse(&mut self, request: &Request, refusal: Refusal) -> Outcome {
        Outcome::Refused(if self.is_stale(request.fence) {
            self.fenced(request.fence)
        } else {
            refusal
        })
    }

    /// Whether a later holder has been here; else this one is the latest.
    fn is_stale(&mut self, fence: u64) -> bool {
        self.newest_fence = self.newest_fence.max(fence);
        fence < self.newest_fence
    }

    fn fenced(&self, fence: u64) -> Refusal {
        let newest = self.newest_fence;
        Refusal::Fenced { fence, newest }
    }

    fn apply(
        &mut self,
        request: &Request,
        action: &Action,
        wait: Option<Duration>,
    ) -> Result<Outcome, Refusal> {
        let target = action.target();
        let is_asked = target.as_ref().is_some_and(|target| self.is_asked(target));
        let mut effects = self.applied.iter().chain(&self.coming);
        if is_asked || effects.any(|effect| effect.key == request.key) {
            return Ok(Outcome::AlreadyDone(self.seen(action.place())));
        }
        self.check(request)?;
        self.able(action)?;
        if let Some(target) = &target {
            // The newest wish counts: what was on its way elsewhere turns round.
            let elsewhere = |effect: &Applied| {
                let other = effect.action.target();
                other.and_then(|other| other.satisfies(target)) == Some(false)
            };
            self.coming.retain(|effect| !elsewhere(effect));
        }
        let now = self.simulator.now();
        let effect = Applied {
            key: request.key,
            action: action.clone(),
            at: now.plus(wait.unwrap_or(Duration::ZERO)),
        };
        if wait.is_some() {
            self.coming.push(effect);
        } else {
            self.perform(effect).map_err(|error| refusal(&error))?;
        }
        if let Some(place) = action.place() {
            let number = self.versions.get(&place).map_or(0, |(number, _)| *number);
            self.versions
                .insert(place, (number.saturating_add(1), request.key));
        }
        Ok(Outcome::Done(self.seen(action.place())))
    }

    /// Whether an action can be done at all.
    fn able(&self, action: &Action) -> Result<(), Refusal> {
        match action {
            Action::SetRevision { service, to } | Action::SwitchColour { service, to } => {
                self.simulator.knows(service, to)
            }
            Action::SetTraffic {
                service, revision, ..
            } => self.simulator.knows(service, revision),
            Action::SetFlag { service, flag, .. } => {
                let known = |(held, _): &(Arc<str>, f64)| held == flag;
                let flags = self.simulator.flags(service).map_err(|e| refusal(&e))?;
                let unknown = || ActionError::UnknownFlag {
                    service: service.clone(),
                    flag: Arc::clone(flag),
                };
                flags.iter().any(known).then_some(()).ok_or_else(unknown)
            }
            Action::Restart { node, .. } => self.simulator.revisions(node).map(drop),
            Action::Escalate { .. } => Ok(()),
            other => return Err(unsupported(&other.to_string())),
        }
        .map_err(|error| refusal(&error))
    }

    fn perform(&mut self, effect: Applied) -> Result<(), ActionError> {
        let now = self.simulator.now();
        match &effect.action {
            Action::SetRevision { service, to } => {
                self.simulator.set_revision(service, to, now)?;
                // The instances are all alike: nothing is left to split.
                self.traffic.retain(|(key, ..)| key != service);
            }
            Action::SwitchColour { service, to } => {
                self.share(service, to, TrafficShare::FULL, now)?;
            }
            Action::SetTraffic {
                service,
                revision,
                share,
            } => self.share(service, revision, *share, now)?,
            Action::SetFlag { service, flag, on } => {
                self.simulator.set_flag(service, flag, *on, now)?;
            }
            Action::Restart { node, .. } => {
                self.simulator.restart(node, now)?;
                self.restarted.retain(|(key, _)| key != node);
                self.restarted.push((node.clone(), now));
            }
            _ => {}
        }
        self.applied.push(effect);
        Ok(())
    }

    fn share(
        &mut self,
        service: &NodeKey,
        revision: &Revision,
        share: TrafficShare,
        now: Timestamp,
    ) -> Result<(), ActionError> {
        self.simulator
            .set_traffic(service, revision, share.fraction(), now)?;
        self.traffic.retain(|(key, ..)| key != service);
        self.traffic
            .push((service.clone(), revision.clone(), share));
        Ok(())
    }

    /// What is true of the services of these places, with the versions of the places.
    fn seen(&self, places: impl IntoIterator<Item = Place>) -> Observed {
        let places: Vec<Place> = places.into_iter().collect();
        let services: BTreeSet<NodeKey> = places.iter().map(|place| place.node.clone()).collect();
        let observed = self.observed(services);
        places
            .into_iter()
            .map(|place| self.version(place))
            .fold(observed, Observed::version)
    }

    /// The version of a place: nobody but its plans changes what is asked for in a simulation.
    fn version(&self, place: Place) -> Version {
        match self.versions.get(&place) {
            Some((number, key)) => Version::new(place, number.to_string()).by(*key),
            None => Version::new(place, "0"),
        }
    }

    /// What is true of these services: the revision, where all instances share one, the share of
    /// traffic that was set, the flags that all calls or none have on, and the last restart.
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
            for (_, revision, share) in self.traffic.iter().filter(|(s, ..)| *s == service) {
                let shares = Self::shares(&instances, revision, *share);
                observed
                    .facts
                    .extend(shares.into_iter().map(|(revision, share)| {
                        let service = service.clone();
                        Fact::Traffic {
                            service,
                            revision,
                            share,
                        }
                    }));
            }
            for (flag, share) in self.simulator.flags(&service).unwrap_or_default() {
                let whole = share <= 0.0 || share >= 1.0;
                let (service, on) = (service.clone(), share > 0.0);
                if whole {
                    observed = observed.fact(Fact::Flag { service, flag, on });
                }
            }
            for (node, since) in self.restarted.iter().filter(|(s, _)| *s == service) {
                let (node, since) = (node.clone(), *since);
                observed = observed.fact(Fact::Started { node, since });
            }
        }
        observed
    }

    /// The share that a revision was given, and the rest where it is that of one other revision.
    fn shares(
        instances: &[(NodeKey, Revision)],
        given: &Revision,
        share: TrafficShare,
    ) -> Vec<(Revision, TrafficShare)> {
        let mut shares = vec![(given.clone(), share)];
        let others: BTreeSet<&Revision> = instances.iter().map(|(_, revision)| revision).collect();
        let mut others = others.into_iter().filter(|revision| *revision != given);
        if let (Some(other), None) = (others.next(), others.next()) {
            let full = TrafficShare::FULL.as_basis_points();
            let rest = TrafficShare::basis_points(full - share.as_basis_points());
            shares.extend(rest.ok().map(|rest| (other.clone(), rest)));
        }
        shares
    }

    /// Whether this is asked for: by an effect to come, or else because it is so.
    fn is_asked(&self, fact: &Fact) -> bool {
        self.to_come(fact).unwrap_or_else(|| {
            let known = self.observed([fact.node().clone()]).facts;
            known
                .iter()
                .any(|known| known.satisfies(fact) == Some(true))
        })
    }

    /// Whether the effects to come lead to this; `None` when they are about something else.
    fn to_come(&self, fact: &Fact) -> Option<bool> {
        let says = |effect: &Applied| effect.action.target()?.satisfies(fact);
        self.coming.iter().rev().find_map(says)
    }

    /// Preconditions: they are about what is asked for. A revision need run on one instance only,
    /// since a canary runs two at once, and a flag be on for some calls; the simulator keeps every
    /// revision, and no other plan acts in it.
    fn check(&self, request: &Request) -> Result<(), Refusal> {
        for precondition in &request.requires {
            let holds = match precondition {
                Precondition::Is(fact @ Fact::Revision { service, revision }) => {
                    let instances = self.simulator.revisions(service).map_err(|e| refusal(&e))?;
                    let running = || instances.iter().any(|(_, running)| running == revision);
                    self.to_come(fact).unwrap_or_else(running)
                }
                Precondition::Is(
                    fact @ Fact::Flag {
                        service,
                        flag,
                        on: true,
                    },
                ) => {
                    let flags = self.simulator.flags(service).map_err(|e| refusal(&e))?;
                    let on = || {
                        flags
                            .iter()
                            .any(|(held, share)| held == flag && *share > 0.0)
                    };
                    self.to_come(fact).unwrap_or_else(on)
                }
                Precondition::Is(fact) => self.is_asked(fact),
                Precondition::Unchanged { place, token } => {
                    self.version(place.clone()).token == *token
                }
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
        ActionError::UnknownService { .. }
        | ActionError::UnknownRevision { .. }
        | ActionError::UnknownFlag { .. } => Refusal::NotFound {
            what: error.to_string().into(),
        },
        other => Refusal::Invalid {
            reason: other.to_string().into(),
        },
    }
}

fn unsupported(what: &str) -> Refusal {
    Refusal::Unsupported { what: what.into() }
}
