//! Reads what both sides of a change received from the graph.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use astern_graph_core::schema::{
    self, CLIENT_ERROR_RATE, ERROR_RATE, Feature, LATENCY_QUANTILES, REQUEST_RATE,
};
use astern_graph_core::view::{CallsOverTime, ChangeSide, SideOverTime, SideRule};
use astern_graph_core::{
    CallSummary, ChangeEvent, ChangeKind, ChangePhase, GraphError, MetricName, NodeKey, Revision,
    Slice, SliceBy, TemporalGraph, TimeRange, Timestamp,
};

use super::calls::{counted, received};
use super::{Before, Observed, Step};

/// Steps before the change in which instances are compared with each other: enough for their dispersion.
const DISPERSION_STEPS: usize = 30;

/// A part of the service that is on one side: an instance, or all calls to a revision where telemetry knows no instances.
enum Part<'a> {
    Instance(&'a NodeKey),
    Revision(Arc<str>),
}

/// A part as it is read.
struct Unit<'a> {
    part: Part<'a>,
    calls: Option<CallsOverTime<'a>>,
    /// Its calls are those of the other kind of parts.
    has_samples_only: bool,
}

impl Unit<'_> {
    /// Whether it is an instance of which telemetry counts the calls.
    fn receives_as_instance(&self) -> bool {
        matches!(self.part, Part::Instance(_)) && !self.has_samples_only
    }
}

/// The time for which a unit was seen on the new side.
#[derive(Clone, Copy)]
struct Seen {
    from: Timestamp,
    until: Timestamp,
    /// With calls: what was only sampled before its first call still starts.
    has_calls: bool,
}

/// All that a change is judged by over `range`; an instance starts up for `start_up`.
pub(in crate::release) fn observed(
    graph: &TemporalGraph,
    change: &ChangeEvent,
    range: TimeRange,
    healthy: TimeRange,
    start_up: Duration,
) -> Result<Observed, GraphError> {
    let units = units(graph, change, range);
    let (mut steps, started_at) = if is_of_service(graph, change, &units) {
        (service_steps(graph, change, range)?, None)
    } else {
        unit_steps(graph, &units, range, start_up)?
    };
    let stated = graph.attempt_shares(change);
    for step in &mut steps {
        let share = stated.iter().rev().find(|(at, _)| *at <= step.range.start);
        let share = share.map(|(_, share)| share.fraction());
        step.expected_share = share.or(step.expected_share);
    }
    Ok(Observed {
        sampled: sampled(graph, &steps),
        refusals_are_known: has_sampled(&steps, CLIENT_ERROR_RATE)
            || !has_sampled(&steps, REQUEST_RATE),
        outcomes_are_known: outcomes_are_known(&steps),
        instances: units
            .iter()
            .filter(|(unit, ..)| matches!(unit.part, Part::Instance(_)))
            .count(),
        steps,
        before: before(graph, change, healthy)?,
        started_at,
        start_up,
    })
}

/// Whether a metric was sampled on the new side.
fn has_sampled(steps: &[Step], name: &str) -> bool {
    let metric = name.into();
    let mut sides = steps.iter().flat_map(|step| [&step.new, &step.starting]);
    sides.any(|side| side.sampled(&metric).next().is_some())
}

/// Whether it is known how the calls end that samples of their rate or latency speak of.
fn outcomes_are_known(steps: &[Step]) -> bool {
    let sides = |step| {
        let step: &Step = step;
        [step.old.calls, step.new.calls, step.starting.calls]
    };
    let mut of_calls = LATENCY_QUANTILES
        .iter()
        .map(|(name, _)| *name)
        .chain([REQUEST_RATE]);
    steps.iter().flat_map(sides).any(|calls| calls > 0)
        || has_sampled(steps, ERROR_RATE)
        || !of_calls.any(|name| has_sampled(steps, name))
}

/// Metrics that were sampled on the new side, with their meaning. Those that name a feature of calls stand for calls, where
/// these have it.
fn sampled(graph: &TemporalGraph, steps: &[Step]) -> Vec<Feature> {
    let sides = || steps.iter().flat_map(|step| [&step.new, &step.starting]);
    let names: BTreeSet<&MetricName> = sides().flat_map(CallSummary::sampled_metrics).collect();
    let all = || sides().chain(steps.iter().map(|step| &step.old));
    let has_calls = all().any(|calls| calls.calls > 0);
    let has_latencies = all().any(|calls| calls.latency_above(0.0).1 > 0);
    let is_known = |name: &MetricName| {
        let is_latency = LATENCY_QUANTILES
            .iter()
            .any(|(latency, _)| *latency == name.as_str());
        is_of_calls(name) && if is_latency { has_latencies } else { has_calls }
    };
    let names = names.into_iter().filter(|name| !is_known(name));
    names.map(|name| graph.feature(name)).collect()
}

