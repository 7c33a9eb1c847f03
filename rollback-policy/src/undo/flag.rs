//! A feature flag is set to what it was.

use std::sync::Arc;

use astern_graph_core::Revision;

use super::{Bar, Chain, Move, Undo, alone};
use crate::action::Action;
use crate::fact::Fact;
use crate::plan::{Precondition, Rejection};

/// What it was is off unless it is known to have been on. Code and data stay as they are, so a bar to going
/// back to an older revision does not matter.
pub(super) fn undo(chain: Chain<'_>, flag: Arc<str>) -> Undo {
    let is = |revision: &Revision, word: [&str; 2]| word.contains(&revision.as_str());
    let before = chain.oldest.from.as_ref();
    let on = before.is_some_and(|from| is(from, ["on", "true"]));
    let was_turned_off = is(&chain.newest.to, ["off", "false"]);
    if on != was_turned_off {
        // It is as far as known what it was before: setting it would undo nothing.
        let change = chain.oldest.id.clone();
        let reason = match before {
            Some(_) => Rejection::Irreversible { change },
            None => Rejection::NoPinnedTarget { change },
        };
        return Undo {
            moves: Vec::new(),
            bar: Some(Bar {
                reason,
                alternative: None,
            }),
        };
    }
    let service = chain.newest.service.clone();
    let now = Fact::Flag {
        service: service.clone(),
        flag: flag.clone(),
        on: !on,
    };
    Undo {
        moves: vec![Move {
            requires: vec![Precondition::Is(now), alone(service.clone())],
            action: Action::SetFlag { service, flag, on },
        }],
        bar: None,
    }
}
