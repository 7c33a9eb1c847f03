//! The share of traffic that a change has by its own steps.

use astern_graph_core::{
    ChangeEvent, ChangePhase, Schedule, TemporalGraph, Timestamp, TrafficShare,
};

/// The shares of traffic of an attempt by what its steps state, each from a time on, in order.
///
/// A share that a step states counts from that step on, one that is scheduled from its own time on, whichever is the
/// later; at the same time the step counts. What was scheduled ends with a newer schedule and with the end of the change.
pub(super) fn of_change(graph: &TemporalGraph, change: &ChangeEvent) -> Vec<(Timestamp, f64)> {
    let mut shares: Vec<(Timestamp, TrafficShare)> = Vec::new();
    for step in graph.attempt_steps(change) {
        let is_over = matches!(step.phase, ChangePhase::Completed | ChangePhase::RolledBack);
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
    let fraction = |(at, share): (Timestamp, TrafficShare)| (at, share.fraction());
    shares.into_iter().map(fraction).collect()
}

#[cfg(test)]
mod tests {
    use astern_graph_core::{GraphBuilder, GraphParams, NodeKey, PlannedShare};

    use super::*;

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

    fn shares(steps: &[ChangeEvent]) -> Vec<(i64, f64)> {
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        builder.extend(steps.iter().cloned().map(Into::into));
        let shares = of_change(&builder.build(), &steps[0]).into_iter();
        let minutes = |at: Timestamp| at.nanos() / 60_000_000_000;
        shares.map(|(at, share)| (minutes(at), share)).collect()
    }

    #[test]
    fn scheduled_shares_count_until_a_step_states_another_one() {
        use ChangePhase::{Completed, Progressed, Started};
        let planned = step(10, Started).scheduled(schedule(&[(10, 5), (20, 25), (30, 50)]));
        let as_planned = [(10, 0.05), (20, 0.25), (30, 0.5)];
        assert_eq!(shares(std::slice::from_ref(&planned)), as_planned);
        assert_eq!(shares(&[step(10, Started)]), []);
        let slower = step(20, Progressed).carrying(percent(10));
        let stated = [(10, 0.05), (20, 0.25), (20, 0.1), (30, 0.5)];
        assert_eq!(shares(&[planned.clone(), slower]), stated);
        let later = step(25, Progressed).scheduled(schedule(&[(60, 50)]));
        let moved = [(10, 0.05), (20, 0.25), (60, 0.5)];
        assert_eq!(shares(&[planned.clone(), later]), moved);
        let done = step(25, Completed).carrying(TrafficShare::FULL);
        let ended = [(10, 0.05), (20, 0.25), (25, 1.0)];
        assert_eq!(shares(&[planned, done]), ended);
    }
}