/// The parts of the service with their sides. What runs a revision that came after the change and is another one is on
/// neither side: a later release is no measure of this one.
fn units<'a>(
    graph: &'a TemporalGraph,
    change: &'a ChangeEvent,
    range: TimeRange,
) -> Vec<(Unit<'a>, SideOverTime<'a>, Vec<TimeRange>)> {
    let sides = graph.sides(change, SideRule::Blame);
    let instances = graph.instances(&change.service);
    let instances: Vec<Instance<'_>> = instances.map(|key| Instance::of(graph, key)).collect();
    let earlier = earlier_revisions(graph, change, &instances);
    let slices = graph.slices_over_time(&change.service, SliceBy::Revision);
    let slices: Vec<(Slice, CallsOverTime<'_>)> = slices.collect();
    let receives = |calls| counted(graph, calls, range).calls > 0;
    let is_by_revision = instances.is_empty()
        || (!instances.iter().any(|instance| receives(instance.calls))
            && slices.iter().any(|(_, calls)| receives(Some(*calls))));
    let is_later = |revision: &str| {
        !earlier.is_empty() && !earlier.contains(revision) && revision != change.to.as_str()
    };
    let of_instance = |Instance { key, calls, runs }: Instance<'a>| {
        let later = runs
            .into_iter()
            .filter(|(revision, _)| is_later(revision.as_str()));
        let unit = Unit {
            part: Part::Instance(key),
            calls,
            has_samples_only: is_by_revision,
        };
        (
            unit,
            sides.instance(key),
            later.map(|(_, run)| run).collect(),
        )
    };
    let of_revision = |(Slice { name, .. }, calls): (Slice, CallsOverTime<'a>)| {
        let later = if is_later(&name) {
            vec![range]
        } else {
            Vec::new()
        };
        let over_time = sides.revision(&name);
        let unit = Unit {
            part: Part::Revision(name),
            calls: Some(calls),
            has_samples_only: !is_by_revision,
        };
        (unit, over_time, later)
    };
    let is_sampled = |calls: &CallsOverTime<'_>| !calls.during(range).sampled_metrics().is_empty();
    let revisions = slices.into_iter();
    let revisions = revisions.filter(|(_, calls)| is_by_revision || is_sampled(calls));
    let revisions = revisions.map(of_revision);
    instances
        .into_iter()
        .map(of_instance)
        .chain(revisions)
        .collect()
}

/// An instance of the service.
struct Instance<'a> {
    key: &'a NodeKey,
    calls: Option<CallsOverTime<'a>>,
    /// The revisions that it ran, and when.
    runs: Vec<(&'a Revision, TimeRange)>,
}

impl<'a> Instance<'a> {
    fn of(graph: &'a TemporalGraph, key: &'a NodeKey) -> Self {
        Self {
            key,
            calls: graph.received_over_time(key),
            runs: graph.revisions(key),
        }
    }
}

