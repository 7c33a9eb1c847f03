//! The attempts of a change at a service, put together from its steps.

use std::collections::BTreeMap;

use crate::graph::TemporalGraph;
use crate::key::NodeKey;
use crate::name::{ChangeId, Revision};
use crate::record::{ChangeEvent, ChangePhase};
use crate::store::change_order;
use crate::time::{TimeRange, Timestamp};

/// One attempt of a change at one service: its steps from the first up to its rollback, or to the next attempt.
///
/// A change is known by its service and its id. Another attempt under the same id begins with the first step after a
/// rollback that is none itself, and with a step that leads to another revision. What one attempt did says
/// nothing about another one.
///
/// # Example
/// ```
/// use astern_graph_core::view::Attempt;
/// use astern_graph_core::{ChangeEvent, ChangePhase, NodeKey, Timestamp};
///
/// let step = |secs, phase| {
///     let (at, cart) = (Timestamp::from_secs(secs), NodeKey::service("cart"));
///     ChangeEvent::new("cart@2", at, cart, None, "v2".into()).reached(phase, vec![])
/// };
/// let steps = [
///     step(60, ChangePhase::Started),
///     step(120, ChangePhase::RolledBack),
///     step(600, ChangePhase::Started),
/// ];
/// let attempts = Attempt::all(&steps);
/// assert_eq!(attempts.len(), 2);
/// assert!(attempts[0].is_rolled_back());
/// assert_eq!(attempts[1].start().at, Timestamp::from_secs(600));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt<'a> {
    first: &'a ChangeEvent,
    others: Vec<&'a ChangeEvent>,
}

impl<'a> Attempt<'a> {
    /// All attempts in steps of changes, which may come in any order; by change, service and time.
    ///
    /// # Complexity
    /// `O(S log S)` for S steps.
    pub fn all(steps: impl IntoIterator<Item = &'a ChangeEvent>) -> Vec<Self> {
        let mut of_changes: BTreeMap<(&ChangeId, &NodeKey), Vec<&ChangeEvent>> = BTreeMap::new();
        for step in steps {
            let change = of_changes.entry((&step.id, &step.service)).or_default();
            change.push(step);
        }
        let mut attempts: Vec<Self> = Vec::new();
        for mut steps in of_changes.into_values() {
            steps.sort_by(|a, b| change_order(a, b));
            let from = attempts.len();
            for step in steps {
                match attempts[from..].last_mut() {
                    Some(attempt) if attempt.goes_on_with(step) => attempt.others.push(step),
                    _ => attempts.push(Self {
                        first: step,
                        others: Vec::new(),
                    }),
                }
            }
        }
        attempts
    }

    /// The last attempt of each change at each service, by change and service.
    ///
    /// # Complexity
    /// As [`all`](Self::all).
    pub fn last_of_each(steps: impl IntoIterator<Item = &'a ChangeEvent>) -> Vec<Self> {
        let mut last: Vec<Self> = Vec::new();
        for attempt in Self::all(steps) {
            match last.last_mut() {
                Some(before) if before.is_of_change(attempt.first) => *before = attempt,
                _ => last.push(attempt),
            }
        }
        last
    }

    /// Its first step that is known.
    pub fn start(&self) -> &'a ChangeEvent {
        self.first
    }

    /// Its newest step.
    pub fn end(&self) -> &'a ChangeEvent {
        self.others.last().copied().unwrap_or(self.first)
    }

    /// Its steps in the order of [`TemporalGraph::changes`].
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = &'a ChangeEvent> + '_ {
        [self.first].into_iter().chain(self.others.iter().copied())
    }

    /// Whether it was undone.
    pub fn is_rolled_back(&self) -> bool {
        self.end().phase == ChangePhase::RolledBack
    }

    /// The revision that it leads to.
    pub fn target(&self) -> &'a Revision {
        let mut ahead = self.steps().rev().filter(|step| !is_back(step));
        &ahead.next().unwrap_or(self.first).to
    }

    /// Whether it is an attempt of the change that a step is of.
    fn is_of_change(&self, step: &ChangeEvent) -> bool {
        (&self.first.id, &self.first.service) == (&step.id, &step.service)
    }

    fn goes_on_with(&self, step: &ChangeEvent) -> bool {
        is_back(step) || !self.is_rolled_back() && *self.target() == step.to
    }
}

fn is_back(step: &ChangeEvent) -> bool {
    step.phase == ChangePhase::RolledBack
}

