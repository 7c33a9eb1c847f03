//! What the dependencies of a service pass on to it: failures and waits that their other callers see as well.

use std::collections::BTreeSet;

use astern_graph_core::view::CallsOverTime;
use astern_graph_core::{
    CallSummary, ChangeEvent, EdgeKind, NodeId, NodeKey, TemporalGraph, TimeRange,
};

use super::calls::{edges, sum};
use super::changed::changed_with;
use super::read::healthy_before;
use super::witnesses::{History, Seen, is_more_than};
use super::{Observed, Step};

/// Edges over which calls fail.
const KINDS: [EdgeKind; 3] = [EdgeKind::Calls, EdgeKind::Reads, EdgeKind::Writes];

/// Other callers of a dependency that are asked, the first by key: a store may have a thousand.
const OTHERS_MAX: usize = 16;

/// Times as many calls to a dependency for a call received as before the change, from which on the release itself may be what
/// overloads it.
const AMPLIFIED: f64 = 2.0;

/// Share of failures beyond the usual below which a dependency is taken to work.
const WORKS_BELOW: f64 = 0.01;

/// Calls received by the new side alone while a dependency works, by which it is known how often it calls it.
const RECEIVED_MIN: u64 = 20;

/// Failed calls of others by which fewer steps than have enough calls count.
const FAILURES_MIN: u64 = 3;

/// Standard errors by which more of the service's calls may fail than those of others do.
const STANDARD_ERRORS: f64 = 3.0;

/// Quantile of the time for which a call that is made again is waited for: several in a row take longer than several medians.
const AGAIN_QUANTILE: f64 = 0.9;

/// Least part of the rise of a latency that dependencies must account for to explain it.
const EXPLAINED_MIN: f64 = 0.5;

/// What dependencies do to a service in one step, as their other callers see it.
#[derive(Debug, Clone, Default)]
pub(in crate::release) struct PassedOn {
    /// Share of the calls received that fail for it.
    pub(in crate::release) failed: f64,
    /// By how much longer they let the service wait at a quantile of latency, in ms.
    slower_ms: Vec<(f64, f64)>,
}

impl PassedOn {
    /// Whether a rise of the latency at `q` is no more than what dependencies may make of theirs.
    pub(in crate::release) fn explains(
        &self,
        q: f64,
        rise_ms: impl FnOnce() -> Option<f64>,
    ) -> bool {
        let of_q = self.slower_ms.iter().filter(|(of, _)| same(*of, q));
        let slower: f64 = of_q.map(|(_, ms)| ms).sum();
        slower > 0.0 && rise_ms().is_none_or(|rise| slower >= EXPLAINED_MIN * rise)
    }

    pub(in crate::release) fn is_any(&self) -> bool {
        self.failed > 0.0 || !self.slower_ms.is_empty()
    }
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

/// Sets [`Step::passed_on`](super::Step::passed_on) of the steps without an old side: what hits both sides at once has nothing at
/// the same time to be compared with there. A difference in differences takes its place: how much oftener the calls of others to
/// a dependency fail than before the change is what its own fault adds, and what the service's calls to it fail beyond that is
/// how the service calls it. Where others wait longer for it than before, so does the service.
///
/// Not taken out is what nobody else can testify to: a fault of a dependency without other callers, or whose other callers have all
/// changed since the healthy time as well, of one that the service did not call before the change, of one that calls the
/// service itself, and of one that the new side calls more than twice as often for a call that it receives, which may be what
/// it fails by.
///
/// Returns the dependencies that pass on anything. Reads the edges of the service and of what it calls.
pub(in crate::release) fn pass_on(
    observed: &mut Observed,
    graph: &TemporalGraph,
    change: &ChangeEvent,
    (range, healthy): (TimeRange, TimeRange),
    quantiles: &[f64],
) -> Vec<NodeKey> {
    let mut passing = Vec::new();
    let alone = observed.old_is_gone_from();
    let changed = changed_with(graph, change, (range, healthy));
    let Some(healthy) = healthy_before(graph, change, healthy) else {
        return passing;
    };
    let of_step = |step: &Step| step.old.calls + step.new.calls + step.starting.calls;
    let usual = observed.before.iter().map(|before| before.all.calls).sum();
    let service = graph.id(&change.service);
    let candidates = service.into_iter().flat_map(|id| graph.fault_origins(id));
    for dependency in candidates {
        let edges = Edges::of(
            graph,
            &change.service,
            dependency,
            &changed,
            (range, healthy),
        );
        let Some(edges) = edges else { continue };
        let seen = observed.steps.iter();
        let seen = seen.map(|step| edges.seen(step.range, of_step(step)));
        let seen = History::of(seen.collect());
        if edges.is_amplified(&seen, alone, usual) {
            continue;
        }
        let mut is_passing = false;
        for (i, step) in observed.steps.iter_mut().enumerate().skip(alone) {
            let failures = edges.failures(&seen, i) / (of_step(step) as f64).max(1.0);
            step.passed_on.failed = (step.passed_on.failed + failures).min(1.0);
            let slower = quantiles
                .iter()
                .filter_map(|q| Some((*q, edges.slower_ms(&seen, i, *q, usual)?)));
            let slower: Vec<(f64, f64)> = slower.collect();
            is_passing |= failures > 0.0 || !slower.is_empty();
            step.passed_on.slower_ms.extend(slower);
        }
        passing.extend(is_passing.then(|| edges.dependency.clone()));
    }
    passing
}

/// A dependency of the service, with others that call it.
struct Edges<'a> {
    graph: &'a TemporalGraph,
    dependency: &'a NodeKey,
    own: Vec<CallsOverTime<'a>>,
    others: Vec<CallsOverTime<'a>>,
    /// Calls of the service to it before the change.
    usual: CallSummary,
    /// Calls of others to it before the change.
    usual_of_others: CallSummary,
}

