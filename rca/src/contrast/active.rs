//! Which changes may be to blame at all.

use astern_graph_core::view::Attempt;
use astern_graph_core::{ChangeEvent, TemporalGraph};

use crate::incident::Incident;

/// First step of the last attempt of every change that is open in the incident's time or was closed in it, where it is not
/// rolled back at its end; by id and service.
pub(super) fn active_changes(graph: &TemporalGraph, incident: &Incident) -> Vec<ChangeEvent> {
    let end = incident.abnormal.end;
    let from = incident.healthy.start.min(incident.abnormal.start);
    let is_active = |attempt: &Attempt<'_>| {
        let closed = attempt.closed_since(end);
        !attempt.is_rolled_back() && closed.is_none_or(|since| since >= from)
    };
    let attempts = graph.last_attempts(end).into_iter();
    let active = attempts.filter(is_active);
    active.map(|attempt| attempt.start().clone()).collect()
}

#[cfg(test)]
mod tests {
    use astern_graph_core::{
        ChangePhase, GraphBuilder, GraphParams, NodeKey, TimeRange, Timestamp, TrafficShare,
    };

    use super::*;

    #[test]
    fn a_change_that_is_open_since_before_the_healthy_time_may_be_to_blame() {
        let at = |minute: i64| Timestamp::from_secs(60 * minute);
        let cart = NodeKey::service("cart");
        let canary = ChangeEvent::new("cart@2", at(10), cart.clone(), None, "v2".into());
        let canary = canary.carrying(TrafficShare::percent(10).unwrap());
        let whole = canary.clone().carrying(TrafficShare::FULL);
        let mut later = canary.clone().reached(ChangePhase::Completed, vec![]);
        later.at = at(130);
        let count = |steps: &[&ChangeEvent]| {
            let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
            builder.extend(steps.iter().map(|step| (*step).clone().into()));
            let range = |from, to| TimeRange::new(at(from), at(to)).unwrap();
            let (healthy, abnormal) = (range(100, 160), range(160, 170));
            let metric = "latency_ms".into();
            let incident = Incident::new(cart.clone(), metric, healthy, abnormal);
            active_changes(&builder.build(), &incident).len()
        };
        assert_eq!(count(&[&canary]), 1);
        assert_eq!(count(&[&whole]), 0);
        assert_eq!(count(&[&canary, &later]), 1);
        later.at = at(90);
        assert_eq!(count(&[&canary, &later]), 0);
    }
}
