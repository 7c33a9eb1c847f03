//! What is known of changes: their steps put together, and what was released before what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use astern_graph_core::signal::{BlamedChange, Diagnosis};
use astern_graph_core::view::Attempt;
use astern_graph_core::{
    Artefact, ChangeEvent, ChangeId, ChangePhase, NodeKey, Reversibility, Revision, Timestamp,
};
use astern_stats::order;

/// What blame knows a change by; it may be several, of different things.
pub(crate) type ChangeKey = (ChangeId, NodeKey);

/// What is known of changes until `now`: the last attempt of each, which may be undone, and all attempts, which show which
/// revision came before which. Does not depend on the order of the steps.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Changes {
    pub(crate) active: Vec<ChangeEvent>,
    pub(crate) history: Vec<ChangeEvent>,
}

impl Changes {
    /// Of the steps of changes that may be undone, and of others.
    pub(crate) fn of(active: &[ChangeEvent], others: &[ChangeEvent], now: Timestamp) -> Self {
        let past = |step: &&ChangeEvent| step.at <= now;
        let versions = Versions::of(others.iter().chain(active).filter(past));
        let last = Attempt::last_of_each(active.iter().filter(past));
        let last = last.iter().map(put_together);
        let all = Attempt::all(others.iter().chain(active).filter(past));
        Self {
            active: last.map(|change| versions.state(change)).collect(),
            history: all.iter().map(put_together).collect(),
        }
    }

    /// The last attempts of a change at a service: one for each thing that it changes.
    pub(crate) fn of_key(
        &self,
        id: &ChangeId,
        service: &NodeKey,
    ) -> impl Iterator<Item = &ChangeEvent> {
        let all = self.active.iter();
        all.filter(move |change| change.id == *id && change.service == *service)
    }

    /// The service of another change under the same id.
    pub(crate) fn elsewhere(&self, id: &ChangeId) -> Option<&NodeKey> {
        let mut same = self.active.iter().filter(|change| change.id == *id);
        same.find(|change| is_active(change))
            .map(|change| &change.service)
    }
}

/// The version that each part has, by the newest step at it, of whichever change.
#[derive(Debug)]
struct Versions<'a>(BTreeMap<(&'a NodeKey, Artefact), Stated<'a>>);

/// When a step was, and the version that it states.
type Stated<'a> = (Timestamp, Option<&'a Arc<str>>);

impl<'a> Versions<'a> {
    fn of(steps: impl Iterator<Item = &'a ChangeEvent>) -> Self {
        let mut newest = BTreeMap::new();
        for step in steps {
            let part = (&step.service, step.kind.artefact());
            let stated = (step.at, step.version.as_ref());
            let known = newest.entry(part).or_insert(stated);
            if known.0 < step.at {
                *known = stated;
            } else if known.0 == step.at && known.1 != stated.1 {
                // Of several steps at one time none is the last.
                known.1 = None;
            }
        }
        Self(newest)
    }

    /// A change with the version that its part has now, and not the one that the change itself left.
    fn state(&self, mut change: ChangeEvent) -> ChangeEvent {
        let newest = self.0.get(&(&change.service, change.kind.artefact()));
        change.version = newest.and_then(|(_, version)| version.cloned());
        change
    }
}

pub(crate) fn key_of(change: &ChangeEvent) -> ChangeKey {
    (change.id.clone(), change.service.clone())
}

/// The steps of an attempt as one event: the time of the first step, the phase of the last, the revision
/// before it that was stated, unless two steps state two, and a bar to going back if any step stated one.
fn put_together(attempt: &Attempt<'_>) -> ChangeEvent {
    let stated: BTreeSet<&Revision> = attempt
        .steps()
        .filter_map(|step| step.from.as_ref())
        .collect();
    let from = stated.first().copied().filter(|_| stated.len() == 1);
    let mut all = attempt.start().clone();
    all.from = from.cloned();
    for step in attempt.steps().skip(1) {
        let before = std::mem::replace(&mut all, step.clone());
        all.at = before.at;
        all.from = before.from;
        if all.reversibility == Reversibility::Reversible
            || matches!(before.reversibility, Reversibility::ForwardOnly { .. })
                && all.reversibility == Reversibility::ExpandContract
        {
            all.reversibility = before.reversibility;
        }
    }
    all
}

