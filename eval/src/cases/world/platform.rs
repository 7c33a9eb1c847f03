//! A platform in memory that keeps the laws of an executor.

use astern::policy::conformance::MemoryPlatform;
use astern::policy::{Effect, Executor, Fact, Outcome, Refusal, Request};
use astern_graph_core::NodeKey;

/// That a service runs a revision.
pub(in crate::cases) fn runs(service: &str, revision: &str) -> Fact {
    Fact::Revision {
        service: NodeKey::service(service),
        revision: revision.into(),
    }
}

/// What holds, and the actions that were carried out.
#[derive(Debug, Default)]
pub(in crate::cases) struct Platform {
    memory: MemoryPlatform,
    /// Refuses every effect.
    pub(in crate::cases) forbids: bool,
}

impl Platform {
    /// One that gives no versions.
    pub(in crate::cases) fn unversioned() -> Self {
        Self {
            memory: MemoryPlatform::unversioned(),
            forbids: false,
        }
    }

    /// Sets the revision of a service, as an operator or a pipeline would.
    pub(in crate::cases) fn set(&self, service: &str, revision: &str) {
        self.hold(runs(service, revision));
    }

    /// Makes a fact hold in place of what held in its slot.
    pub(in crate::cases) fn hold(&self, fact: Fact) {
        self.memory.set(fact);
    }

    /// Whether a fact holds.
    pub(in crate::cases) fn holds(&self, fact: &Fact) -> bool {
        self.memory.holds(fact)
    }

    /// Whether a service runs this revision.
    pub(in crate::cases) fn runs(&self, service: &str, revision: &str) -> bool {
        self.holds(&runs(service, revision))
    }

    /// What was done, in its order, as text.
    pub(in crate::cases) fn acts(&self) -> Vec<String> {
        let writes = self.memory.writes();
        writes
            .iter()
            .map(|(_, action)| action.to_string())
            .collect()
    }

    pub(in crate::cases) fn answer(&self, request: &Request) -> Outcome {
        match &request.effect {
            Effect::Apply(_) if self.forbids => Outcome::Refused(Refusal::Forbidden {
                reason: "no rights".into(),
            }),
            _ => self.memory.execute(request),
        }
    }
}

impl Executor for Platform {
    fn execute(&self, request: &Request) -> Outcome {
        self.answer(request)
    }
}
