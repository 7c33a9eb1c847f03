//! A platform that keeps the laws of an executor, and whose network does not.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use astern_graph_core::ChangeEvent;
use astern_rollback_policy::{
    Action, Effect, ExecError, Executor, Fact, IdempotencyKey, Observed, Outcome, Precondition,
    Refusal, Request, TrafficShare,
};

/// What happens to one request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Lost before it was carried out.
    LostRequest,
    /// Lost after it was carried out.
    LostReply,
    /// Refused for now.
    Busy,
    /// An observation is not supported; an effect is carried out.
    Blind,
}

#[derive(Debug, Default)]
pub(crate) struct Platform {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    facts: Vec<Fact>,
    faults: VecDeque<Fault>,
    writes: Vec<IdempotencyKey>,
    fence: u64,
}

impl Platform {
    /// On which these releases are the last thing that happened.
    pub(crate) fn after(releases: &[ChangeEvent]) -> Self {
        let platform = Self::default();
        for release in releases {
            let (service, revision) = (release.service.clone(), release.to.clone());
            platform.set(Fact::Revision { service, revision });
        }
        platform
    }

    pub(crate) fn with_faults(self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.state.lock().unwrap().faults.extend(faults);
        self
    }

    pub(crate) fn set(&self, fact: Fact) {
        self.state.lock().unwrap().set(fact);
    }

    pub(crate) fn is(&self, wanted: &Fact) -> bool {
        self.state.lock().unwrap().is(wanted) == Some(true)
    }

    /// The effects that changed something, in order.
    pub(crate) fn writes(&self) -> Vec<IdempotencyKey> {
        self.state.lock().unwrap().writes.clone()
    }
}

impl State {
    fn set(&mut self, fact: Fact) {
        self.facts.retain(|old| old.satisfies(&fact).is_none());
        self.facts.push(fact);
    }

    fn is(&self, wanted: &Fact) -> Option<bool> {
        self.facts.iter().find_map(|fact| fact.satisfies(wanted))
    }

    fn seen(&self) -> Observed {
        self.facts
            .iter()
            .cloned()
            .fold(Observed::new(), Observed::fact)
    }

    fn broken(&self, request: &Request) -> Option<Refusal> {
        request
            .requires
            .iter()
            .find_map(|precondition| match precondition {
                Precondition::Is(fact) if self.is(fact) != Some(true) => {
                    Some(Refusal::PreconditionFailed {
                        precondition: precondition.clone(),
                        found: None,
                    })
                }
                _ => None,
            })
    }

    fn apply(&mut self, request: &Request, action: &Action) -> Outcome {
        let target = action.target();
        if target
            .as_ref()
            .is_some_and(|target| self.is(target) == Some(true))
        {
            return Outcome::AlreadyDone(self.seen());
        }
        if let Some(refusal) = self.broken(request) {
            return Outcome::Refused(refusal);
        }
        self.writes.push(request.key);
        if let Some(target) = target {
            self.set(target);
        }
        Outcome::Done(self.seen())
    }
}

impl Executor for Platform {
    fn execute(&self, request: &Request) -> Outcome {
        let mut state = self.state.lock().unwrap();
        let fault = state.faults.pop_front().unwrap_or(Fault::None);
        let lost = || {
            Outcome::Unknown(ExecError::Broken {
                reason: "reset".into(),
            })
        };
        if fault == Fault::LostRequest {
            return lost();
        }
        if request.fence < state.fence {
            let (fence, newest) = (request.fence, state.fence);
            return Outcome::Refused(Refusal::Fenced { fence, newest });
        }
        state.fence = request.fence;
        if fault == Fault::Busy {
            let retry_after = Duration::from_secs(2);
            return Outcome::Refused(Refusal::Busy {
                reason: "rate".into(),
                retry_after,
            });
        }
        let outcome = match &request.effect {
            Effect::Apply(action) => state.apply(request, action),
            Effect::DryRun(_) => match state.broken(request) {
                Some(refusal) => Outcome::Refused(refusal),
                None => Outcome::Done(state.seen()),
            },
            Effect::Observe(_) if fault == Fault::Blind => Outcome::Refused(Refusal::Unsupported {
                what: "observing".into(),
            }),
            _ => Outcome::Done(state.seen()),
        };
        if fault == Fault::LostReply {
            lost()
        } else {
            outcome
        }
    }
}

/// All traffic of the new revision of a release, as a canary at its end has it.
pub(crate) fn full_traffic(release: &ChangeEvent) -> Fact {
    let (service, revision) = (release.service.clone(), release.to.clone());
    Fact::Traffic {
        service,
        revision,
        share: TrafficShare::FULL,
    }
}
