//! Failures that the dependencies of a service pass on to it: those that their other callers see as well.

use astern_graph_core::{
    CallSummary, ChangeEvent, EdgeKind, NodeId, NodeKey, TemporalGraph, TimeRange,
};

use super::Observed;
use super::calls::between;
use super::read::healthy_before;

/// Edges over which calls fail.
const KINDS: [EdgeKind; 3] = [EdgeKind::Calls, EdgeKind::Reads, EdgeKind::Writes];

/// Other callers of a dependency that are asked, the first by key: a store may have a thousand.
const OTHERS_MAX: usize = 16;

/// Times as many calls to a dependency for a call received as before the change, from which on the release itself may be what
/// overloads it.
const AMPLIFIED: f64 = 2.0;

/// Share of failures beyond the usual below which a dependency is taken to work.
const WORKS_BELOW: f64 = 0.01;

/// Calls of others by which their share of failures in a step is known; where there are fewer, those of steps around it count.
const OTHERS_CALLS_MIN: u64 = 20;

/// How many steps around a step count at most, on either side.
const AROUND_MAX: usize = 5;

/// Standard errors by which more of the service's calls may fail than those of others do.
const STANDARD_ERRORS: f64 = 3.0;

/// Sets [`Step::passed_on`](super::Step::passed_on) of the steps without an old side: what hits both sides at once has nothing at
/// the same time to be compared with there. A difference in differences takes its place: how much oftener the calls of others to
/// a dependency fail than before the change is what its own fault adds, and what the service's calls to it fail beyond that is
/// how the service calls it.
///
/// Not taken out is what nobody else can testify to: failures of a dependency without other callers, of one that the
/// service did not call before the change, of one that calls the service itself, and of one that the new side calls at least twice
/// as often for a call that it receives, which may be what it fails by.
///
/// Reads the edges of the service and of what it calls, and only where calls fail.
pub(super) fn pass_on(
    observed: &mut Observed,
    graph: &TemporalGraph,
    change: &ChangeEvent,
    range: TimeRange,
    healthy: TimeRange,
) {
    let alone = observed.old_is_gone_from();
    let fails = |step: &super::Step| step.new.errors + step.starting.errors > 0;
    let Some(healthy) = healthy_before(graph, change, healthy) else {
        return;
    };
    if !observed.steps.iter().skip(alone).any(fails) {
        return;
    }
    let times: Vec<TimeRange> = observed.steps.iter().map(|step| step.range).collect();
    let of_step = |step: &super::Step| step.old.calls + step.new.calls + step.starting.calls;
    let received: Vec<u64> = observed.steps.iter().map(of_step).collect();
    let usual = observed.before.iter().map(|before| before.all.calls).sum();
    let service = graph.id(&change.service);
    let candidates = service.into_iter().flat_map(|id| graph.fault_origins(id));
    let mut passed_on = vec![0.0; times.len()];
    for dependency in candidates {
        let edges = Edges::of(graph, &change.service, dependency, (range, healthy));
        let Some(edges) = edges else { continue };
        let of_it = edges.passed_on(&times, &received, usual);
        for (sum, failures) in passed_on.iter_mut().zip(of_it) {
            *sum += failures;
        }
    }
    let steps = observed
        .steps
        .iter_mut()
        .zip(passed_on.iter().zip(received));
    for (step, (failures, received)) in steps.skip(alone) {
        step.passed_on = (failures / (received as f64).max(1.0)).min(1.0);
    }
}

/// A dependency of the service, with others that call it.
struct Edges<'a> {
    graph: &'a TemporalGraph,
    service: &'a NodeKey,
    dependency: &'a NodeKey,
    others: Vec<&'a NodeKey>,
    /// Calls of the service to it before the change.
    usual: CallSummary,
    /// Share of failures of the calls of others before the change.
    usual_of_others: f64,
}

