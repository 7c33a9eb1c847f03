//! The attempts of a change at a service, put together from its steps.

use std::collections::BTreeMap;

use crate::graph::TemporalGraph;
use crate::key::NodeKey;
use crate::name::{ChangeId, Revision};
use crate::record::{Artefact, ChangeEvent, ChangePhase};
use crate::store::change_order;
use crate::time::{TimeRange, Timestamp};

/// One attempt of a change at one service: its steps from the first up to its rollback, or to the next attempt.
///
/// A change is known by its service, its id and [what it changes](crate::ChangeKind::artefact). After a rollback another attempt under the same
/// id begins when one is [started](ChangePhase::Started); any other step then is late, or of the rollback itself,
/// and says nothing. Without a rollback another attempt begins with a step that leads to another revision, but
/// for a late step of an earlier attempt. What one attempt did says nothing about another one.
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
    /// All attempts in steps of changes, which may come in any order; by change, service, what is changed, and time.
    ///
    /// # Complexity
    /// `O(S (log S + A))` for S steps and A attempts of a change.
    pub fn all(steps: impl IntoIterator<Item = &'a ChangeEvent>) -> Vec<Self> {
        let mut of_changes: BTreeMap<_, Vec<&ChangeEvent>> = BTreeMap::new();
        for step in steps {
            of_changes.entry(change_of(step)).or_default().push(step);
        }
        let in_order = |mut steps: Vec<&'a ChangeEvent>| {
            steps.sort_by(|a, b| change_order(a, b));
            Self::of_change(steps)
        };
        of_changes.into_values().flat_map(in_order).collect()
    }

    /// Those in the steps of one change, in order.
    fn of_change(steps: Vec<&'a ChangeEvent>) -> Vec<Self> {
        let mut attempts: Vec<Self> = Vec::new();
        for step in steps {
            let going_on = match attempts.last() {
                Some(last) if last.goes_on_with(step) => Some(attempts.len() - 1),
                _ if step.phase == ChangePhase::Started => None,
                Some(last) if last.is_rolled_back() => continue,
                _ => attempts.iter().rposition(|a| *a.target() == step.to),
            };
            match going_on.and_then(|place| attempts.get_mut(place)) {
                // Late: that attempt is over.
                Some(attempt) if attempt.is_rolled_back() && !is_back(step) => {}
                Some(attempt) => attempt.others.push(step),
                None => attempts.push(Self {
                    first: step,
                    others: Vec::new(),
                }),
            }
        }
        attempts
    }

    /// The last attempt of each change at each service, by change, service and what is changed.
    ///
    /// # Complexity
    /// As [`all`](Self::all).
    pub fn last_of_each(steps: impl IntoIterator<Item = &'a ChangeEvent>) -> Vec<Self> {
        let mut last: Vec<Self> = Vec::new();
        for attempt in Self::all(steps) {
            match last.last_mut() {
                Some(before) if change_of(before.first) == change_of(attempt.first) => {
                    *before = attempt;
                }
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

    fn goes_on_with(&self, step: &ChangeEvent) -> bool {
        is_back(step) || !self.is_rolled_back() && *self.target() == step.to
    }
}

/// What the change of a step is known by.
fn change_of(step: &ChangeEvent) -> (&ChangeId, &NodeKey, Artefact) {
    (&step.id, &step.service, step.kind.artefact())
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
    /// The last attempt of each change at each service, of the steps before `end`; by change, service and what is changed.
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
    /// As [`change_steps`](Self::change_steps), and `O(S log S)` for the S steps of the change at the service.
    pub fn attempt_steps(&self, change: &ChangeEvent) -> Vec<&ChangeEvent> {
        self.attempts_around(change).into_steps()
    }

    /// The attempt that a step is of, and the others of its change. A step that is not held belongs to the attempt that was
    /// going on, else to the next one.
    pub(super) fn attempts_around(&self, change: &ChangeEvent) -> Attempts<'_> {
        let steps = self.change_steps_at(&change.id, &change.service);
        let own = steps.filter(|step| change_of(step) == change_of(change));
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
    use crate::{ChangeKind, GraphBuilder, GraphParams};

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
    fn what_follows_a_rollback_and_starts_nothing_is_no_attempt() {
        use ChangePhase::{Completed, Progressed, RolledBack, Started};
        let steps = [
            step(1, Started, "v2"),
            step(2, RolledBack, "v2"),
            // Late, and the end of the rollback as a controller states it.
            step(3, Progressed, "v2"),
            step(4, Completed, "v1"),
            step(5, RolledBack, "v1"),
            step(6, Completed, "v2"),
        ];
        assert_eq!(times(&steps), [[1, 2, 5]]);
        let attempts = Attempt::last_of_each(&steps);
        assert!(attempts[0].is_rolled_back());
        assert_eq!(attempts[0].target().as_str(), "v2");
        let again = step(7, Started, "v2");
        let steps = [&steps[..], &[again]].concat();
        assert_eq!(times(&steps), [vec![1, 2, 5], vec![7]]);
    }

    #[test]
    fn a_late_step_belongs_to_the_attempt_with_its_target() {
        use ChangePhase::{Completed, Progressed, Started};
        let steps = [
            step(1, Started, "v2"),
            step(2, Started, "v3"),
            step(3, Progressed, "v2"),
            step(4, Progressed, "v3"),
            step(5, Completed, "v2"),
        ];
        assert_eq!(times(&steps), [vec![1, 3, 5], vec![2, 4]]);
    }

    #[test]
    fn a_flag_and_an_image_under_one_id_are_attempts_of_their_own() {
        use ChangePhase::{Progressed, Started};
        let flag = |secs, phase| {
            let flag = "new-cart".into();
            step(secs, phase, "on").by(ChangeKind::FeatureFlag { flag })
        };
        let steps = [
            step(1, Started, "v2"),
            flag(2, Started),
            step(3, Progressed, "v2").by(ChangeKind::Canary),
            flag(4, Progressed),
            step(5, Progressed, "v2"),
        ];
        assert_eq!(times(&steps), [vec![1, 3, 5], vec![2, 4]]);
        assert_eq!(Attempt::last_of_each(&steps).len(), 2);
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        builder.extend(steps.iter().cloned().map(Into::into));
        let graph = builder.build();
        assert_eq!(graph.attempt_steps(&steps[0]).len(), 3);
        assert_eq!(graph.attempt_steps(&steps[1]).len(), 2);
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
