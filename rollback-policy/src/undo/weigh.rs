//! Which changes are to blame, which of them can be undone, and which cannot.

use std::collections::BTreeMap;

use astern_graph_core::signal::{BlamedChange, Diagnosis, Evidence};
use astern_graph_core::{Artefact, ChangeEvent, ChangePhase, NodeKey, Timestamp};
use astern_stats::order;

use super::changes::{ChangeKey, Changes, blamed, goes_back, is_active, key_of};
use super::{Bar, Chain, Move, Undo};
use crate::action::Action;
use crate::plan::{Blame, RejectedAlternative, Rejection};

/// Blamed changes of one thing that are undone together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Proposal {
    pub(crate) service: NodeKey,
    pub(crate) artefact: Artefact,
    /// When the newest of them began.
    pub(crate) began: Timestamp,
    pub(crate) in_progress: bool,
    pub(crate) answers: Vec<Blame>,
    pub(crate) because: Vec<Evidence>,
    pub(crate) collateral: Vec<NodeKey>,
    pub(crate) moves: Vec<Move>,
}

/// Blamed changes that stay, and why.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    pub(crate) service: NodeKey,
    /// Whether the service keeps a new revision of its code.
    pub(crate) code: bool,
    /// Whether a rollout can, or must, be stopped where it stands.
    pub(crate) hold: bool,
    pub(crate) answers: Vec<Blame>,
    pub(crate) because: Vec<Evidence>,
    pub(crate) reason: Rejection,
    pub(crate) alternatives: Vec<Action>,
}

impl Kept {
    /// A proposal that is not carried out.
    pub(crate) fn cut(proposal: Proposal, reason: Rejection) -> Self {
        Self {
            service: proposal.service,
            code: proposal.artefact == Artefact::Code,
            hold: proposal.in_progress,
            answers: proposal.answers,
            because: proposal.because,
            reason,
            alternatives: proposal.moves.into_iter().map(|m| m.action).collect(),
        }
    }
}

/// Everything that a diagnosis says about changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Weighed {
    pub(crate) proposals: Vec<Proposal>,
    pub(crate) kept: Vec<Kept>,
    /// Active changes that are not to blame, by id.
    pub(crate) innocent: Vec<RejectedAlternative>,
}

/// Blamed entries with their probabilities, by change.
type Guilty<'a> = BTreeMap<ChangeKey, (&'a BlamedChange, f64)>;

