//! A configuration is set to what it was.

use astern_graph_core::Revision;

use super::{Chain, Move, alone};
use crate::action::Action;
use crate::fact::Fact;
use crate::plan::Precondition;

pub(super) fn restore(chain: Chain<'_>, target: &Revision) -> Move {
    let service = || chain.newest.service.clone();
    let now = Fact::Config {
        service: service(),
        revision: chain.newest.to.clone(),
    };
    Move {
        action: Action::SetConfig {
            service: service(),
            to: target.clone(),
        },
        requires: vec![Precondition::Is(now), alone(service())],
    }
}
