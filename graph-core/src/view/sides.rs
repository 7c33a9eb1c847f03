//! Who is old and who is new of a change, step by step.

use std::collections::BTreeMap;

use crate::error::GraphError;
use crate::graph::TemporalGraph;
use crate::key::NodeKey;
use crate::name::Revision;
use crate::record::{ChangeEvent, ChangePhase};
use crate::time::{TimeRange, Timestamp};

use super::attempts::Attempt;

/// The side of a change on which something is in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeSide {
    /// It runs what was there before the change.
    Old,
    /// It runs what the change brought.
    New,
    /// It switched in this step, or the change was undone on it.
    Neither,
}

/// Where the two that ask who is new draw the line differently.
///
/// | | [`Judge`](Self::Judge) | [`Blame`](Self::Blame) |
/// |---|---|---|
/// | steps that count | all of the id | those of the [attempt](super::Attempt) that the change begins, at its service |
/// | what runs another attempt of the change | is old or new by all steps of the id | is on neither side meanwhile |
/// | the time around a switch | is on neither side for the length of a step before and after it | is on neither side in the step that holds the switch, unless that begins with it: then it is new |
/// | an instance that no step of the change names | is new throughout if it runs the new revision now | is new in the steps in which it ran the new revision |
/// | an instance that is rolled back | is no longer new; what it was before the switch stays old, and a rollback without a switch does not count | is on neither side from then on |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SideRule {
    /// Of a judge of releases that sums the calls and latencies of whole ranges.
    Judge,
    /// Of the blame of a change, and of a judge of releases that compares step by step.
    Blame,
}

/// When the change reached an instance, and when it was undone there: the first of either.
#[derive(Debug, Clone, Copy, Default)]
struct Switch {
    from: Option<Timestamp>,
    back: Option<Timestamp>,
}

type Switches<'a> = BTreeMap<&'a NodeKey, Switch>;

fn switches<'a>(steps: impl IntoIterator<Item = &'a ChangeEvent>) -> Switches<'a> {
    let mut switches = Switches::new();
    for step in steps {
        for instance in &step.instances {
            let switch = switches.entry(instance).or_default();
            let first = if step.phase == ChangePhase::RolledBack {
                &mut switch.back
            } else {
                &mut switch.from
            };
            first.get_or_insert(step.at);
        }
    }
    switches
}

/// Another attempt of the same change, as far as it disturbs this one.
#[derive(Debug, Clone)]
struct OtherAttempt<'a> {
    target: &'a Revision,
    switches: Switches<'a>,
    /// When it was under way, or its outcome in place.
    span: TimeRange,
    /// When what runs its target runs it by this attempt.
    runs: TimeRange,
}

impl<'a> OtherAttempt<'a> {
    /// One before the change. The revision that the change comes from was left in place by an attempt that succeeded.
    fn before(change: &ChangeEvent, attempt: &Attempt<'a>, next: Timestamp) -> Option<Self> {
        let target = attempt.target();
        let is_failed = attempt.is_rolled_back() || change.from.is_some();
        if change.from.as_ref() == Some(target) || !is_failed {
            return None;
        }
        let start = attempt.start().at;
        let end = if attempt.is_rolled_back() {
            attempt.end().at
        } else {
            next
        };
        let runs = if *target == change.to {
            let end = change.at;
            TimeRange { start, end }
        } else {
            ALWAYS
        };
        Some(Self {
            target,
            switches: switches(attempt.steps()),
            span: TimeRange { start, end },
            runs,
        })
    }

    fn after(attempt: &Attempt<'a>) -> Self {
        let since = TimeRange {
            start: attempt.start().at,
            end: Timestamp::MAX,
        };
        Self {
            target: attempt.target(),
            switches: switches(attempt.steps()),
            span: since,
            runs: since,
        }
    }

