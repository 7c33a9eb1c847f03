//! The safest way to undo a chain of changes of one thing: one file a kind of change. Decision and planner
//! both ask here which changes can be undone.

mod blue_green;
pub(crate) mod changes;
mod config;
mod flag;
mod rollout;
pub(crate) mod weigh;

use astern_graph_core::{Artefact, ChangeEvent, ChangeKind, NodeKey, Reversibility, Revision};

use crate::action::Action;
use crate::fact::Fact;
use crate::plan::{Precondition, Rejection};
use changes::{brought, is_compatible, rolled_back};

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
        self.newest.kind.artefact() == Artefact::Code
    }

    /// Undoes the chain, if that is safe. Never to a revision that was rolled back, or that one of the blamed changes brought, and
    /// no rollback.
    pub(crate) fn undo(self, history: &[&ChangeEvent], blamed: &[&ChangeEvent]) -> Undo {
        let artefact = self.newest.kind.artefact();
        let undo = self.undo_forward(&artefact, history, blamed);
        let Some(reason) = self.goes_back(&artefact, history) else {
            return undo;
        };
        let last = undo.moves.into_iter().last().map(|last| last.action);
        let alternative = undo.bar.and_then(|bar| bar.alternative).or(last);
        Undo {
            moves: Vec::new(),
            bar: Some(Bar {
                reason,
                alternative,
            }),
        }
    }

    /// Of changes of which none is a rollback.
    fn undo_forward(
        self,
        artefact: &Artefact,
        history: &[&ChangeEvent],
        blamed: &[&ChangeEvent],
    ) -> Undo {
        if let Artefact::Flag(flag) = artefact {
            let undo = flag::undo(self, flag.clone());
            let moves = self.unchanged(undo.moves);
            return Undo { moves, ..undo };
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
            let draining =
                !stated && rollout::is_canary(self) && self.all.iter().all(|c| may_go_back(c));
            let moves = if draining {
                self.unchanged(vec![rollout::drain(self, None)])
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
        let moves = self.unchanged(self.moves(artefact, &target));
        let bad = self.bad_target(artefact, &target, history, blamed);
        let Some(reason) = bad.or_else(|| self.barred(artefact, &target, history)) else {
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

    /// The rollback among its changes, if one is.
    fn goes_back(self, artefact: &Artefact, history: &[&ChangeEvent]) -> Option<Rejection> {
        let goes_back = |c: &&&ChangeEvent| {
            let part = (&c.service, artefact);
            changes::goes_back(c, part, history.iter().copied())
        };
        let rollback = self.all.iter().find(goes_back)?;
        Some(Rejection::GoesBack {
            change: rollback.id.clone(),
            to: rollback.to.clone(),
        })
    }

    /// What `target` is known to be bad by.
    fn bad_target(
        self,
        artefact: &Artefact,
        target: &Revision,
        history: &[&ChangeEvent],
        blamed: &[&ChangeEvent],
    ) -> Option<Rejection> {
        let part = (&self.newest.service, artefact);
        let rolled_back = rolled_back(target, part, history.iter().copied());
        let bad = rolled_back.or_else(|| brought(target, part, blamed.iter().copied()).next())?;
        Some(Rejection::BadTarget {
            change: self.oldest.id.clone(),
            target: target.clone(),
            bad: bad.id.clone(),
        })
    }

    /// What forbids to go back to `target`.
    fn barred(
        self,
        artefact: &Artefact,
        target: &Revision,
        history: &[&ChangeEvent],
    ) -> Option<Rejection> {
        self.all.iter().find_map(|c| match &c.reversibility {
            Reversibility::Reversible | Reversibility::ExpandContract => None,
            Reversibility::ForwardOnly { min_compatible } => {
                let history = history.iter().copied();
                let part = (&c.service, artefact);
                let (change, min_compatible) = (c.id.clone(), min_compatible.clone());
                let works = is_compatible(target, &min_compatible, part, history);
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
        match (artefact, &self.newest.kind) {
            (Artefact::Config, _) => vec![config::restore(self, target)],
            (Artefact::Code, ChangeKind::BlueGreen) => vec![blue_green::switch(self, target)],
            (Artefact::Code, _) => rollout::restore(self, target),
            (Artefact::Flag(_), _) => Vec::new(),
        }
    }

    /// With what the platform called the place after the newest step, where that was stated: it must be so still. Of the
    /// first move, which changes it itself.
    fn unchanged(self, mut moves: Vec<Move>) -> Vec<Move> {
        let token = self.newest.version.clone();
        if let (Some(first), Some(token)) = (moves.first_mut(), token)
            && let Some(place) = first.action.place()
        {
            let unchanged = Precondition::Unchanged { place, token };
            first.requires.push(unchanged);
        }
        moves
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
