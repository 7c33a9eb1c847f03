//! A rolling release, or a canary: the revision is set to the one before, after a canary in progress has lost
//! its traffic.

use astern_graph_core::{ChangeKind, ChangePhase, Revision, TrafficShare};

use super::{Chain, Move, alone, available};
use crate::action::Action;
use crate::fact::Fact;
use crate::plan::Precondition;

pub(super) fn restore(chain: Chain<'_>, target: &Revision) -> Vec<Move> {
    let service = || chain.newest.service.clone();
    let revision = chain.newest.to.clone();
    let action = Action::SetRevision {
        service: service(),
        to: target.clone(),
    };
    if is_canary(chain) {
        let gets = |revision: &Revision, share| Fact::Traffic {
            service: service(),
            revision: revision.clone(),
            share,
        };
        let drained = gets(&revision, TrafficShare::ZERO);
        let mut back = chain.back_to(target, action, drained);
        // A third revision with traffic is a release that nobody here knows of.
        let rest = gets(target, TrafficShare::FULL);
        back.requires.insert(1, Precondition::Is(rest));
        vec![drain(chain, Some(target)), back]
    } else {
        let now = Fact::Revision {
            service: service(),
            revision,
        };
        vec![chain.back_to(target, action, now)]
    }
}

/// Takes the traffic from a canary; the revision before it serves the rest already.
pub(super) fn drain(chain: Chain<'_>, target: Option<&Revision>) -> Move {
    let (service, revision) = (chain.newest.service.clone(), chain.newest.to.clone());
    let mut requires = vec![alone(service.clone())];
    requires.extend(target.map(|target| available(service.clone(), target)));
    Move {
        action: Action::SetTraffic {
            service,
            revision,
            share: TrafficShare::ZERO,
        },
        requires,
    }
}

/// Whether instances of the revision before still serve beside the new ones.
pub(super) fn is_canary(chain: Chain<'_>) -> bool {
    chain.newest.kind == ChangeKind::Canary && chain.newest.phase != ChangePhase::Completed
}