    /// When an instance ran this attempt.
    fn of_instance(&self, graph: &TemporalGraph, instance: &NodeKey) -> Vec<TimeRange> {
        let switch = self.switches.get(instance).copied().unwrap_or_default();
        if let Some(start) = switch.from {
            let end = switch.back.unwrap_or(self.span.end);
            return vec![TimeRange { start, end }];
        }
        let runs = graph.revisions(instance).into_iter();
        let runs = runs.filter(|(revision, _)| *revision == self.target);
        let runs = runs.map(|(_, run)| TimeRange {
            start: run.start.max(self.runs.start),
            end: run.end.min(self.runs.end),
        });
        runs.filter(|run| !run.is_empty()).collect()
    }
}

/// Who is old and who is new of one change; made by [`TemporalGraph::sides`].
#[derive(Debug, Clone)]
pub struct Sides<'a> {
    graph: &'a TemporalGraph,
    change: &'a ChangeEvent,
    rule: SideRule,
    switches: Switches<'a>,
    others: Vec<OtherAttempt<'a>>,
}

/// The sides of one instance, revision or service over time; made by [`Sides`].
#[derive(Debug, Clone)]
pub struct SideOverTime<'a> {
    graph: &'a TemporalGraph,
    rule: SideRule,
    switch: Switch,
    /// When it ran another attempt.
    elsewhere: Vec<TimeRange>,
    /// Where no step of the change states it: the times in which it is new.
    new: Vec<TimeRange>,
}

const ALWAYS: TimeRange = TimeRange {
    start: Timestamp::MIN,
    end: Timestamp::MAX,
};

impl TemporalGraph {
    /// Who is old and who is new of a change, where `change` is the first step that counts.
    ///
    /// An instance is old before the step of the change that names it and new after; around the switch it
    /// is on neither side. An instance that no step of the change names is judged by the revision that it
    /// runs. The [`SideRule`] says where judge and blame differ.
    ///
    /// # Complexity
    /// That of [`change_steps`](Self::change_steps), and `O(S log I)` for the S steps of the change and the I instances that they name.
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::view::{ChangeSide, SideRule};
    /// use astern_graph_core::{ChangeEvent, ChangePhase, GraphBuilder, GraphParams, NodeKey, TimeRange, Timestamp};
    ///
    /// let (cart, pod) = (NodeKey::service("cart"), NodeKey::instance("cart-0"));
    /// let minute = |minute: i64| Timestamp::from_secs(60 * minute);
    /// let change = ChangeEvent::new("cart@2", minute(10), cart, Some("v1".into()), "v2".into())
    ///     .reached(ChangePhase::Started, vec![pod.clone()]);
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// builder.extend([change.clone().into()]);
    ///
    /// let graph = builder.build();
    /// let of_pod = graph.sides(&change, SideRule::Judge).instance(&pod);
    /// let range = TimeRange::new(minute(0), minute(20))?;
    /// let parts = |side| of_pod.parts(range, side);
    /// assert_eq!(parts(ChangeSide::Old)?, [TimeRange::new(minute(0), minute(10))?]);
    /// assert_eq!(parts(ChangeSide::New)?, [TimeRange::new(minute(11), minute(20))?]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sides<'a>(&'a self, change: &'a ChangeEvent, rule: SideRule) -> Sides<'a> {
        let (switches, others) = match rule {
            SideRule::Judge => (switches(self.change_steps(&change.id)), Vec::new()),
            SideRule::Blame => {
                let attempts = self.attempts_around(change);
                let starts = attempts.before().iter().skip(1).map(|a| a.start().at);
                let next = starts.chain([change.at]);
                let before = attempts.before().iter().zip(next);
                let before = before.filter_map(|(a, next)| OtherAttempt::before(change, a, next));
                let after = attempts.after().iter().map(OtherAttempt::after);
                let others = before.chain(after).collect();
                (switches(attempts.into_steps()), others)
            }
        };
        Sides {
            graph: self,
            change,
            rule,
            switches,
            others,
        }
    }
}