impl Weighed {
    /// Weighs active changes.
    pub(crate) fn of(diagnosis: &Diagnosis, changes: &Changes, min_confidence: f64) -> Self {
        let mut weighed = Self::default();
        let mut guilty = blamed(diagnosis, min_confidence);
        guilty.retain(|_, (entry, p)| match stranger(changes, entry) {
            None => true,
            Some(reason) => {
                weighed.kept.push(Kept {
                    service: entry.service.clone(),
                    code: false,
                    hold: false,
                    answers: vec![Blame::new(entry.change.clone(), *p)],
                    because: entry.evidence.clone(),
                    reason,
                    alternatives: Vec::new(),
                });
                false
            }
        });
        let history: Vec<&ChangeEvent> = changes.history.iter().collect();
        let mut groups: BTreeMap<(&NodeKey, Artefact), Vec<&ChangeEvent>> = BTreeMap::new();
        for change in changes.active.iter().filter(|change| is_active(change)) {
            let group = (&change.service, change.kind.artefact());
            groups.entry(group).or_default().push(change);
        }
        for mut group in groups.into_values() {
            group.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id)));
            weighed.group(&group, &guilty, &history);
            let innocent = group
                .iter()
                .filter(|change| !guilty.contains_key(&key_of(change)));
            for change in innocent {
                weighed.acquit(change, diagnosis, &history, min_confidence);
            }
        }
        weighed
    }

    /// Finds, among changes of one thing, newest first, the blamed ones on top that can be undone
    /// together. A blamed change below one that is not to blame stays: undoing it would undo both.
    fn group(&mut self, group: &[&ChangeEvent], guilty: &Guilty<'_>, history: &[&ChangeEvent]) {
        let first_kept = self.kept.len();
        let mut chain: Vec<&ChangeEvent> = Vec::new();
        let mut lid: Option<&ChangeEvent> = None;
        for change in group {
            if !guilty.contains_key(&key_of(change)) {
                lid = lid.or(Some(change));
                continue;
            }
            let follows = |newer: &&ChangeEvent| newer.from.as_ref() == Some(&change.to);
            let linked = chain.last().is_none_or(follows);
            let reason = match lid {
                None if linked => {
                    chain.push(change);
                    continue;
                }
                None => Rejection::Irreversible {
                    change: change.id.clone(),
                },
                Some(lid) => Rejection::Buried {
                    change: change.id.clone(),
                    under: lid.id.clone(),
                },
            };
            let one = [*change];
            let Some(alone) = Chain::of(&one) else {
                continue;
            };
            let alternative = named(alone.undo(history, &[]));
            let bar = Bar {
                reason,
                alternative,
            };
            self.keep(change, guilty, bar, alone.is_code());
        }
        let is_blamed = |change: &&&ChangeEvent| guilty.contains_key(&key_of(change));
        let blamed: Vec<&ChangeEvent> = group.iter().filter(is_blamed).copied().collect();
        self.longest_undo(&chain, &blamed, guilty, history);
        let newest = group.first().map(|newest| {
            let part = (&newest.service, &newest.kind.artefact());
            goes_back(newest, part, history.iter().copied())
        });
        if newest == Some(true) {
            // A rollback is not stopped half-way.
            let kept = self.kept.iter_mut().skip(first_kept);
            kept.for_each(|kept| kept.hold = false);
        }
    }

    /// Undoes as much of a chain as can be undone, from the newest change on; what lies below
    /// stays.
    fn longest_undo(
        &mut self,
        chain: &[&ChangeEvent],
        blamed: &[&ChangeEvent],
        guilty: &Guilty<'_>,
        history: &[&ChangeEvent],
    ) {
        for end in (1..=chain.len()).rev() {
            let Some(part) = Chain::of(&chain[..end]) else {
                return;
            };
            let Undo { moves, bar } = part.undo(history, blamed);
            let barred = bar.is_some();
            // What can be done in spite of a bar takes all traffic from the newest change.
            let drained = barred && end == 1 && !moves.is_empty();
            if let Some(bar) = bar {
                let code = part.is_code() && !drained;
                self.keep(part.oldest, guilty, bar, code);
            }
            if drained || !barred {
                self.propose(part, guilty, moves);
                return;
            }
        }
    }

    fn propose(&mut self, chain: Chain<'_>, guilty: &Guilty<'_>, moves: Vec<Move>) {
        let newest = chain.newest;
        let collateral = entries(chain.all, guilty).flat_map(|(entry, _)| entry.collateral.clone());
        self.proposals.push(Proposal {
            service: newest.service.clone(),
            artefact: newest.kind.artefact(),
            began: newest.at,
            in_progress: newest.phase != ChangePhase::Completed,
            answers: answers(chain.all, guilty),
            because: evidence(chain.all, guilty),
            collateral: collateral.collect(),
            moves,
        });
    }

    fn keep(&mut self, change: &ChangeEvent, guilty: &Guilty<'_>, bar: Bar, code: bool) {
        let one_way = matches!(
            bar.reason,
            Rejection::ForwardOnly { .. }
                | Rejection::Irreversible { .. }
                | Rejection::BadTarget { .. }
        );
        self.kept.push(Kept {
            service: change.service.clone(),
            code,
            hold: one_way || change.phase != ChangePhase::Completed,
            answers: answers(&[change], guilty),
            because: evidence(&[change], guilty),
            reason: bar.reason,
            alternatives: bar.alternative.into_iter().collect(),
        });
    }

    /// States that a change is not undone because it is not to blame, where it could have been.
    fn acquit(
        &mut self,
        change: &ChangeEvent,
        diagnosis: &Diagnosis,
        history: &[&ChangeEvent],
        min_confidence: f64,
    ) {
        let entries = diagnosis
            .changes
            .iter()
            .filter(|entry| entry.change == change.id && entry.service == change.service);
        let probability = entries
            .filter_map(|entry| entry.probability.filter(|p| p.is_finite()))
            .max_by(|a, b| order::ascending(*a, *b));
        let change_id = change.id.clone();
        let reason = Rejection::NotBlamed {
            change: change_id,
            probability,
            min_confidence,
        };
        if let Some(action) = Chain::of(&[change]).and_then(|one| named(one.undo(history, &[]))) {
            self.innocent.push(RejectedAlternative::new(action, reason));
        }
    }
}

/// Why a blamed change cannot be looked up.
fn stranger(changes: &Changes, entry: &BlamedChange) -> Option<Rejection> {
    let change = entry.change.clone();
    if changes.of_key(&change, &entry.service).any(is_active) {
        return None;
    }
    Some(match changes.elsewhere(&change).cloned() {
        Some(changed) => Rejection::OtherService { change, changed },
        None => Rejection::NotActive { change },
    })
}

/// The action that an undo comes down to.
fn named(undo: Undo) -> Option<Action> {
    let last = undo.moves.into_iter().last().map(|last| last.action);
    undo.bar.and_then(|bar| bar.alternative).or(last)
}

fn entries<'a, 'g>(
    chain: &'a [&ChangeEvent],
    guilty: &'a Guilty<'g>,
) -> impl Iterator<Item = (&'g BlamedChange, f64)> + 'a {
    chain
        .iter()
        .filter_map(|change| guilty.get(&key_of(change)).copied())
}

fn answers(chain: &[&ChangeEvent], guilty: &Guilty<'_>) -> Vec<Blame> {
    entries(chain, guilty)
        .map(|(entry, p)| Blame::new(entry.change.clone(), p))
        .collect()
}

fn evidence(chain: &[&ChangeEvent], guilty: &Guilty<'_>) -> Vec<Evidence> {
    entries(chain, guilty)
        .flat_map(|(entry, _)| entry.evidence.iter().cloned())
        .collect()
}
