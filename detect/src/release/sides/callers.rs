//! Failed calls to a service that its own telemetry does not account for: nobody answered them.

use std::time::Duration;

use astern_graph_core::view::CallsOverTime;
use astern_graph_core::{
    CallSummary, ChangeEvent, EdgeKind, GraphError, NodeKey, SliceBy, TemporalGraph, TimeRange,
    Timestamp,
};

use super::calls::{counted, edges, none, received, sum};
use super::changed::changed_with;
use super::read::healthy_before;
use super::witnesses::is_more_than;
use super::{Before, Observed, Step};

/// Most callers that are asked one by one. What they say of more is taken from all calls that the service received.
const CALLERS_MAX: usize = 16;

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
    let all = received(graph, &change.service, range);
    if all.calls > 0 && all.errors == 0 {
        return Ok(None);
    }
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

/// Who loses calls to a service.
pub(in crate::release) struct Losing {
    /// Whether the calls of any caller are known.
    pub(in crate::release) is_known: bool,
    /// Callers without a change of their own that lose calls.
    pub(in crate::release) callers: usize,
}

/// Which callers lose calls of which the service knows nothing from `since` on: at least a share of `least`, and more than before
/// the change beyond chance.
pub(in crate::release) fn losing(
    graph: &TemporalGraph,
    change: &ChangeEvent,
    (range, healthy): (TimeRange, TimeRange),
    since: Timestamp,
    least: f64,
) -> Losing {
    let views = Views::of(graph, &change.service, range);
    let changed = changed_with(graph, change, (range, healthy));
    let now = TimeRange::new(since, range.end).ok();
    let before = healthy_before(graph, change, healthy);
    let loses = |calls: &[CallsOverTime<'_>]| {
        let in_time = |time: Option<_>| time.map_or((0, 0), |time| views.lost_by(calls, time));
        let ((lost, calls), (lost_before, before)) = (in_time(now), in_time(before));
        let share = calls as f64 / (calls + before).max(1) as f64;
        lost as f64 >= least * calls as f64 && is_more_than(lost, lost + lost_before, share)
    };
    let callers = views.callers.iter();
    let unchanged = callers.filter(|(caller, _)| !changed.contains(caller));
    Losing {
        is_known: !views.callers.is_empty(),
        callers: unchanged.filter(|(_, calls)| loses(calls)).count(),
    }
}

/// The two views of the calls to a service.
struct Views<'a> {
    graph: &'a TemporalGraph,
    /// What the service received, by its own telemetry or by that of callers.
    received: Option<CallsOverTime<'a>>,
    /// The first of those of which calls are known over an edge, with these.
    callers: Vec<(&'a NodeKey, Vec<CallsOverTime<'a>>)>,
    /// Whether they are all of them.
    are_all: bool,
    instances: Vec<CallsOverTime<'a>>,
    revisions: Vec<CallsOverTime<'a>>,
}

impl<'a> Views<'a> {
    fn of(graph: &'a TemporalGraph, service: &'a NodeKey, range: TimeRange) -> Self {
        let callers = graph
            .id(service)
            .into_iter()
            .flat_map(|id| graph.callers(id));
        let callers = callers.filter_map(|id| graph.key(id));
        let calls = |caller| edges(graph, (caller, service), &[EdgeKind::Calls]);
        let callers = callers.map(|caller| (caller, calls(caller)));
        let callers = callers.filter(|(_, calls)| sum(graph, calls, range).calls > 0);
        let mut callers: Vec<_> = callers.take(CALLERS_MAX + 1).collect();
        let are_all = callers.len() <= CALLERS_MAX;
        callers.truncate(CALLERS_MAX);
        let instances = graph.instances(service);
        let revisions = graph.slices_over_time(service, SliceBy::Revision);
        Self {
            graph,
            received: graph.received_over_time(service),
            callers,
            are_all,
            instances: instances
                .filter_map(|key| graph.received_over_time(key))
                .collect(),
            revisions: revisions.map(|(_, calls)| calls).collect(),
        }
    }

    /// Calls as the callers saw them; where none is known, or not each one, all that the service received.
    fn of_callers(&self, time: TimeRange) -> CallSummary {
        if self.callers.is_empty() || !self.are_all {
            return counted(self.graph, self.received, time);
        }
        let edges = self.callers.iter();
        let edges = edges.map(|(_, calls)| sum(self.graph, calls, time));
        CallSummary::joined(&edges.collect::<Vec<_>>())
    }

    /// Calls for which a part of the service accounts: its instances, or its revisions, whichever know more.
    fn of_service(&self, time: TimeRange) -> CallSummary {
        let by = [&self.instances, &self.revisions];
        let [instances, revisions] = by.map(|parts| sum(self.graph, parts, time));
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

    /// Calls of one caller that failed for it, without as many as fail for the service itself, and all of its calls.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a number of calls"
    )]
    fn lost_by(&self, caller: &[CallsOverTime<'_>], time: TimeRange) -> (u64, u64) {
        let seen = sum(self.graph, caller, time);
        let answered = self.of_service(time).error_rate().unwrap_or(0.0);
        let answered = (answered * seen.calls as f64).ceil() as u64;
        (seen.errors.saturating_sub(answered), seen.calls)
    }
}