/// Whether a change can still be undone: it was not undone yet.
pub(crate) fn is_active(change: &ChangeEvent) -> bool {
    change.phase != ChangePhase::RolledBack
}

/// A thing of a service that is changed.
pub(crate) type Part<'a> = (&'a NodeKey, &'a Artefact);

fn is_of(change: &ChangeEvent, (service, artefact): Part<'_>) -> bool {
    change.service == *service && change.kind.artefact() == *artefact
}

/// The changes that brought a revision to a part.
pub(crate) fn brought<'a>(
    target: &Revision,
    part: Part<'_>,
    changes: impl IntoIterator<Item = &'a ChangeEvent>,
) -> impl Iterator<Item = &'a ChangeEvent> {
    let all = changes.into_iter();
    all.filter(move |change| change.to == *target && is_of(change, part))
}

/// The change by which a revision came to a part last, if it was rolled back.
pub(crate) fn rolled_back<'a>(
    target: &Revision,
    part: Part<'_>,
    history: impl IntoIterator<Item = &'a ChangeEvent>,
) -> Option<&'a ChangeEvent> {
    let all = brought(target, part, history);
    let last = all.max_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    last.filter(|change| !is_active(change))
}

/// Whether `target` is known to be `min_compatible` or a revision released after it. Revisions are
/// opaque, so only the history can tell; what is not in it is not known to be compatible.
pub(crate) fn is_compatible<'a>(
    target: &Revision,
    min_compatible: &Revision,
    part: Part<'_>,
    history: impl IntoIterator<Item = &'a ChangeEvent>,
) -> bool {
    target == min_compatible || is_newer(target, min_compatible, part, history)
}

/// Whether a change goes back to a revision that its part ran before the one that it replaces, or turns off a flag that was turned
/// on, as far as history is held.
pub(crate) fn goes_back<'a>(
    change: &ChangeEvent,
    part: Part<'_>,
    history: impl IntoIterator<Item = &'a ChangeEvent>,
) -> bool {
    if let Artefact::Flag(_) = part.1 {
        let says = |change: &ChangeEvent, words: [&str; 2]| words.contains(&change.to.as_str());
        let mut before = history.into_iter();
        let turned_on =
            |of: &ChangeEvent| is_of(of, part) && of.at < change.at && says(of, ["on", "true"]);
        return says(change, ["off", "false"]) && before.any(turned_on);
    }
    let from = change.from.as_ref();
    from.is_some_and(|from| is_newer(from, &change.to, part, history))
}

/// Whether a revision is known to have run first after the other had.
fn is_newer<'a>(
    revision: &Revision,
    than: &Revision,
    part: Part<'_>,
    history: impl IntoIterator<Item = &'a ChangeEvent>,
) -> bool {
    let history = history.into_iter();
    let mut releases: Vec<&ChangeEvent> = history.filter(|change| is_of(change, part)).collect();
    releases.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    let revisions: Vec<&Revision> = releases
        .iter()
        .flat_map(|c| c.from.iter().chain([&c.to]))
        .collect();
    let first = |wanted: &Revision| revisions.iter().position(|revision| *revision == wanted);
    matches!((first(revision), first(than)), (Some(t), Some(m)) if t > m)
}

