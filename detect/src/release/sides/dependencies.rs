//! What the dependencies of a service pass on to it: failures and waits that their other callers see as well.

use astern_graph_core::{
    CallSummary, ChangeEvent, EdgeKind, NodeId, NodeKey, TemporalGraph, TimeRange,
};

use super::calls::between;
use super::read::healthy_before;
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

/// Calls of others by which their share of failures in a step is known; where there are fewer, those of steps around it count.
const OTHERS_CALLS_MIN: u64 = 20;

/// How many steps around a step count at most, on either side.
const AROUND_MAX: usize = 5;

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
/// Not taken out is what nobody else can testify to: a fault of a dependency without other callers, of one that the
/// service did not call before the change, of one that calls the service itself, and of one that the new side calls at least twice
/// as often for a call that it receives, which may be what it fails by.
///
/// Reads the edges of the service and of what it calls.
pub(in crate::release) fn pass_on(
    observed: &mut Observed,
    graph: &TemporalGraph,
    change: &ChangeEvent,
    (range, healthy): (TimeRange, TimeRange),
    quantiles: &[f64],
) {
    let alone = observed.old_is_gone_from();
    let Some(healthy) = healthy_before(graph, change, healthy) else {
        return;
    };
    let of_step = |step: &Step| step.old.calls + step.new.calls + step.starting.calls;
    let usual = observed.before.iter().map(|before| before.all.calls).sum();
    let service = graph.id(&change.service);
    let candidates = service.into_iter().flat_map(|id| graph.fault_origins(id));
    for dependency in candidates {
        let edges = Edges::of(graph, &change.service, dependency, (range, healthy));
        let Some(edges) = edges else { continue };
        let seen = observed.steps.iter();
        let seen = seen.map(|step| edges.seen(step.range, of_step(step)));
        let seen: Vec<Seen> = seen.collect();
        if edges.is_amplified(&seen, usual) {
            continue;
        }
        for (i, step) in observed.steps.iter_mut().enumerate().skip(alone) {
            let failures = edges.failures(&seen, i) / (of_step(step) as f64).max(1.0);
            step.passed_on.failed = (step.passed_on.failed + failures).min(1.0);
            let slower = quantiles
                .iter()
                .filter_map(|q| Some((*q, edges.slower_ms(&seen, i, *q, usual)?)));
            step.passed_on.slower_ms.extend(slower);
        }
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
    /// Calls of others to it before the change.
    usual_of_others: CallSummary,
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
            usual_of_others: before,
            others,
            usual,
        })
        .filter(|edges| !edges.others.is_empty())
    }

    fn seen(&self, time: TimeRange, received: u64) -> Seen {
        let calls = |caller| between(self.graph, (caller, self.dependency), &KINDS, time);
        let others = self.others.iter().map(|other| calls(other));
        Seen {
            received,
            own: calls(self.service),
            others: CallSummary::joined(&others.collect::<Vec<_>>()),
        }
    }

    /// Calls to it for each one that the service receives, of `usual` ones before the change.
    fn per_call(&self, usual: u64) -> f64 {
        self.usual.calls as f64 / (usual as f64).max(1.0)
    }

    /// Whether the service calls it much oftener than before while it works: calls that are tried again because it fails are none
    /// of the service's doing.
    fn is_amplified(&self, seen: &[Seen], usual: u64) -> bool {
        let works = |i: &usize| self.rise(seen, *i).0 < WORKS_BELOW;
        let steps = || (0..seen.len()).filter(works).filter_map(|i| seen.get(i));
        let calls: u64 = steps().map(|step| step.own.calls).sum();
        let received: u64 = steps().map(|step| step.received).sum();
        calls as f64 > AMPLIFIED * self.per_call(usual) * (received as f64).max(1.0)
    }

    /// Failed calls of the service to it in a step that are its own fault: as many as fail for others, but for chance, and no
    /// more than fail beyond the usual.
    fn failures(&self, seen: &[Seen], step: usize) -> f64 {
        let (rise, error) = self.rise(seen, step);
        let Some(step) = seen.get(step).filter(|_| rise > 0.0) else {
            return 0.0;
        };
        let n = step.own.calls as f64;
        let usual = self.usual.error_rate().unwrap_or(0.0);
        let beyond = (step.own.errors as f64 - usual * n).max(0.0);
        beyond.min((rise + STANDARD_ERRORS * error) * n)
    }

    /// By how much oftener than before the calls of others fail about a step, and the standard error of its difference from the
    /// share of the service's own calls.
    fn rise(&self, seen: &[Seen], step: usize) -> (f64, f64) {
        let others = about(seen, step, enough(seen, step));
        let usual = self.usual_of_others.error_rate();
        let usual = usual.or(self.usual.error_rate()).unwrap_or(0.0);
        let Some(share) = others.error_rate() else {
            return (0.0, 0.0);
        };
        let own = seen.get(step).map_or(1, |seen| seen.own.calls.max(1)) as f64;
        let calls = others.calls as f64;
        // Half a failure keeps the error above zero where all or none fail.
        let smoothed = (others.errors as f64 + 0.5) / (calls + 1.0);
        let variance = smoothed * (1.0 - smoothed) * (1.0 / calls + 1.0 / own);
        (share - usual, variance.sqrt())
    }

    /// By how many ms the service waits longer at a quantile of its latency about a step: since others wait longer, beyond chance,
    /// or since it calls again what fails for others. `None` otherwise, or where too few calls of the service wait for it.
    fn slower_ms(&self, seen: &[Seen], step: usize, q: f64, usual: u64) -> Option<f64> {
        let usual_ms = self.usual_of_others.latency_ms(q)?;
        let per_call = self.per_call(usual);
        let is_slower = |others: &CallSummary| {
            let (above, all) = others.latency_above(usual_ms);
            let n = all as f64;
            let beyond = above as f64 - (1.0 - q) * n;
            beyond > STANDARD_ERRORS * (q * (1.0 - q) * n).sqrt()
        };
        // By the fewest steps that show it: a short spell is thin among many.
        let mut slower = (0..=enough(seen, step)).map(|around| about(seen, step, around));
        let fails = self.rise(seen, step).0 >= WORKS_BELOW;
        let as_it_fails = || fails.then(|| about(seen, step, enough(seen, step)));
        let others = slower.find(is_slower).or_else(as_it_fails)?;
        if per_call < 1.0 - q {
            return None;
        }
        let step = seen.get(step)?;
        let now = step.own.calls as f64 / (step.received as f64).max(1.0);
        let again = (now.max(1.0) - per_call.max(1.0)).max(0.0);
        let longer = per_call.max(1.0) * (others.latency_ms(q)? - usual_ms);
        let ms = longer + again * others.latency_ms(AGAIN_QUANTILE)?;
        Some(ms).filter(|ms| *ms > 0.0)
    }
}

/// Calls to a dependency in one step, and those that the service received.
struct Seen {
    received: u64,
    own: CallSummary,
    others: CallSummary,
}

/// Calls of others in a step and so many around it.
fn about(seen: &[Seen], step: usize, around: usize) -> CallSummary {
    let first = step.saturating_sub(around);
    let steps = seen.iter().skip(first).take(step + around + 1 - first);
    CallSummary::joined(steps.map(|seen| &seen.others))
}

/// How many steps around one count, so that others have enough calls in them.
fn enough(seen: &[Seen], step: usize) -> usize {
    let are_enough = |around: &usize| about(seen, step, *around).calls >= OTHERS_CALLS_MIN;
    let mut fewest = (0..AROUND_MAX).filter(are_enough);
    fewest.next().unwrap_or(AROUND_MAX)
}