impl<'a> Sides<'a> {
    /// The sides of an instance of the service.
    pub fn instance(&self, instance: &NodeKey) -> SideOverTime<'a> {
        let mut switch = self.switches.get(instance).copied().unwrap_or_default();
        let new = match (switch.from, self.rule) {
            (Some(_), _) => Vec::new(),
            (None, SideRule::Judge) => {
                switch.back = None;
                let is_new = self.graph.revision(instance) == Some(&self.change.to);
                is_new.then_some(ALWAYS).into_iter().collect()
            }
            (None, SideRule::Blame) => {
                let runs = self.graph.revisions(instance).into_iter();
                let new = runs.filter(|(revision, _)| **revision == self.change.to);
                new.map(|(_, run)| run).collect()
            }
        };
        let others = self.others.iter();
        let elsewhere = others.flat_map(|other| other.of_instance(self.graph, instance));
        self.over_time(switch, new, elsewhere.collect())
    }

    /// The side of the calls to one revision: new for the one that the change leads to.
    pub fn revision(&self, name: &str) -> SideOverTime<'a> {
        let is_new = name == self.change.to.as_str();
        let new = is_new.then_some(ALWAYS).into_iter().collect();
        let others = self.others.iter();
        let named = others.filter(|other| other.target.as_str() == name);
        let elsewhere = named.map(|other| other.runs).collect();
        self.over_time(Switch::default(), new, elsewhere)
    }

    /// The sides of the service as a whole: old before the change and new since.
    pub fn service(&self) -> SideOverTime<'a> {
        let switch = Switch {
            from: Some(self.change.at),
            back: None,
        };
        let elsewhere = self.others.iter().map(|other| other.span).collect();
        self.over_time(switch, Vec::new(), elsewhere)
    }

    fn over_time(
        &self,
        switch: Switch,
        new: Vec<TimeRange>,
        elsewhere: Vec<TimeRange>,
    ) -> SideOverTime<'a> {
        SideOverTime {
            graph: self.graph,
            rule: self.rule,
            switch,
            elsewhere,
            new,
        }
    }
}