/// Changes that are to blame with enough confidence. Of several entries for one change the most
/// probable counts, of equally probable ones the first.
pub(crate) fn blamed(
    diagnosis: &Diagnosis,
    min_confidence: f64,
) -> BTreeMap<ChangeKey, (&BlamedChange, f64)> {
    let mut blamed: BTreeMap<ChangeKey, (&BlamedChange, f64)> = BTreeMap::new();
    for entry in &diagnosis.changes {
        let Some(p) = entry
            .probability
            .filter(|p| (min_confidence..=1.0).contains(p))
        else {
            continue;
        };
        let better = |(_, q): &(&BlamedChange, f64)| order::ascending(*q, p).is_lt();
        let key = (entry.change.clone(), entry.service.clone());
        if blamed.get(&key).is_none_or(better) {
            blamed.insert(key, (entry, p));
        }
    }
    blamed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, secs: i64, from: Option<&str>, to: &str) -> ChangeEvent {
        let at = Timestamp::from_secs(secs);
        ChangeEvent::new(
            id,
            at,
            NodeKey::service("cart"),
            from.map(Revision::from),
            to.into(),
        )
    }

    #[test]
    fn steps_are_put_together_in_any_order() {
        let min_compatible = Revision::from("r2");
        let first =
            event("x", 1, Some("r1"), "r2").undo(Reversibility::ForwardOnly { min_compatible });
        let last = event("x", 5, None, "r2").reached(ChangePhase::Completed, vec![]);
        let future = event("x", 9, None, "r2").reached(ChangePhase::RolledBack, vec![]);
        let now = Timestamp::from_secs(6);
        let forth = Changes::of(&[first.clone(), last.clone(), future.clone()], &[], now);
        let back = Changes::of(&[], &[last.clone(), future.clone(), first.clone()], now);
        assert_eq!(forth.history, back.history);
        let steps = [future, last, first.clone()];
        assert_eq!(forth, Changes::of(&steps, &[], now));
        let change = &forth.active[0];
        assert_eq!(
            (change.at, change.phase),
            (first.at, ChangePhase::Completed)
        );
        assert_eq!(change.from, Some("r1".into()));
        assert_eq!(change.reversibility, first.reversibility);
    }

    #[test]
    fn changes_are_distinguished_by_service_and_attempt() {
        let first = event("x", 1, Some("r1"), "r2");
        let back = event("x", 5, None, "r2").reached(ChangePhase::RolledBack, vec![]);
        let second = event("x", 9, None, "r2");
        let mut other = event("x", 2, Some("w1"), "w2");
        other.service = NodeKey::service("web");
        let steps = [first.clone(), back, second.clone(), other.clone()];
        let changes = Changes::of(&steps, &steps, Timestamp::MAX);
        let active: Vec<&ChangeEvent> = changes.active.iter().collect();
        assert_eq!(active, [&second, &other]);
        assert_eq!(changes.history.len(), 3);
    }

    #[test]
    fn only_what_is_known_to_be_newer_is_compatible() {
        let history = [
            event("b", 2, Some("r2"), "r3"),
            event("a", 1, Some("r1"), "r2"),
        ];
        let compatible = |target: &str, min: &str| {
            let cart = NodeKey::service("cart");
            is_compatible(
                &target.into(),
                &min.into(),
                (&cart, &Artefact::Code),
                &history,
            )
        };
        assert!(
            compatible("r3", "r2") && compatible("r2", "r2") && compatible("unheard", "unheard")
        );
        assert!(
            !compatible("r1", "r2") && !compatible("unheard", "r1") && !compatible("r3", "unheard")
        );
        let elsewhere = NodeKey::service("web");
        let place = (&elsewhere, &Artefact::Code);
        assert!(!is_compatible(&"r3".into(), &"r2".into(), place, &history));
    }

    #[test]
    fn the_most_probable_entry_counts_and_nonsense_does_not() {
        let entry = |p| BlamedChange::new("x".into(), NodeKey::service("cart"), p);
        let of = |entries| {
            blamed(&Diagnosis::new(vec![], entries), 0.5)
                .values()
                .next()
                .map(|b| b.1)
        };
        assert_eq!(
            of(vec![entry(Some(0.6)), entry(Some(0.8)), entry(Some(0.7))]),
            Some(0.8)
        );
        for bad in [None, Some(0.49), Some(f64::NAN), Some(f64::INFINITY)] {
            assert_eq!(of(vec![entry(bad)]), None);
        }
    }
}
