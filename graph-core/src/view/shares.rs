//! The share of traffic that a change has over time.

use crate::graph::TemporalGraph;
use crate::record::{ChangeEvent, ChangePhase, Schedule};
use crate::share::TrafficShare;
use crate::time::Timestamp;

use super::attempts::Attempt;

/// What the steps of one attempt state, which are in order.
fn over_time<'a>(
    steps: impl IntoIterator<Item = &'a ChangeEvent>,
) -> Vec<(Timestamp, TrafficShare)> {
    let mut shares: Vec<(Timestamp, TrafficShare)> = Vec::new();
    for step in steps {
        let is_over = is_over(step.phase);
        if is_over || step.schedule.is_some() {
            shares.retain(|(at, _)| *at <= step.at);
        }
        let planned = step.schedule.iter().filter(|_| !is_over);
        let planned = planned.flat_map(Schedule::stages);
        shares.extend(planned.map(|stage| (stage.at, stage.share)));
        shares.extend(step.share.map(|share| (step.at, share)));
        // Stable: what comes from a later step stands behind.
        shares.sort_by_key(|(at, _)| *at);
    }
    shares
}

fn is_over(phase: ChangePhase) -> bool {
    matches!(phase, ChangePhase::Completed | ChangePhase::RolledBack)
}

impl Attempt<'_> {
    /// The shares of traffic that it has by what its steps state, each from a time on, in order.
    ///
    /// A share that a step states counts from that step on, one that is scheduled from its own time on, whichever is the
    /// later; at the same time the step counts. What was scheduled ends with a newer schedule and with the end of the change.
    pub fn shares(&self) -> Vec<(Timestamp, TrafficShare)> {
        over_time(self.steps())
    }

    /// Since when it is no longer open, as its steps have it at `at`, which is not before the newest of them; `None` while it
    /// is.
    ///
    /// It is open while it is neither completed nor rolled back, and either a stage of its schedule is still to come, or it has
    /// some of the traffic and not all: a canary that waits for a person. After that it is closed since its newest step, or
    /// since the last stage of its schedule where that is later. One that states neither shares nor a schedule is never open, since
    /// nothing says that more is to come.
    ///
    /// ```
    /// use astern_graph_core::view::Attempt;
    /// use astern_graph_core::{ChangeEvent, ChangePhase, NodeKey, Timestamp, TrafficShare};
    ///
    /// let at = Timestamp::from_secs;
    /// let cart = NodeKey::service("cart");
    /// let canary = ChangeEvent::new("cart@2", at(60), cart, None, "v2".into());
    /// let canary = canary.carrying(TrafficShare::percent(10)?);
    /// let mut done = canary.clone().reached(ChangePhase::Completed, vec![]);
    /// done.at = at(7_200);
    /// let attempts = Attempt::all([&canary]);
    /// assert_eq!(attempts[0].closed_since(at(7_000)), None);
    /// let attempts = Attempt::all([&canary, &done]);
    /// assert_eq!(attempts[0].closed_since(at(9_000)), Some(at(7_200)));
    /// # Ok::<(), astern_stats::ParamError>(())
    /// ```
    pub fn closed_since(&self, at: Timestamp) -> Option<Timestamp> {
        let last = self.end();
        let shares = self.shares();
        let (stated, to_come) = shares.split_at(shares.partition_point(|(from, _)| *from <= at));
        let newest = stated.last();
        let is_part = |share| TrafficShare::ZERO < share && share < TrafficShare::FULL;
        let is_partial = newest.is_some_and(|(_, share)| is_part(*share));
        if !is_over(last.phase) && (is_partial || !to_come.is_empty()) {
            return None;
        }
        Some(newest.map_or(last.at, |(from, _)| last.at.max(*from)))
    }
}

impl TemporalGraph {
    /// The [shares](Attempt::shares) of the attempt that `change` is a step of, by what is stated from that step on.
    ///
    /// # Complexity
    /// As [`attempt_steps`](Self::attempt_steps).
    pub fn attempt_shares(&self, change: &ChangeEvent) -> Vec<(Timestamp, TrafficShare)> {
        over_time(self.attempt_steps(change))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::NodeKey;
    use crate::record::PlannedShare;
    use ChangePhase::{Completed, Progressed, RolledBack, Started};

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_secs(60 * minute)
    }

