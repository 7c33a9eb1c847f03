//! All traffic goes back to the set of instances that runs the revision before.

use astern_graph_core::{Revision, TrafficShare};

use super::{Chain, Move};
use crate::action::Action;
use crate::fact::Fact;

pub(super) fn switch(chain: Chain<'_>, target: &Revision) -> Move {
    let service = || chain.newest.service.clone();
    let now = Fact::Traffic {
        service: service(),
        revision: chain.newest.to.clone(),
        share: TrafficShare::FULL,
    };
    let action = Action::SwitchColour {
        service: service(),
        to: target.clone(),
    };
    chain.back_to(target, action, now)
}