/// An attempt among the others of the same change.
#[derive(Debug, Clone)]
pub(super) struct Attempts<'a> {
    before: Vec<Attempt<'a>>,
    /// The steps of the attempt itself.
    steps: Vec<&'a ChangeEvent>,
    after: Vec<Attempt<'a>>,
}

impl<'a> Attempts<'a> {
    /// Those before the attempt, the first first.
    pub(super) fn before(&self) -> &[Attempt<'a>] {
        &self.before
    }

    /// Those after it.
    pub(super) fn after(&self) -> &[Attempt<'a>] {
        &self.after
    }

    /// The steps of the attempt itself.
    pub(super) fn into_steps(self) -> Vec<&'a ChangeEvent> {
        self.steps
    }
}

impl TemporalGraph {
    /// The last attempt of each change at each service, of the steps before `end`; by change and service.
    ///
    /// # Complexity
    /// `O(S log S)` for S steps of changes that are held.
    pub fn last_attempts(&self, end: Timestamp) -> Vec<Attempt<'_>> {
        let start = Timestamp::MIN;
        Attempt::last_of_each(self.changes(TimeRange { start, end }))
    }

    /// The steps of the attempt that `change` is a step of, from that step on.
    ///
    /// # Complexity
    /// As [`change_steps`](Self::change_steps), and `O(S log S)` for the S steps of the change.
    pub fn attempt_steps(&self, change: &ChangeEvent) -> Vec<&ChangeEvent> {
        self.attempts_around(change).into_steps()
    }

    /// The attempt that a step is of, and the others of its change. A step that is not held belongs to the attempt that was
    /// going on, else to the next one.
    pub(super) fn attempts_around(&self, change: &ChangeEvent) -> Attempts<'_> {
        let steps = self.change_steps(&change.id);
        let own = steps.filter(|step| step.service == change.service);
        let mut before = Attempt::all(own);
        let begun = before.partition_point(|attempt| attempt.start().at <= change.at);
        let after = before.split_off(begun.max(1).min(before.len()));
        let own = before.pop();
        let steps = own.iter().flat_map(Attempt::steps);
        let steps = steps.filter(|step| step.at >= change.at).collect();
        Attempts {
            before,
            steps,
            after,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(secs: i64, phase: ChangePhase, to: &str) -> ChangeEvent {
        let (at, cart) = (Timestamp::from_secs(secs), NodeKey::service("cart"));
        ChangeEvent::new("cart@2", at, cart, Some("v1".into()), to.into()).reached(phase, vec![])
    }

    /// Times of the steps of each attempt.
    fn times(steps: &[ChangeEvent]) -> Vec<Vec<i64>> {
        let secs = |step: &ChangeEvent| step.at.nanos() / 1_000_000_000;
        let attempts = Attempt::all(steps.iter().rev());
        let of = |attempt: &Attempt<'_>| attempt.steps().map(secs).collect();
        attempts.iter().map(of).collect()
    }

    #[test]
    fn an_attempt_ends_with_its_rollback_or_with_another_target() {
        use ChangePhase::{Completed, Progressed, RolledBack, Started};
        let steps = [
            step(1, Started, "v2"),
            step(2, Progressed, "v2"),
            step(3, RolledBack, "v2"),
            // Instance after instance.
            step(4, RolledBack, "v1"),
            step(5, Started, "v2"),
            step(6, Completed, "v2"),
            step(7, Started, "v3"),
        ];
        assert_eq!(times(&steps), [vec![1, 2, 3, 4], vec![5, 6], vec![7]]);
        let attempts = Attempt::all(&steps);
        assert_eq!(
            attempts
                .iter()
                .map(|a| a.target().as_str())
                .collect::<Vec<_>>(),
            ["v2", "v2", "v3"]
        );
        assert_eq!(
            attempts
                .iter()
                .map(Attempt::is_rolled_back)
                .collect::<Vec<_>>(),
            [true, false, false]
        );
        assert_eq!(Attempt::last_of_each(&steps), attempts[2..]);
    }

    #[test]
    fn another_service_or_id_is_another_change() {
        let cart = step(1, ChangePhase::Started, "v2");
        let mut pay = step(2, ChangePhase::RolledBack, "v2");
        pay.service = NodeKey::service("pay");
        let mut next = step(3, ChangePhase::Started, "v3");
        next.id = "cart@3".into();
        let all = [next, pay, cart];
        assert_eq!(times(&all), [[1], [2], [3]]);
        assert_eq!(Attempt::last_of_each(&all).len(), 3);
    }
}