    fn percent(percent: u8) -> TrafficShare {
        TrafficShare::percent(percent).unwrap()
    }

    fn step(minute: i64, phase: ChangePhase) -> ChangeEvent {
        let cart = NodeKey::service("cart");
        ChangeEvent::new("cart@2", at(minute), cart, None, "v2".into()).reached(phase, vec![])
    }

    fn schedule(stages: &[(i64, u8)]) -> Schedule {
        let stage = |(minute, share): &(i64, u8)| PlannedShare::new(at(*minute), percent(*share));
        Schedule::new(stages.iter().map(stage).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn scheduled_shares_count_until_a_step_states_another_one() {
        let shares = |steps: &[ChangeEvent]| {
            let shares = Attempt::all(steps)[0].shares().into_iter();
            let minutes = |at: Timestamp| at.nanos() / 60_000_000_000;
            let shares = shares.map(|(at, share)| (minutes(at), share.as_basis_points() / 100));
            shares.collect::<Vec<_>>()
        };
        let planned = step(10, Started).scheduled(schedule(&[(10, 5), (20, 25), (30, 50)]));
        let as_planned = [(10, 5), (20, 25), (30, 50)];
        assert_eq!(shares(std::slice::from_ref(&planned)), as_planned);
        assert_eq!(shares(&[step(10, Started)]), []);
        let slower = step(20, Progressed).carrying(percent(10));
        let stated = [(10, 5), (20, 25), (20, 10), (30, 50)];
        assert_eq!(shares(&[planned.clone(), slower]), stated);
        let later = step(25, Progressed).scheduled(schedule(&[(60, 50)]));
        let moved = [(10, 5), (20, 25), (60, 50)];
        assert_eq!(shares(&[planned.clone(), later]), moved);
        let done = step(25, Completed).carrying(TrafficShare::FULL);
        let ended = [(10, 5), (20, 25), (25, 100)];
        assert_eq!(shares(&[planned, done]), ended);
    }

    /// The minute since which the attempt of the steps is closed at another one.
    fn closed(steps: &[ChangeEvent], minute: i64) -> Option<i64> {
        let since = Attempt::all(steps)[0].closed_since(at(minute));
        since.map(|since| since.nanos() / 60_000_000_000)
    }

    #[test]
    fn a_change_with_a_part_of_the_traffic_is_open_until_it_ends() {
        let canary = step(10, Started).carrying(percent(10));
        let closed = |next: Option<ChangeEvent>, minute| {
            let steps: Vec<ChangeEvent> = [canary.clone()].into_iter().chain(next).collect();
            closed(&steps, minute)
        };
        assert_eq!(closed(None, 10), None);
        assert_eq!(closed(None, 10_000), None);
        assert_eq!(closed(Some(step(20, Progressed)), 10_000), None);
        assert_eq!(closed(Some(step(20, Completed)), 10_000), Some(20));
        assert_eq!(closed(Some(step(20, RolledBack)), 10_000), Some(20));
        for whole in [TrafficShare::FULL, TrafficShare::ZERO] {
            let next = step(20, Progressed).carrying(whole);
            assert_eq!(closed(Some(next), 10_000), Some(20), "{whole}");
        }
    }

    #[test]
    fn a_change_is_open_until_the_last_stage_of_its_schedule() {
        let stages = |last| schedule(&[(10, 5), (300, last)]);
        let planned = |last| step(10, Started).scheduled(stages(last));
        for (last, until) in [(100, Some(300)), (50, None)] {
            assert_eq!(closed(&[planned(last)], 299), None);
            assert_eq!(closed(&[planned(last)], 300), until);
            assert_eq!(closed(&[planned(last)], 400), until);
        }
        let stopped = [planned(100), step(20, Completed)];
        assert_eq!(closed(&stopped, 30), Some(20));
    }

    #[test]
    fn a_change_that_states_no_share_is_closed_since_its_newest_step() {
        assert_eq!(closed(&[step(10, Started)], 11), Some(10));
        let steps = [step(10, Started), step(30, Progressed)];
        assert_eq!(closed(&steps, 31), Some(30));
    }
}
