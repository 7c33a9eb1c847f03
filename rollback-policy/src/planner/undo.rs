//! The safest way to undo a chain of changes of one thing.

use astern_graph_core::{ChangeEvent, ChangeKind, ChangePhase, NodeKey, Reversibility, Revision};

use crate::action::Action;
use crate::fact::Fact;
use crate::plan::{Precondition, Rejection};
use crate::planner::changes::{Artefact, is_compatible};
use astern_graph_core::TrafficShare;

/// One action of an undo, with what must hold for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Move {
    pub(crate) action: Action,
    pub(crate) requires: Vec<Precondition>,
}

/// A chain of changes of the same thing, each on top of the next, newest first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain<'a> {
    pub(crate) newest: &'a ChangeEvent,
    pub(crate) oldest: &'a ChangeEvent,
    pub(crate) all: &'a [&'a ChangeEvent],
}

/// How a chain is undone, and what stands against it where that is not, or not wholly, possible.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Undo {
    pub(crate) moves: Vec<Move>,
    pub(crate) bar: Option<Bar>,
}

/// Why a chain cannot be undone, and the action that would have done it, where it can be named.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bar {
    pub(crate) reason: Rejection,
    pub(crate) alternative: Option<Action>,
}

impl<'a> Chain<'a> {
    /// `None` for no change.
    pub(crate) fn of(all: &'a [&'a ChangeEvent]) -> Option<Self> {
        let (newest, oldest) = (all.first()?, all.last()?);
        Some(Self {
            newest,
            oldest,
            all,
        })
    }

    /// Whether it changes what runs, and not only how.
    pub(crate) fn is_code(self) -> bool {
        Artefact::of(&self.newest.kind) == Artefact::Code
    }

    /// Undoes the chain, if that is safe.
    pub(crate) fn undo(self, history: &[&ChangeEvent]) -> Undo {
        let artefact = Artefact::of(&self.newest.kind);
        if let Artefact::Flag(flag) = artefact {
            return self.undo_flag(flag);
        }
        let change = self.oldest.id.clone();
        let target = self
            .oldest
            .from
            .clone()
            .filter(|target| *target != self.newest.to);
        let Some(target) = target else {
            let stated = self.oldest.from.is_some();
            let irreversible = Rejection::Irreversible {
                change: change.clone(),
            };
            let reason = if stated {
                irreversible
            } else {
                Rejection::NoPinnedTarget { change }
            };
            let draining = !stated && self.is_canary() && self.all.iter().all(|c| may_go_back(c));
            let moves = if draining {
                vec![self.drain(None)]
            } else {
                Vec::new()
            };
            return Undo {
                moves,
                bar: Some(Bar {
                    reason,
                    alternative: None,
                }),
            };
        };
        let moves = self.moves(&artefact, &target);
        let Some(reason) = self.barred(&artefact, &target, history) else {
            return Undo { moves, bar: None };
        };
        let alternative = moves.into_iter().last().map(|last| last.action);
        Undo {
            moves: Vec::new(),
            bar: Some(Bar {
                reason,
                alternative,
            }),
        }
    }

    /// What forbids to go back to `target`.
    fn barred(
        self,
        artefact: &Artefact,
        target: &Revision,
        history: &[&ChangeEvent],
    ) -> Option<Rejection> {
        self.all.iter().find_map(|c| match &c.reversibility {
            _ if *artefact == Artefact::Other => Some(Rejection::Irreversible {
                change: c.id.clone(),
            }),
            Reversibility::Reversible | Reversibility::ExpandContract => None,
            Reversibility::ForwardOnly { min_compatible } => {
                let history = history.iter().copied();
                let place = (&c.service, artefact);
                let (change, min_compatible) = (c.id.clone(), min_compatible.clone());
                let works = is_compatible(target, &min_compatible, place, history);
                (!works).then_some(Rejection::ForwardOnly {
                    change,
                    min_compatible,
                })
            }
            _ => Some(Rejection::Irreversible {
                change: c.id.clone(),
            }),
        })
    }

    fn moves(self, artefact: &Artefact, target: &Revision) -> Vec<Move> {
        let service = || self.newest.service.clone();
        let (to, bad) = (target.clone(), self.newest.to.clone());
        match (artefact, &self.newest.kind) {
            (Artefact::Config, _) => {
                let now = Fact::Config {
                    service: service(),
                    revision: bad,
                };
                let requires = vec![Precondition::Is(now), alone(service())];
                vec![Move {
                    action: Action::SetConfig {
                        service: service(),
                        to,
                    },
                    requires,
                }]
            }
            (Artefact::Code, ChangeKind::BlueGreen) => {
                let share = TrafficShare::FULL;
                let now = Fact::Traffic {
                    service: service(),
                    revision: bad,
                    share,
                };
                let action = Action::SwitchColour {
                    service: service(),
                    to,
                };
                vec![self.back_to(target, action, now)]
            }
            (Artefact::Code, _) => {
                let drained = TrafficShare::ZERO;
                let canary = self.is_canary();
                let now = if canary {
                    Fact::Traffic {
                        service: service(),
                        revision: bad,
                        share: drained,
                    }
                } else {
                    Fact::Revision {
                        service: service(),
                        revision: bad,
                    }
                };
                let restore = Action::SetRevision {
                    service: service(),
                    to,
                };
                let drain = canary.then(|| self.drain(Some(target)));
                drain
                    .into_iter()
                    .chain([self.back_to(target, restore, now)])
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// A move to a pinned revision, from what the platform is asked for now.
    fn back_to(self, target: &Revision, action: Action, now: Fact) -> Move {
        let service = self.newest.service.clone();
        let requires = vec![
            Precondition::Is(now),
            available(service.clone(), target),
            alone(service),
        ];
        Move { action, requires }
    }

    /// Takes the traffic from a canary; the revision before it serves the rest already.
    fn drain(self, target: Option<&Revision>) -> Move {
        let (service, revision) = (self.newest.service.clone(), self.newest.to.clone());
        let mut requires = vec![alone(service.clone())];
        requires.extend(target.map(|target| available(service.clone(), target)));
        let share = TrafficShare::ZERO;
        Move {
            action: Action::SetTraffic {
                service,
                revision,
                share,
            },
            requires,
        }
    }

    /// Whether instances of the revision before still serve beside the new ones.
    fn is_canary(self) -> bool {
        self.newest.kind == ChangeKind::Canary && self.newest.phase != ChangePhase::Completed
    }

    /// Sets a flag to what it was, which is off unless it is known to have been on. Code and data
    /// stay as they are, so a bar to going back to an older revision does not matter.
    fn undo_flag(self, flag: std::sync::Arc<str>) -> Undo {
        let is = |revision: &Revision, word: [&str; 2]| word.contains(&revision.as_str());
        let on = self
            .oldest
            .from
            .as_ref()
            .is_some_and(|from| is(from, ["on", "true"]));
        let was_turned_off = is(&self.newest.to, ["off", "false"]);
        if on != was_turned_off {
            // It is as far as known what it was before: setting it would undo nothing.
            let change = self.oldest.id.clone();
            let reason = match self.oldest.from {
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
        let service = self.newest.service.clone();
        let now = Fact::Flag {
            service: service.clone(),
            flag: flag.clone(),
            on: !on,
        };
        let requires = vec![Precondition::Is(now), alone(service.clone())];
        let action = Action::SetFlag { service, flag, on };
        Undo {
            moves: vec![Move { action, requires }],
            bar: None,
        }
    }
}

/// Whether nothing is known that forbids to go back.
fn may_go_back(change: &ChangeEvent) -> bool {
    matches!(
        change.reversibility,
        Reversibility::Reversible | Reversibility::ExpandContract
    )
}

fn alone(service: NodeKey) -> Precondition {
    Precondition::NoOtherPlan { service }
}

fn available(service: NodeKey, revision: &Revision) -> Precondition {
    Precondition::Available {
        service,
        revision: revision.clone(),
    }
}