impl<'a> Edges<'a> {
    /// `None` where nobody else can testify.
    fn of(
        graph: &'a TemporalGraph,
        service: &'a NodeKey,
        dependency: NodeId,
        changed: &BTreeSet<&NodeKey>,
        (range, healthy): (TimeRange, TimeRange),
    ) -> Option<Self> {
        let key = graph.key(dependency)?;
        let between = |from, to| edges(graph, (from, to), &KINDS);
        let own = between(service, key);
        let usual = sum(graph, &own, healthy);
        if usual.calls == 0 || sum(graph, &between(key, service), range).calls > 0 {
            return None;
        }
        let others = graph.fault_targets(dependency);
        let others = others.filter_map(|id| graph.key(id));
        let others = others.filter(|other| *other != service && !changed.contains(other));
        let others = others.map(|other| between(other, key));
        let others = others.filter(|other| sum(graph, other, range).calls > 0);
        let others: Vec<CallsOverTime<'_>> = others.take(OTHERS_MAX).flatten().collect();
        Some(Self {
            graph,
            dependency: key,
            own,
            usual_of_others: sum(graph, &others, healthy),
            others,
            usual,
        })
        .filter(|edges| !edges.others.is_empty())
    }

    fn seen(&self, time: TimeRange, received: u64) -> Seen {
        Seen {
            received,
            own: sum(self.graph, &self.own, time),
            others: sum(self.graph, &self.others, time),
        }
    }

    /// Calls to it for each one that the service receives, of `usual` ones before the change.
    fn per_call(&self, usual: u64) -> f64 {
        self.usual.calls as f64 / (usual as f64).max(1.0)
    }

    /// Whether the new side alone calls it much oftener than the service did before, while it works: calls that are tried again
    /// because it fails are none of the service's doing. Where it never works, or hardly, what it fails by is unknown.
    fn is_amplified(&self, seen: &History, alone: usize, usual: u64) -> bool {
        let of = |is_counted: &dyn Fn(usize) -> bool| {
            let steps = seen.steps().iter().enumerate().skip(alone);
            let steps = steps.filter(|(i, _)| is_counted(*i));
            steps.fold((0, 0), |(calls, received), (_, step)| {
                (calls + step.own.calls, received + step.received)
            })
        };
        let while_it_works = of(&|step| !self.fails(seen, step));
        let (calls, received) = Some(while_it_works)
            .filter(|(_, received)| *received >= RECEIVED_MIN)
            .unwrap_or_else(|| of(&|_| true));
        calls as f64 > AMPLIFIED * self.per_call(usual) * (received as f64).max(1.0)
    }