impl<'a> Edges<'a> {
    /// `None` where nobody else can testify.
    fn of(
        graph: &'a TemporalGraph,
        service: &'a NodeKey,
        dependency: NodeId,
        (range, healthy): (TimeRange, TimeRange),
    ) -> Option<Self> {
        let key = graph.key(dependency)?;
        let calls = |from, to, time| between(graph, (from, to), &KINDS, time);
        let usual = calls(service, key, healthy);
        if usual.calls == 0 || calls(key, service, range).calls > 0 {
            return None;
        }
        let others = graph.fault_targets(dependency);
        let others = others.filter_map(|id| graph.key(id));
        let others = others.filter(|other| *other != service && calls(other, key, range).calls > 0);
        let others: Vec<&NodeKey> = others.take(OTHERS_MAX).collect();
        let before = others.iter().map(|other| calls(other, key, healthy));
        let before = CallSummary::joined(&before.collect::<Vec<_>>());
        Some(Self {
            graph,
            service,
            dependency: key,
            usual_of_others: before.error_rate().or(usual.error_rate())?,
            others,
            usual,
        })
        .filter(|edges| !edges.others.is_empty())
    }

    /// Calls of the service to it, and those of others.
    fn seen(&self, time: TimeRange) -> Seen {
        let calls = |caller| between(self.graph, (caller, self.dependency), &KINDS, time);
        let own = calls(self.service);
        let others = self.others.iter().map(|other| calls(other));
        let others = CallSummary::joined(&others.collect::<Vec<_>>());
        Seen {
            own: (own.errors, own.calls),
            others: (others.errors, others.calls),
        }
    }

    /// Failed calls of the service to it in each step that are its own fault: as many as fail for others, but for chance, and no
    /// more than fail beyond the usual. None where the service calls it much oftener for each of the calls that it `received`, of
    /// `usual` ones before the change.
    fn passed_on(&self, times: &[TimeRange], received: &[u64], usual: u64) -> Vec<f64> {
        let seen: Vec<Seen> = times.iter().map(|time| self.seen(*time)).collect();
        let (mut calls_while_it_works, mut received_while_it_works) = (0, 0);
        let usual_share = self.usual.error_rate().unwrap_or(0.0);
        let mut failures = Vec::with_capacity(times.len());
        for (i, (step, received)) in seen.iter().zip(received).enumerate() {
            let (errors, calls) = step.own;
            let (rise, error) = self.rise(&seen, i);
            if rise < WORKS_BELOW {
                calls_while_it_works += calls;
                received_while_it_works += received;
            }
            let n = calls as f64;
            let beyond = (errors as f64 - usual_share * n).max(0.0);
            let of_others = if rise > 0.0 {
                rise + STANDARD_ERRORS * error
            } else {
                0.0
            };
            failures.push(beyond.min(of_others * n));
        }
        let per_call = |calls: u64, received: u64| calls as f64 / (received as f64).max(1.0);
        let now = per_call(calls_while_it_works, received_while_it_works);
        if now > AMPLIFIED * per_call(self.usual.calls, usual) {
            failures.fill(0.0);
        }
        failures
    }

    /// By how much oftener than before the calls of others fail about a step, and the standard error of its difference from the
    /// share of the service's own calls.
    fn rise(&self, seen: &[Seen], step: usize) -> (f64, f64) {
        let about = |around: usize| {
            let first = step.saturating_sub(around);
            let steps = seen.iter().skip(first).take(step + around + 1 - first);
            steps.fold((0, 0), |(x, n), seen| {
                (x + seen.others.0, n + seen.others.1)
            })
        };
        let are_enough = |around: &usize| about(*around).1 >= OTHERS_CALLS_MIN;
        let around = (0..AROUND_MAX).find(are_enough).unwrap_or(AROUND_MAX);
        let (errors, calls) = about(around);
        if calls == 0 {
            return (0.0, 0.0);
        }
        let own = seen.get(step).map_or(1, |seen| seen.own.1.max(1)) as f64;
        let (errors, calls) = (errors as f64, calls as f64);
        // Half a failure keeps the error above zero where all or none fail.
        let share = (errors + 0.5) / (calls + 1.0);
        let variance = share * (1.0 - share) * (1.0 / calls + 1.0 / own);
        (errors / calls - self.usual_of_others, variance.sqrt())
    }
}

/// Failed calls and all calls to a dependency in one step.
struct Seen {
    own: (u64, u64),
    others: (u64, u64),
}