/// Revisions that were seen before the change.
fn earlier_revisions(
    graph: &TemporalGraph,
    change: &ChangeEvent,
    instances: &[Instance<'_>],
) -> BTreeSet<Arc<str>> {
    let runs = instances.iter().flat_map(|instance| &instance.runs);
    let by_instance = runs.filter(|(_, run)| run.start < change.at);
    let by_instance = by_instance.map(|(revision, _)| revision.as_str().into());
    let before = TimeRange::new(Timestamp::MIN, graph.step_end(change.at)).ok();
    let slices = before.map(|before| graph.calls_by(&change.service, SliceBy::Revision, before));
    let by_revision = slices
        .into_iter()
        .flatten()
        .filter(|(_, calls)| !calls.is_empty());
    by_instance
        .chain(by_revision.map(|(slice, _)| slice.name))
        .collect()
}

/// Whether the change reaches the service as a whole, since it names no instance and none is seen to run it: a flag, a
/// configuration, or a release that is complete where telemetry knows neither instances nor revisions.
fn is_of_service(graph: &TemporalGraph, change: &ChangeEvent, units: &Units<'_>) -> bool {
    let steps = graph.attempt_steps(change);
    if steps.iter().any(|step| !step.instances.is_empty()) {
        return false;
    }
    let is_run = units.iter().any(|(unit, ..)| match &unit.part {
        Part::Instance(instance) => graph.revision(instance) == Some(&change.to),
        Part::Revision(name) => **name == *change.to.as_str(),
    });
    let by_name = matches!(
        change.kind,
        ChangeKind::FeatureFlag { .. } | ChangeKind::Config
    );
    let completed = steps
        .iter()
        .any(|step| step.phase == ChangePhase::Completed);
    !is_run && (by_name || (units.is_empty() && completed))
}

fn service_steps(
    graph: &TemporalGraph,
    change: &ChangeEvent,
    range: TimeRange,
) -> Result<Vec<Step>, GraphError> {
    let whole = |range: TimeRange| Step {
        new: received(graph, &change.service, range),
        ..Step::empty(range)
    };
    let since = |step: &TimeRange| step.start >= change.at;
    Ok(graph.steps(range)?.filter(since).map(whole).collect())
}

/// Calls of the units on one side in one step, by the places of the units.
type OfUnits = Vec<(usize, CallSummary)>;

/// What the units received in one step.
struct Received {
    range: TimeRange,
    old: OfUnits,
    new: OfUnits,
    /// Units on the new side, with calls or without.
    new_units: usize,
    /// Calls to each instance among them.
    new_instances: Vec<(usize, u64)>,
    later: u64,
}

/// The parts of a service, each with its sides and the times in which it ran a later revision.
type Units<'a> = [(Unit<'a>, SideOverTime<'a>, Vec<TimeRange>)];

/// What the units receive in a step; notes which of them are seen on the new side.
fn received_by_units(
    graph: &TemporalGraph,
    units: &Units<'_>,
    range: TimeRange,
    seen: &mut [Option<Seen>],
) -> Received {
    let mut received = Received {
        range,
        old: Vec::new(),
        new: Vec::new(),
        new_units: 0,
        new_instances: Vec::new(),
        later: 0,
    };
    for (place, (unit, over_time, later)) in units.iter().enumerate() {
        let side = over_time.in_step(range);
        received.new_units += usize::from(side == ChangeSide::New && !unit.has_samples_only);
        let is_later = later.iter().any(|run| run.contains(range.start));
        if side == ChangeSide::Neither && !is_later {
            continue;
        }
        let calls = calls_of(graph, unit, range);
        if side == ChangeSide::New && !is_later && unit.receives_as_instance() {
            let calls = calls.as_ref().map_or(0, |calls| calls.calls);
            received.new_instances.push((place, calls));
        }
        let Some(calls) = calls.filter(|calls| !calls.is_empty()) else {
            continue;
        };
        if is_later {
            received.later += calls.calls;
        } else if side == ChangeSide::New {
            let has_calls = calls.calls > 0;
            let first = Seen {
                from: range.start,
                until: range.end,
                has_calls,
            };
            let seen = seen[place].get_or_insert(first);
            seen.until = range.end;
            if has_calls && !seen.has_calls {
                *seen = first;
            }
            received.new.push((place, calls));
        } else {
            received.old.push((place, calls));
        }
    }
    received
}

/// The steps, and when the first of the units that start up in the last of them has started.
fn unit_steps(
    graph: &TemporalGraph,
    units: &Units<'_>,
    range: TimeRange,
    start_up: Duration,
) -> Result<(Vec<Step>, Option<Timestamp>), GraphError> {
    let mut seen: Vec<Option<Seen>> = vec![None; units.len()];
    let steps = graph.steps(range)?;
    let steps: Vec<Received> = steps
        .map(|step| received_by_units(graph, units, step, &mut seen))
        .collect();
    let end = steps.last().map_or(range.end, |step| step.range.end);
    let started = |seen: &Seen| seen.from.plus(start_up);
    let is_starting = |place: usize, step: TimeRange| {
        seen[place].is_some_and(|seen| {
            // One that is gone before it has started does not get well any more; with few calls it may be silent for a while.
            let is_gone = seen.until <= started(&seen) && seen.until.plus(start_up) <= end;
            step.start < started(&seen) && !is_gone
        })
    };
    let started_at = seen
        .iter()
        .flatten()
        .map(started)
        .filter(|at| *at >= end)
        .min();
    // How many instances a revision has is not known.
    let is_by_instance = units.iter().any(|(unit, ..)| unit.receives_as_instance());
    let steps = steps.into_iter().map(|step| {
        let (starting, running): (OfUnits, OfUnits) = step
            .new
            .into_iter()
            .partition(|(place, _)| is_starting(*place, step.range));
        let old_parts = step.old.iter().filter(|(_, calls)| calls.calls > 0);
        let parts = step.new_units + old_parts.count();
        Step {
            new: joined(&running),
            old: joined(&step.old),
            old_instances: step.old,
            new_instances: step.new_instances,
            later: step.later,
            starting: joined(&starting),
            expected_share: (step.new_units > 0 && is_by_instance)
                .then(|| step.new_units as f64 / parts as f64),
            ..Step::empty(step.range)
        }
    });
    Ok((steps.collect(), started_at))
}

fn calls_of(graph: &TemporalGraph, unit: &Unit<'_>, step: TimeRange) -> Option<CallSummary> {
    let calls = unit.calls?.during(step);
    let calls = match &unit.part {
        Part::Instance(_) => calls,
        // What adds up over instances differs between revisions by their size.
        Part::Revision(_) => calls.with_metrics(|metric| !is_extensive(graph, metric)),
    };
    Some(if unit.has_samples_only {
        calls.only_samples()
    } else {
        calls.counted(graph.step())
    })
}

/// Whether values of several instances add up, but for the features of calls, which are counted.
fn is_extensive(graph: &TemporalGraph, metric: &MetricName) -> bool {
    let unit = graph.feature(metric).unit;
    !is_of_calls(metric)
        && matches!(
            unit,
            schema::Unit::Count | schema::Unit::Bytes | schema::Unit::PerSecond
        )
}

fn is_of_calls(metric: &MetricName) -> bool {
    let latencies = LATENCY_QUANTILES.iter().map(|(name, _)| *name);
    let shares = [REQUEST_RATE, ERROR_RATE, CLIENT_ERROR_RATE].into_iter();
    shares
        .chain(latencies)
        .any(|feature| feature == metric.as_str())
}

/// The part of the healthy range that lies before the change.
pub(super) fn healthy_before(
    graph: &TemporalGraph,
    change: &ChangeEvent,
    healthy: TimeRange,
) -> Option<TimeRange> {
    let end = healthy.end.min(graph.step_end(change.at));
    TimeRange::new(healthy.start, end).ok()
}

/// The healthy steps before the change, the newest first.
fn before(
    graph: &TemporalGraph,
    change: &ChangeEvent,
    healthy: TimeRange,
) -> Result<Vec<Before>, GraphError> {
    let Some(range) = healthy_before(graph, change, healthy) else {
        return Ok(Vec::new());
    };
    let steps: Vec<TimeRange> = graph.steps(range)?.collect();
    let of_service = graph.received_over_time(&change.service);
    let instances = graph.instances(&change.service);
    let instances = instances.map(|instance| graph.received_over_time(instance));
    let of_instances: Vec<Option<CallsOverTime<'_>>> = instances.collect();
    let slices = graph.slices_over_time(&change.service, SliceBy::Revision);
    let of_slices: Vec<CallsOverTime<'_>> = slices.map(|(_, calls)| calls).collect();
    let read = |(i, step): (usize, TimeRange)| {
        let of_service = counted(graph, of_service, step);
        let is_counted = of_service.calls > 0;
        let instances = of_instances.iter().enumerate();
        let instances = instances.take_while(|_| i < DISPERSION_STEPS || !is_counted);
        let instances = instances.map(|(place, calls)| (place, counted(graph, *calls, step)));
        let instances: OfUnits = instances.filter(|(_, calls)| !calls.is_empty()).collect();
        // Where only samples of parts speak, the service has none of its own.
        let all = if is_counted {
            of_service
        } else {
            let slices = of_slices.iter().map(|calls| {
                let calls = calls.during(step);
                let calls = calls.with_metrics(|metric| !is_extensive(graph, metric));
                calls.counted(graph.step())
            });
            let slices: Vec<CallSummary> = slices.collect();
            let of_parts = instances
                .iter()
                .map(|(_, calls)| calls)
                .chain([&of_service]);
            if instances.iter().any(|(_, calls)| calls.calls > 0) {
                CallSummary::joined(of_parts)
            } else {
                CallSummary::joined(of_parts.chain(&slices))
            }
        };
        Before { all, instances }
    };
    Ok(steps.into_iter().rev().enumerate().map(read).collect())
}

fn joined(parts: &OfUnits) -> CallSummary {
    CallSummary::joined(parts.iter().map(|(_, calls)| calls))
}