    /// Failed calls of the service to it in a step that are its own fault: as many as fail for others, and no more than fail
    /// beyond the usual. More by what chance makes only where others fail oftener than before beyond chance themselves: a
    /// single failed call among few would account for many.
    fn failures(&self, seen: &History, step: usize) -> f64 {
        let usual = self.usual.error_rate().unwrap_or(0.0);
        let Some(own) = seen.steps().get(step).map(|step| &step.own) else {
            return 0.0;
        };
        let n = own.calls as f64;
        let beyond = own.errors as f64 - usual * n;
        if beyond <= 0.0 {
            return 0.0;
        }
        let granted = |around| {
            let (rise, error) = self.rise(seen, step, around);
            (rise + STANDARD_ERRORS * error).max(0.0) * n
        };
        // A short spell is thin among more steps than it has.
        let enough = seen.enough(step);
        let is_plain = |around: &usize| {
            seen.failed(step, *around).0 >= FAILURES_MIN && self.is_risen(seen, step, *around)
        };
        if let Some(around) = (0..enough).find(is_plain) {
            return beyond.min(granted(around));
        }
        // A long one may be plain only in many.
        let allowed = if seen
            .spans(enough)
            .any(|around| self.is_risen(seen, step, around))
        {
            granted(enough)
        } else {
            self.rise(seen, step, enough).0.max(0.0) * n
        };
        beyond.min(allowed)
    }

    /// By how much oftener than before the calls of others fail about a step, and the standard error of its difference from the
    /// share of the service's own calls.
    fn rise(&self, seen: &History, step: usize, around: usize) -> (f64, f64) {
        let (errors, calls) = seen.failed(step, around);
        if calls == 0 {
            return (0.0, 0.0);
        }
        let usual = self.usual_of_witnesses().error_rate().unwrap_or(0.0);
        let own = seen
            .steps()
            .get(step)
            .map_or(1, |seen| seen.own.calls.max(1)) as f64;
        let (errors, calls) = (errors as f64, calls as f64);
        // Half a failure keeps the error above zero where all or none fail.
        let smoothed = (errors + 0.5) / (calls + 1.0);
        let variance = smoothed * (1.0 - smoothed) * (1.0 / calls + 1.0 / own);
        (errors / calls - usual, variance.sqrt())
    }

    /// Calls before the change by which the usual failures of others are known: the service's own where they made none.
    fn usual_of_witnesses(&self) -> &CallSummary {
        if self.usual_of_others.calls > 0 {
            &self.usual_of_others
        } else {
            &self.usual
        }
    }

    /// Whether the calls of others fail oftener about a step than before, beyond chance.
    fn is_risen(&self, seen: &History, step: usize, around: usize) -> bool {
        let (errors, calls) = seen.failed(step, around);
        let before = self.usual_of_witnesses();
        let all = calls + before.calls;
        // Without a rise each failed call is as likely to be any of all of them.
        is_more_than(
            errors,
            errors + before.errors,
            calls as f64 / all.max(1) as f64,
        )
    }

    /// Whether it fails for others about a step.
    fn fails(&self, seen: &History, step: usize) -> bool {
        let around = seen.enough(step);
        self.rise(seen, step, around).0 >= WORKS_BELOW && self.is_risen(seen, step, around)
    }

    /// By how many ms the service waits longer at a quantile of its latency about a step: since others wait longer, beyond chance,
    /// or since it calls again what fails for others. `None` otherwise, or where too few calls of the service wait for it.
    fn slower_ms(&self, seen: &History, step: usize, q: f64, usual: u64) -> Option<f64> {
        let usual_ms = self.usual_of_others.latency_ms(q)?;
        let per_call = self.per_call(usual);
        let is_slower = |others: &CallSummary| {
            let (above, all) = others.latency_above(usual_ms);
            is_more_than(above, all, 1.0 - q)
        };
        // By the fewest steps that show it: a short spell is thin among many.
        let enough = seen.enough(step);
        let mut slower = (0..=enough).map(|around| seen.about(step, around));
        let as_it_fails = || self.fails(seen, step).then(|| seen.about(step, enough));
        let others = slower.find(is_slower).or_else(as_it_fails)?;
        if per_call < 1.0 - q {
            return None;
        }
        let step = seen.steps().get(step)?;
        let now = step.own.calls as f64 / (step.received as f64).max(1.0);
        let again = (now.max(1.0) - per_call.max(1.0)).max(0.0);
        let longer = per_call.max(1.0) * (others.latency_ms(q)? - usual_ms);
        let ms = longer + again * others.latency_ms(AGAIN_QUANTILE)?;
        Some(ms).filter(|ms| *ms > 0.0)
    }
}
