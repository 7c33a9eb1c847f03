//! What is known of changes: their steps put together, and what was released before what.

use std::collections::BTreeMap;
use std::sync::Arc;

use astern_graph_core::signal::{BlamedChange, Diagnosis};
use astern_graph_core::{
    ChangeEvent, ChangeId, ChangeKind, ChangePhase, NodeKey, Reversibility, Revision, Timestamp,
};
use astern_stats::order;

/// What a change changes. Only changes of the same thing can lie on top of each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Artefact {
    Code,
    Config,
    Flag(Arc<str>),
    /// A kind of change that this version does not know.
    Other,
}

impl Artefact {
    pub(crate) fn of(kind: &ChangeKind) -> Self {
        match kind {
            ChangeKind::Rolling | ChangeKind::Canary | ChangeKind::BlueGreen => Self::Code,
            ChangeKind::Config => Self::Config,
            ChangeKind::FeatureFlag { flag } => Self::Flag(flag.clone()),
            _ => Self::Other,
        }
    }
}

/// Changes, each with its steps put together into one event: the time of its first step, the phase
/// of its last, the newest revision before it that was stated, and a bar to going back if any of
/// its steps stated one. Does not depend on the order of the steps.
pub(crate) fn merged<'a>(
    events: impl IntoIterator<Item = &'a ChangeEvent>,
    now: Timestamp,
) -> BTreeMap<ChangeId, ChangeEvent> {
    let mut events: Vec<&ChangeEvent> = events.into_iter().filter(|e| e.at <= now).collect();
    let place = |e: &ChangeEvent| {
        (
            e.at,
            e.phase,
            e.service.clone(),
            e.to.clone(),
            e.from.clone(),
        )
    };
    events.sort_by_cached_key(|e| place(e));
    let mut merged: BTreeMap<ChangeId, ChangeEvent> = BTreeMap::new();
    for event in events {
        let mut next = event.clone();
        if let Some(before) = merged.remove(&event.id) {
            next.at = before.at;
            next.from = next.from.or(before.from);
            if next.reversibility == Reversibility::Reversible
                || matches!(before.reversibility, Reversibility::ForwardOnly { .. })
                    && next.reversibility == Reversibility::ExpandContract
            {
                next.reversibility = before.reversibility;
            }
        }
        merged.insert(event.id.clone(), next);
    }
    merged
}

/// Whether a change can still be undone: it was not undone yet.
pub(crate) fn is_active(change: &ChangeEvent) -> bool {
    change.phase != ChangePhase::RolledBack
}

/// Whether `target` is known to be `min_compatible` or a revision released after it. Revisions are
/// opaque, so only the history can tell; what is not in it is not known to be compatible.
pub(crate) fn is_compatible<'a>(
    target: &Revision,
    min_compatible: &Revision,
    (service, artefact): (&NodeKey, &Artefact),
    history: impl IntoIterator<Item = &'a ChangeEvent>,
) -> bool {
    let same = |c: &&ChangeEvent| c.service == *service && Artefact::of(&c.kind) == *artefact;
    let mut releases: Vec<&ChangeEvent> = history.into_iter().filter(same).collect();
    releases.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    let revisions: Vec<&Revision> = releases
        .iter()
        .flat_map(|c| c.from.iter().chain([&c.to]))
        .collect();
    let first = |wanted: &Revision| revisions.iter().position(|revision| *revision == wanted);
    target == min_compatible
        || matches!((first(target), first(min_compatible)), (Some(t), Some(m)) if t > m)
}

/// Changes that are to blame with enough confidence. Of several entries for one change the most
/// probable counts, of equally probable ones the first.
pub(crate) fn blamed(
    diagnosis: &Diagnosis,
    min_confidence: f64,
) -> BTreeMap<ChangeId, (&BlamedChange, f64)> {
    let mut blamed: BTreeMap<ChangeId, (&BlamedChange, f64)> = BTreeMap::new();
    for entry in &diagnosis.changes {
        let Some(p) = entry
            .probability
            .filter(|p| (min_confidence..=1.0).contains(p))
        else {
            continue;
        };
        let better = |(_, q): &(&BlamedChange, f64)| order::ascending(*q, p).is_lt();
        if blamed.get(&entry.change).is_none_or(better) {
            blamed.insert(entry.change.clone(), (entry, p));
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
        let forth = merged([&first, &last, &future], now);
        assert_eq!(forth, merged([&future, &last, &first], now));
        let change = &forth[&ChangeId::from("x")];
        assert_eq!(
            (change.at, change.phase),
            (first.at, ChangePhase::Completed)
        );
        assert_eq!(change.from, Some("r1".into()));
        assert_eq!(change.reversibility, first.reversibility);
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
