//! A platform in memory that keeps the laws of an executor.

use std::cell::RefCell;

use astern::policy::{
    Action, Effect, Executor, Expectation, Fact, Observed, Outcome, Precondition, Refusal, Request,
};
use astern_graph_core::NodeKey;

/// That a service runs a revision.
pub(in crate::cases) fn runs(service: &str, revision: &str) -> Fact {
    Fact::Revision {
        service: NodeKey::service(service),
        revision: revision.into(),
    }
}

/// Facts that hold, one a slot, and the actions that were carried out.
#[derive(Debug, Default)]
pub(in crate::cases) struct Platform {
    facts: RefCell<Vec<Fact>>,
    acts: RefCell<Vec<Action>>,
    /// Refuses every effect.
    pub(in crate::cases) forbids: bool,
}

impl Platform {
    /// Sets the revision of a service, as an operator or a pipeline would.
    pub(in crate::cases) fn set(&self, service: &str, revision: &str) {
        self.hold(runs(service, revision));
    }

    /// Makes a fact hold in place of what held in its slot.
    pub(in crate::cases) fn hold(&self, fact: Fact) {
        let mut facts = self.facts.borrow_mut();
        facts.retain(|held| held.satisfies(&fact).is_none());
        facts.push(fact);
    }

    /// Whether a fact holds.
    pub(in crate::cases) fn holds(&self, fact: &Fact) -> bool {
        self.facts.borrow().contains(fact)
    }

    /// Whether a service runs this revision.
    pub(in crate::cases) fn runs(&self, service: &str, revision: &str) -> bool {
        self.holds(&runs(service, revision))
    }

    /// What was done, in its order, as text.
    pub(in crate::cases) fn acts(&self) -> Vec<String> {
        self.acts.borrow().iter().map(ToString::to_string).collect()
    }

    pub(in crate::cases) fn answer(&self, request: &Request) -> Outcome {
        match &request.effect {
            Effect::Apply(_) if self.forbids => Outcome::Refused(Refusal::Forbidden {
                reason: "no rights".into(),
            }),
            Effect::Apply(action) => self.apply(action, &request.requires),
            Effect::Observe(checks) => {
                let wanted = checks.iter().filter_map(|check| match &check.expect {
                    Expectation::Is(fact) => self.held(fact),
                    _ => None,
                });
                Outcome::Done(wanted.fold(Observed::new(), Observed::fact))
            }
            _ => Outcome::Done(Observed::new()),
        }
    }

    fn apply(&self, action: &Action, requires: &[Precondition]) -> Outcome {
        let Some(target) = action.target() else {
            self.acts.borrow_mut().push(action.clone());
            return Outcome::Done(Observed::new());
        };
        if self.held(&target).as_ref() == Some(&target) {
            return Outcome::AlreadyDone(Observed::new().fact(target));
        }
        for precondition in requires {
            if let Precondition::Is(fact) = precondition
                && let Some(found) = self.held(fact)
                && found != *fact
            {
                return Outcome::Refused(Refusal::PreconditionFailed {
                    precondition: precondition.clone(),
                    found: Some(found),
                });
            }
        }
        self.acts.borrow_mut().push(action.clone());
        self.hold(target.clone());
        Outcome::Done(Observed::new().fact(target))
    }

    /// What holds in the slot of a fact.
    fn held(&self, fact: &Fact) -> Option<Fact> {
        let facts = self.facts.borrow();
        facts
            .iter()
            .find(|held| held.satisfies(fact).is_some())
            .cloned()
    }
}

impl Executor for Platform {
    fn execute(&self, request: &Request) -> Outcome {
        self.answer(request)
    }
}
