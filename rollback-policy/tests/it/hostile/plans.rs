//! What was released, and the plans that undo it.

use astern_graph_core::{ChangeEvent, ChangeKind, ChangePhase, NodeKey, TrafficShare};
use astern_rollback_policy::conformance::MemoryPlatform;
use astern_rollback_policy::{Fact, Plan};

use crate::world::{diamond, plan_for, release};

/// How a service was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Rolling,
    Canary,
    BlueGreen,
    Flag,
}

pub(super) const KINDS: [Kind; 4] = [Kind::Rolling, Kind::Canary, Kind::BlueGreen, Kind::Flag];
const SERVICES: [&str; 4] = ["edge", "left", "right", "base"];

fn runs(service: &NodeKey, revision: &str) -> Fact {
    Fact::Revision {
        service: service.clone(),
        revision: revision.into(),
    }
}

fn gets(service: &NodeKey, revision: &str, percent: u8) -> Fact {
    Fact::Traffic {
        service: service.clone(),
        revision: revision.into(),
        share: TrafficShare::percent(percent).unwrap(),
    }
}

fn flag(service: &NodeKey, on: bool) -> Fact {
    Fact::Flag {
        service: service.clone(),
        flag: "fast".into(),
        on,
    }
}

/// A bad change of a service.
#[derive(Debug, Clone)]
pub(super) struct Bad {
    pub(super) event: ChangeEvent,
    pub(super) kind: Kind,
}

impl Bad {
    fn new(name: &str, kind: Kind) -> Self {
        let event = release(name);
        let event = match kind {
            Kind::Rolling => event.reached(ChangePhase::Completed, vec![]),
            Kind::Canary => event
                .by(ChangeKind::Canary)
                .reached(ChangePhase::Progressed, vec![]),
            Kind::BlueGreen => event
                .by(ChangeKind::BlueGreen)
                .reached(ChangePhase::Completed, vec![]),
            Kind::Flag => {
                let mut event = event.by(ChangeKind::FeatureFlag {
                    flag: "fast".into(),
                });
                (event.from, event.to) = (Some("off".into()), "on".into());
                event
            }
        };
        Self { event, kind }
    }

    fn service(&self) -> &NodeKey {
        &self.event.service
    }

    fn old(&self) -> &str {
        self.event.from.as_ref().unwrap().as_str()
    }

    fn new_revision(&self) -> &str {
        self.event.to.as_str()
    }

    /// What the change left behind.
    pub(super) fn done(&self) -> Vec<Fact> {
        let (service, old, new) = (self.service(), self.old(), self.new_revision());
        match self.kind {
            Kind::Rolling => vec![runs(service, new)],
            Kind::Canary => vec![
                runs(service, new),
                gets(service, old, 80),
                gets(service, new, 20),
            ],
            Kind::BlueGreen => vec![
                runs(service, new),
                gets(service, old, 0),
                gets(service, new, 100),
            ],
            Kind::Flag => vec![flag(service, true)],
        }
    }

    /// What a person may do meanwhile: the same again, something newer, or the way back.
    pub(super) fn acts(&self) -> [Vec<Fact>; 3] {
        let (service, old) = (self.service(), self.old());
        let newer = match self.kind {
            Kind::Rolling => vec![runs(service, "newer")],
            Kind::Canary => vec![runs(service, "newer"), gets(service, "newer", 50)],
            Kind::BlueGreen => vec![gets(service, "newer", 100)],
            Kind::Flag => vec![flag(service, false), flag(service, true)],
        };
        let back = match self.kind {
            Kind::Rolling => vec![runs(service, old)],
            Kind::Canary | Kind::BlueGreen => vec![gets(service, old, 100)],
            Kind::Flag => vec![flag(service, false)],
        };
        [self.done(), newer, back]
    }
}

/// Changes of one to four services, which may say the versions that they made, the plan that undoes them, and the
/// platform after them.
pub(super) fn situation(kinds: &[Kind], is_stated: bool) -> (Vec<Bad>, Plan, MemoryPlatform) {
    let names = SERVICES.iter().zip(kinds);
    let mut bad: Vec<Bad> = names.map(|(name, kind)| Bad::new(name, *kind)).collect();
    for bad in bad.iter_mut().filter(|_| is_stated) {
        // The platform counts what was set.
        let version = bad.done().len().to_string();
        bad.event.version = Some(version.into());
    }
    let platform = MemoryPlatform::new();
    for fact in bad.iter().flat_map(Bad::done) {
        platform.set(fact);
    }
    let events: Vec<ChangeEvent> = bad.iter().map(|bad| bad.event.clone()).collect();
    (bad, plan_for(&diamond(), &events).unwrap(), platform)
}
