//! Failed calls to a service that its own telemetry does not account for: nobody answered them.

use std::time::Duration;

use astern_graph_core::{
    CallSummary, ChangeEvent, EdgeKind, GraphError, NodeKey, SliceBy, TemporalGraph, TimeRange,
};

use super::read::{healthy_before, none};
use super::{Before, Observed, Step};

/// Calls to the service as its callers count them, of which those count as failed that failed for the callers and for no
/// instance or revision of the service; of a step, and of the healthy ones before the change. `None` where there are no
/// such calls, or where the service has no parts whose telemetry could account for them.
///
/// The first `start_up` after the change counts as start-up.
pub(in crate::release) fn unanswered(
    graph: &TemporalGraph,
    change: &ChangeEvent,
    range: TimeRange,
    healthy: TimeRange,
    start_up: Duration,
) -> Result<Option<Observed>, GraphError> {
    let views = Views::of(graph, &change.service, range);
    let healthy = healthy_before(graph, change, healthy);
    let is_accounted = |time| views.of_service(time).calls > 0;
    if views.unanswered(range).errors == 0
        || !(is_accounted(range) || healthy.is_some_and(is_accounted))
    {
        return Ok(None);
    }
    let started = change.at.plus(start_up);
    let step = |range: TimeRange| {
        let unanswered = views.unanswered(range);
        let (new, starting) = if range.start < started {
            (none(), unanswered)
        } else {
            (unanswered, none())
        };
        Step {
            new,
            starting,
            ..Step::empty(range)
        }
    };
    let since = |step: &TimeRange| step.start >= change.at;
    let steps = graph.steps(range)?.filter(since).map(step).collect();
    let before = |step| Before {
        all: views.unanswered(step),
        instances: Vec::new(),
    };
    let mut before: Vec<Before> = match healthy {
        Some(healthy) => graph.steps(healthy)?.map(before).collect(),
        None => Vec::new(),
    };
    before.reverse();
    Ok(Some(Observed {
        steps,
        before,
        started_at: None,
        start_up,
        sampled: Vec::new(),
        refusals_are_known: false,
        outcomes_are_known: true,
        instances: 0,
    }))
}

/// The two views of the calls to a service.
struct Views<'a> {
    graph: &'a TemporalGraph,
    service: &'a NodeKey,
    /// Those of which calls are known over an edge.
    callers: Vec<&'a NodeKey>,
    instances: Vec<&'a NodeKey>,
}

impl<'a> Views<'a> {
    fn of(graph: &'a TemporalGraph, service: &'a NodeKey, range: TimeRange) -> Self {
        let callers = graph
            .id(service)
            .into_iter()
            .flat_map(|id| graph.callers(id));
        let callers = callers.filter_map(|id| graph.key(id));
        let mut views = Self {
            graph,
            service,
            callers: callers.collect(),
            instances: graph.instances(service).collect(),
        };
        let calls = |caller: &&NodeKey| views.over_edge(caller, range).calls > 0;
        let callers = views.callers.iter().copied().filter(calls).collect();
        views.callers = callers;
        views
    }

    fn over_edge(&self, caller: &NodeKey, time: TimeRange) -> CallSummary {
        let calls = self
            .graph
            .calls_over(caller, self.service, EdgeKind::Calls, time);
        calls.map_or_else(none, |calls| calls.counted(self.graph.step()))
    }

    /// Calls as the callers saw them; where none is known, all that the service received.
    fn of_callers(&self, time: TimeRange) -> CallSummary {
        if self.callers.is_empty() {
            let calls = self.graph.calls_received(self.service, time);
            return calls.map_or_else(none, |calls| calls.counted(self.graph.step()));
        }
        let edges = self
            .callers
            .iter()
            .map(|caller| self.over_edge(caller, time));
        CallSummary::joined(&edges.collect::<Vec<_>>())
    }

    /// Calls for which a part of the service accounts: its instances, or its revisions, whichever know more.
    fn of_service(&self, time: TimeRange) -> CallSummary {
        let step = self.graph.step();
        let instances = self.instances.iter();
        let instances = instances.filter_map(|key| self.graph.calls_received(key, time));
        let instances: Vec<CallSummary> = instances.map(|calls| calls.counted(step)).collect();
        let revisions = self.graph.calls_by(self.service, SliceBy::Revision, time);
        let revisions = revisions.into_iter().map(|(_, calls)| calls.counted(step));
        let revisions: Vec<CallSummary> = revisions.collect();
        let by = [&instances, &revisions].map(CallSummary::joined);
        let [instances, revisions] = by;
        if revisions.calls > instances.calls {
            revisions
        } else {
            instances
        }
    }

    /// All calls of callers, and of them as failed those that failed for no part of the service. Numbers alone, of one step or
    /// of several.
    fn unanswered(&self, time: TimeRange) -> CallSummary {
        let (of_callers, of_service) = (self.of_callers(time), self.of_service(time));
        let mut unanswered = none();
        unanswered.calls = of_callers.calls;
        unanswered.errors = of_callers.errors.saturating_sub(of_service.errors);
        unanswered
    }
}