impl SideOverTime<'_> {
    /// The side in one step of the graph, or in a part of one.
    pub fn in_step(&self, step: TimeRange) -> ChangeSide {
        let overlaps = |other: &TimeRange| step.start < other.end && step.end > other.start;
        if self.elsewhere.iter().any(overlaps) {
            return ChangeSide::Neither;
        }
        let Some(at) = self.switch.from else {
            let is_new = self.new.iter().any(|run| run.contains(step.start));
            return match (is_new, self.is_undone(step)) {
                (_, true) => ChangeSide::Neither,
                (true, false) => ChangeSide::New,
                (false, false) => ChangeSide::Old,
            };
        };
        match self.rule {
            SideRule::Judge => self.by_distance(at, step),
            SideRule::Blame if self.is_undone(step) => ChangeSide::Neither,
            SideRule::Blame if step.end <= at => ChangeSide::Old,
            SideRule::Blame if step.start >= at => ChangeSide::New,
            SideRule::Blame => ChangeSide::Neither,
        }
    }

    fn is_undone(&self, step: TimeRange) -> bool {
        self.switch.back.is_some_and(|at| step.end > at)
    }

    /// Old where the time begins a step's length or more before the switch; new where it ends as much after
    /// it, and what of it is new begins as much before the rollback.
    fn by_distance(&self, at: Timestamp, time: TimeRange) -> ChangeSide {
        let length = self.graph.step();
        if time.start <= at.minus(length) {
            return ChangeSide::Old;
        }
        let new_from = at.plus(length);
        let first = time.start.max(new_from);
        let is_back = self
            .switch
            .back
            .is_some_and(|back| first > back.minus(length));
        if time.end > new_from && !is_back {
            ChangeSide::New
        } else {
            ChangeSide::Neither
        }
    }

    /// The parts of a range, in whole steps, that are on this side. Of a step that lies in the range in
    /// part, that part counts.
    ///
    /// # Errors
    /// [`GraphError::EmptyRange`] and [`GraphError::TooLong`], as for a window.
    pub fn parts(&self, range: TimeRange, side: ChangeSide) -> Result<Vec<TimeRange>, GraphError> {
        let (first, count) = self.graph.checked_steps(range)?;
        let on_side = |step: i64| {
            let step = self.graph.range_of_step(step);
            let inside = TimeRange {
                start: step.start.max(range.start),
                end: step.end.min(range.end),
            };
            self.in_step(inside) == side
        };
        Ok(self.graph.runs_of_steps(first, count, on_side))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::builder::GraphBuilder;
    use crate::params::GraphParams;
    use crate::record::{Call, Party};
    use ChangeSide::{Neither, New, Old};
    use proptest::prelude::*;

    const STEP: i64 = 60;
    const STEPS: i64 = 20;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn step(i: i64) -> TimeRange {
        TimeRange::new(at(STEP * i), at(STEP * (i + 1))).unwrap()
    }

    fn pod() -> NodeKey {
        NodeKey::instance("cart-0")
    }

    /// A step of the change that names the instance.
    fn reached(secs: i64, phase: ChangePhase) -> ChangeEvent {
        let cart = NodeKey::service("cart");
        ChangeEvent::new("cart@2", at(secs), cart, Some("v1".into()), "v2".into())
            .reached(phase, vec![pod()])
    }

    /// Of calls to the instance in the steps in which it ran each revision.
    fn graph(changes: &[ChangeEvent], ran: &[(i64, &str)]) -> TemporalGraph {
        let params = GraphParams::default().step(Duration::from_secs(60));
        let mut builder = GraphBuilder::new(params).unwrap();
        builder.extend(changes.iter().cloned().map(Into::into));
        let call = |(i, revision): &(i64, &str)| {
            let callee = Party::new(NodeKey::service("cart")).on(pod(), (*revision).into());
            Call::new(at(STEP * i), callee).into()
        };
        builder.extend(ran.iter().map(call));
        builder.build()
    }

    fn sides_of(
        changes: &[ChangeEvent],
        ran: &[(i64, &str)],
        rule: SideRule,
        steps: std::ops::Range<i64>,
    ) -> Vec<ChangeSide> {
        let graph = graph(changes, ran);
        let start = reached(120, ChangePhase::Started);
        let of_pod = graph.sides(&start, rule).instance(&pod());
        steps.map(|i| of_pod.in_step(step(i))).collect()
    }

    #[test]
    fn the_step_of_a_switch_is_on_neither_side_unless_it_begins_with_it() {
        let within = [reached(130, ChangePhase::Started)];
        for rule in [SideRule::Judge, SideRule::Blame] {
            assert_eq!(sides_of(&within, &[], rule, 1..4), [Old, Neither, New]);
        }
        let with = [reached(120, ChangePhase::Started)];
        let sides = |rule| sides_of(&with, &[], rule, 1..4);
        assert_eq!(sides(SideRule::Judge), [Old, Neither, New]);
        assert_eq!(sides(SideRule::Blame), [Old, New, New]);
    }

    #[test]
    fn an_earlier_attempt_counts_for_the_judge_alone() {
        let earlier = [
            reached(30, ChangePhase::Started),
            reached(130, ChangePhase::Started),
        ];
        let sides = |rule| sides_of(&earlier, &[], rule, 0..4);
        assert_eq!(sides(SideRule::Judge), [Neither, New, New, New]);
        assert_eq!(sides(SideRule::Blame), [Old, Old, Neither, New]);
    }

    #[test]
    fn an_instance_that_no_step_names_goes_by_what_it_runs() {
        let ran = [(0, "v1"), (2, "v2"), (3, "v1")];
        let sides = |rule, ran: &[(i64, &str)]| sides_of(&[], ran, rule, 0..4);
        assert_eq!(sides(SideRule::Judge, &ran), [Old; 4]);
        assert_eq!(sides(SideRule::Judge, &ran[..2]), [New; 4]);
        assert_eq!(sides(SideRule::Blame, &ran), [Old, Old, New, Old]);
    }

    #[test]
    fn what_is_rolled_back_is_no_longer_new() {
        let undone = [
            reached(120, ChangePhase::Started),
            reached(250, ChangePhase::RolledBack),
        ];
        for rule in [SideRule::Judge, SideRule::Blame] {
            assert_eq!(sides_of(&undone, &[], rule, 3..6), [New, Neither, Neither]);
        }
        // One that was never seen to be reached.
        let sides = |rule| sides_of(&undone[1..], &[], rule, 3..6);
        assert_eq!(sides(SideRule::Judge), [Old; 3]);
        assert_eq!(sides(SideRule::Blame), [Old, Neither, Neither]);
    }

    #[test]
    fn revisions_are_on_one_side_and_the_service_switches_with_the_change() {
        let change = reached(130, ChangePhase::Started);
        let graph = graph(&[], &[]);
        let sides = graph.sides(&change, SideRule::Blame);
        let of = |side: SideOverTime<'_>| [1, 2, 3].map(|i| side.in_step(step(i)));
        assert_eq!(of(sides.revision("v2")), [New; 3]);
        assert_eq!(of(sides.revision("v1")), [Old; 3]);
        assert_eq!(of(sides.service()), [Old, Neither, New]);
    }

    /// Of the first attempt, which is rolled back in step 4, and of the second, from step 10 on.
    fn attempts() -> [ChangeEvent; 3] {
        let second = reached(600, ChangePhase::Started);
        [
            reached(120, ChangePhase::Started),
            reached(240, ChangePhase::RolledBack),
            second,
        ]
    }

    fn by_blame(side: &SideOverTime<'_>, steps: [i64; 5]) -> [ChangeSide; 5] {
        steps.map(|i| side.in_step(step(i)))
    }

    #[test]
    fn attempts_share_no_instance() {
        let [first, back, mut second] = attempts();
        second.instances.push(NodeKey::instance("cart-1"));
        let graph = graph(&[first.clone(), back, second.clone()], &[]);
        let sides = |change: &ChangeEvent, name: &str| {
            let sides = graph.sides(change, SideRule::Blame);
            by_blame(&sides.instance(&NodeKey::instance(name)), [1, 3, 5, 9, 10])
        };
        assert_eq!(sides(&second, "cart-0"), [Old, Neither, Old, Old, New]);
        assert_eq!(sides(&second, "cart-1"), [Old, Old, Old, Old, New]);
        assert_eq!(
            sides(&first, "cart-0"),
            [Old, New, Neither, Neither, Neither]
        );
        assert_eq!(sides(&first, "cart-1"), [Old, Old, Old, Old, Neither]);
        let whole = |change: &ChangeEvent| {
            let sides = graph.sides(change, SideRule::Blame);
            by_blame(&sides.service(), [1, 3, 5, 9, 10])
        };
        assert_eq!(whole(&second), [Old, Neither, Old, Old, New]);
        assert_eq!(whole(&first), [Old, New, New, New, Neither]);
    }

    #[test]
    fn attempts_share_no_calls_of_what_no_step_names() {
        let mut unnamed = attempts();
        for step in &mut unnamed {
            step.instances.clear();
        }
        let ran = [(0, "v1"), (3, "v2"), (5, "v1"), (10, "v2")];
        let sides = |changes: &[ChangeEvent], of: usize| {
            let graph = graph(changes, &ran);
            let sides = graph.sides(&changes[of], SideRule::Blame);
            let of_pod = by_blame(&sides.instance(&pod()), [1, 3, 5, 9, 10]);
            (of_pod, by_blame(&sides.revision("v2"), [1, 3, 5, 9, 10]))
        };
        let (of_pod, of_calls) = sides(&unnamed, 2);
        assert_eq!(of_pod, [Old, Neither, Old, Old, New]);
        assert_eq!(of_calls, [New, Neither, Neither, Neither, New]);
        let (of_pod, of_calls) = sides(&unnamed, 0);
        assert_eq!(of_pod, [Old, New, Old, Old, Neither]);
        assert_eq!(of_calls, [New, New, New, New, Neither]);
        // Where the second leads elsewhere, what the first brought is on neither side at all.
        unnamed[2].to = "v3".into();
        let (of_pod, of_calls) = sides(&unnamed, 2);
        assert_eq!(of_pod, [Old, Neither, Old, Old, Neither]);
        assert_eq!(of_calls, [Neither; 5]);
        // One that succeeded left the old side of the next.
        unnamed[1].phase = ChangePhase::Completed;
        unnamed[2].from = Some("v2".into());
        let (of_pod, of_calls) = sides(&unnamed, 2);
        assert_eq!((of_pod, of_calls), ([Old; 5], [Old; 5]));
    }

    fn changes() -> impl Strategy<Value = Vec<ChangeEvent>> {
        let step = (0..STEP * STEPS, any::<bool>()).prop_map(|(secs, back)| {
            let phase = if back {
                ChangePhase::RolledBack
            } else {
                ChangePhase::Progressed
            };
            reached(secs / 30 * 30, phase)
        });
        prop::collection::vec(step, 0..5)
    }

    proptest! {
        #[test]
        fn parts_are_of_the_steps_that_are_on_a_side(
            changes in changes(), from in 0..STEP * STEPS, length in 1..STEP * STEPS,
        ) {
            let graph = graph(&changes, &[(0, "v1")]);
            let start = reached(120, ChangePhase::Started);
            let range = TimeRange::new(at(from), at(from + length)).unwrap();
            for rule in [SideRule::Judge, SideRule::Blame] {
                let of_pod = graph.sides(&start, rule).instance(&pod());
                let parts = [Old, New, Neither].map(|side| of_pod.parts(range, side).unwrap());
                for i in 0..2 * STEPS {
                    let holds = |part: &TimeRange| part.contains(step(i).start);
                    let found = parts.iter().filter(|parts| parts.iter().any(holds)).count();
                    let is_touched = step(i).start < range.end && step(i).end > range.start;
                    prop_assert_eq!(found, usize::from(is_touched));
                }
            }
        }

        #[test]
        fn the_parts_of_the_judge_are_ranges_a_step_away_from_the_switches(
            changes in changes(), from in 0..STEP * STEPS, length in 1..STEP * STEPS,
        ) {
            let graph = graph(&changes, &[(0, "v1")]);
            let start = reached(120, ChangePhase::Started);
            let range = TimeRange::new(at(from), at(from + length)).unwrap();
            let of_pod = graph.sides(&start, SideRule::Judge).instance(&pod());
            let switch = |back: bool| {
                let mut steps = graph.change_steps(&start.id);
                let is_back = |step: &&ChangeEvent| step.phase == ChangePhase::RolledBack;
                steps.find(|step| is_back(step) == back).map(|step| step.at)
            };
            let until = |at: Timestamp| Timestamp::from_nanos(at.minus(graph.step()).nanos() + 1);
            let (old, new) = match switch(false) {
                Some(at) => {
                    let end = switch(true).map_or(range.end, |back| until(back).min(range.end));
                    let from = at.plus(graph.step()).max(range.start);
                    let old = TimeRange::new(range.start, until(at).min(range.end)).ok();
                    (old, TimeRange::new(from, end).ok())
                }
                None => (Some(range), None),
            };
            for (side, part) in [(Old, old), (New, new)] {
                let found = of_pod.parts(range, side).unwrap();
                let steps = part.map(|part| {
                    let (first, end) = graph.steps_of(part).unwrap();
                    let [start, end] = [first, end].map(|step| graph.params.start_of(step));
                    TimeRange { start, end }
                });
                prop_assert_eq!(found, Vec::from_iter(steps));
            }
        }
    }

    #[test]
    fn a_range_without_an_instant_or_too_long_is_a_typed_error() {
        let (graph, change) = (graph(&[], &[]), reached(120, ChangePhase::Started));
        let of_pod = graph.sides(&change, SideRule::Judge).instance(&pod());
        let empty = TimeRange {
            start: at(60),
            end: at(60),
        };
        let refused = of_pod.parts(empty, Old);
        assert!(matches!(refused, Err(GraphError::EmptyRange { .. })));
        let refused = of_pod.parts(ALWAYS, Old);
        assert!(matches!(refused, Err(GraphError::TooLong { .. })));
    }
}
