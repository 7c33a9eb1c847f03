//! New instances that should receive calls and do not, while others of the new side do.

use std::collections::{BTreeMap, BTreeSet};

use astern_graph_core::signal::MissingEvidence;
use astern_graph_core::{Artefact, ChangeEvent, NodeKey, TemporalGraph};

use super::{SequentialParams, dispersion, silence};
use crate::release::sides::Observed;

/// An instance of which no weight is known is expected to receive at least one call for so many of its neighbour with the
/// fewest: instances are weighted unequally, and neighbours may all be of the greater ones.
pub(super) const FEWEST_PER_CALL: f64 = 4.0;

/// Variance of the calls of an instance over that of independent ones where no instances were seen before the change:
/// sessions that stick to an instance come and go together.
const DISPERSION_UNKNOWN: f64 = 4.0;

/// The new instances whose silence is beyond chance, by their names.
///
/// Whether an instance has become silent is asked of the calls to it and to neighbours that receive calls before
/// and after: while nothing changes, each order of these calls is as likely as any other. So with `k` calls to the
/// instance among `K`, the probability that none of the `M` that follow is for it is at most `(K / (K + M))^k` and
/// `(1 - k / (K + M))^M`, whatever the weights of the instances are and however the traffic rises and falls. How much the
/// shares of instances varied before the change divides the logarithm, since calls of a session stay together.
///
/// An instance that never received calls has no such share. It is expected to receive a fourth of what its neighbour
/// with the fewest calls does.
///
/// An instance is not missed where another one that no step announces came for it, or where another revision of the service was
/// released since.
///
/// Each of `I` instances at look `n` has the level `alpha / (I n (n + 1))`, so that all looks together keep `alpha`.
pub(super) fn silent_instances(
    params: &SequentialParams,
    observed: &Observed,
    graph: &TemporalGraph,
    change: &ChangeEvent,
) -> Vec<MissingEvidence> {
    let history = History::of(observed);
    if history.parts.is_empty() || is_released_again(observed, graph, change) {
        return Vec::new();
    }
    let looks = observed.steps.len() as f64;
    let instances = history.parts.len() as f64;
    let level = (params.alpha / (instances * looks * (looks + 1.0))).ln();
    let silent = history.parts.keys();
    let silent = silent.filter_map(|place| Some((*place, history.silence(observed, *place)?)));
    let mut silent: Vec<(usize, Silence)> = silent.collect();
    if silent.is_empty() {
        return Vec::new();
    }
    let dispersion = dispersion_of_shares(observed);
    silent.retain(|(_, silence)| silence.ln_chance / dispersion <= level);
    let keys: Vec<&NodeKey> = graph.instances(&change.service).collect();
    let announced: BTreeSet<&NodeKey> = graph
        .attempt_steps(change)
        .into_iter()
        .flat_map(|step| &step.instances)
        .collect();
    let is_unannounced =
        |place: &usize| keys.get(*place).is_some_and(|key| !announced.contains(key));
    let missed = silent.into_iter().filter_map(|(place, silence)| {
        let since = observed.steps.get(silence.from)?.range.start;
        let mut replacements = history.came_for(observed, place);
        if replacements.any(|other| is_unannounced(&other)) {
            return None;
        }
        let instance = (*keys.get(place)?).clone();
        let expected = silence.expected;
        Some(if silence.has_served {
            MissingEvidence::InstanceTelemetry {
                instance,
                expected,
                since,
            }
        } else {
            MissingEvidence::InstanceTraffic {
                instance,
                expected,
                since,
            }
        })
    });
    missed.collect()
}

/// Whether another release of the service, which may take the place of any instance, began since. A flag or a configuration
/// replaces none, and a revision that is there already may have been released for what is missing.
fn is_released_again(observed: &Observed, graph: &TemporalGraph, change: &ChangeEvent) -> bool {
    let end = observed.steps.last().map(|step| step.range.end);
    let mut steps = graph.changes_of(&change.service);
    steps.any(|step| {
        step.id != change.id
            && (change.at..end.unwrap_or(change.at)).contains(&step.at)
            && step.kind.artefact() == Artefact::Code
            && step.to != change.to
    })
}

/// The silence of one instance up to the end of the time.
struct Silence {
    /// The step since which it counts.
    from: usize,
    expected: f64,
    /// Logarithm of the probability of such a silence by chance, were calls independent.
    ln_chance: f64,
    /// Whether it has received calls since it runs the change.
    has_served: bool,
}

/// Calls of one instance.
#[derive(Debug, Default)]
struct Part {
    /// Of each healthy step before the change, the oldest first, and then of each step since: the sum up to its end, after a 0.
    sums: Vec<u64>,
    /// The times of its first and its last call.
    first: Option<usize>,
    last: Option<usize>,
    /// The step of the range since which it is on the new side.
    new_from: usize,
    /// Whether it was seen before the change, with calls or without.
    is_known_before: bool,
}

impl Part {
    fn of(calls: &[u64], new_from: usize, is_known_before: bool) -> Self {
        let mut sum = 0;
        let sums = calls.iter().map(|calls| {
            sum += calls;
            sum
        });
        Self {
            sums: [0].into_iter().chain(sums).collect(),
            first: calls.iter().position(|calls| *calls > 0),
            last: calls.iter().rposition(|calls| *calls > 0),
            new_from,
            is_known_before,
        }
    }

    fn times(&self) -> usize {
        self.sums.len().saturating_sub(1)
    }

    /// Its calls between two times.
    fn sum(&self, times: std::ops::Range<usize>) -> u64 {
        let until = |time: usize| self.sums.get(time).copied().unwrap_or(0);
        until(times.end).saturating_sub(until(times.start))
    }

    /// The time by which it had received half of its calls.
    fn half(&self) -> usize {
        let all = self.sums.last().copied().unwrap_or(0);
        self.sums
            .partition_point(|sum| 2 * sum < all)
            .saturating_sub(1)
    }
}

/// The instances that are on the new side at the end, with what they received on either side.
struct History {
    parts: BTreeMap<usize, Part>,
    /// Times before the range.
    before: usize,
}

impl History {
    fn of(observed: &Observed) -> Self {
        let before = observed.before.len();
        let times = before + observed.steps.len();
        let last = observed.steps.last().map(|step| &step.new_instances);
        let last = last.map_or(&[][..], Vec::as_slice);
        let is_silent = last.iter().any(|(_, calls)| *calls == 0);
        // The usual case costs nothing.
        if last.len() < 2 || !is_silent {
            let parts = BTreeMap::new();
            return Self { parts, before };
        }
        let places = last.iter().map(|(place, _)| *place);
        let mut calls: BTreeMap<usize, Vec<u64>> =
            places.map(|place| (place, vec![0; times])).collect();
        let mut new_from: BTreeMap<usize, usize> = BTreeMap::new();
        for (i, step) in observed.steps.iter().enumerate().rev() {
            for (place, _) in &step.new_instances {
                let from = new_from.entry(*place).or_insert(observed.steps.len());
                if *from == i + 1 {
                    *from = i;
                }
            }
        }
        let mut known_before = BTreeSet::new();
        for (time, step) in observed.before.iter().rev().enumerate() {
            for (place, of_step) in &step.instances {
                known_before.insert(*place);
                if let Some(calls) = calls.get_mut(place) {
                    calls[time] = of_step.calls;
                }
            }
        }
        for (time, step) in (before..).zip(&observed.steps) {
            let old = step.old_instances.iter();
            let old = old.map(|(place, calls)| (*place, calls.calls));
            for (place, of_step) in old.chain(step.new_instances.iter().copied()) {
                if let Some(calls) = calls.get_mut(&place) {
                    calls[time] = of_step;
                }
            }
        }
        let part = |(place, calls): (usize, Vec<u64>)| {
            let new_from = new_from.get(&place).copied();
            let new_from = new_from.unwrap_or(observed.steps.len());
            let is_known_before = known_before.contains(&place);
            (place, Part::of(&calls, new_from, is_known_before))
        };
        let parts = calls.into_iter().map(part).collect();
        Self { parts, before }
    }

    /// The first time at which an instance has started that receives calls since `time`.
    fn started(&self, observed: &Observed, time: usize) -> usize {
        let Some(first) = time.checked_sub(self.before) else {
            return time;
        };
        let steps = observed.steps.get(first..).unwrap_or_default();
        let Some(from) = steps.first().map(|step| step.range.start) else {
            return time;
        };
        let until = from.plus(observed.start_up);
        time + steps
            .iter()
            .take_while(|step| step.range.start < until)
            .count()
    }

    /// The silence of an instance at the end; `None` while it receives calls, starts up, or no other new one is seen.
    fn silence(&self, observed: &Observed, place: usize) -> Option<Silence> {
        let part = self.parts.get(&place)?;
        let end = part.times();
        let last = part.last;
        let started = self.started(observed, self.before + part.new_from);
        let from = started.max(last.map_or(0, |last| last + 1));
        let others = || self.parts.iter().filter(|(other, _)| **other != place);
        let neighbours: Vec<&Part> = others()
            .map(|(_, part)| part)
            .filter(|part| part.sum(from..end) > 0)
            .collect();
        let steps = observed.steps.get(from.checked_sub(self.before)?..)?;
        if neighbours.is_empty() || steps.iter().any(|step| step.later > 0) {
            return None;
        }
        let (expected, ln_chance) = match self.by_its_share(observed, part, &neighbours, from) {
            Some(known) => known,
            // One that stood by before the change still does.
            None if last.is_none() && part.is_known_before => return None,
            None => {
                let fewest = neighbours.iter().map(|other| other.sum(from..end)).min()?;
                let expected = fewest as f64 / FEWEST_PER_CALL;
                (expected, -expected)
            }
        };
        Some(Silence {
            from: from - self.before,
            expected,
            ln_chance,
            has_served: last.is_some_and(|last| last >= self.before + part.new_from),
        })
    }

    /// Calls that the instance should have received since `from`, and the logarithm of the probability of none, by its share of
    /// the calls to neighbours that were there before it had received half of its own. `None` where it has no such share.
    fn by_its_share(
        &self,
        observed: &Observed,
        part: &Part,
        neighbours: &[&Part],
        from: usize,
    ) -> Option<(f64, f64)> {
        let started = |part: &Part| Some(self.started(observed, part.first?));
        let half = part.half();
        let lasting = neighbours
            .iter()
            .filter_map(|other| Some((*other, started(other)?)))
            .filter(|(_, since)| *since <= half);
        let lasting: Vec<(&Part, usize)> = lasting.collect();
        let since = lasting.iter().map(|(_, since)| *since).max()?;
        let since = since.max(started(part)?);
        let until = part.last? + 1;
        let sum = |times: std::ops::Range<usize>| {
            let calls = lasting.iter().map(|(other, _)| other.sum(times.clone()));
            calls.sum::<u64>() as f64
        };
        let of_part = part.sum(since..until.max(since)) as f64;
        let (beside, after) = (sum(since..until.max(since)), sum(from..part.times()));
        if of_part < 1.0 || beside < 1.0 {
            return None;
        }
        let all = of_part + beside + after;
        let by_instance = of_part * (1.0 - after / all).ln();
        let by_calls = after * (-of_part / all).ln_1p();
        Some((after * of_part / beside, by_instance.min(by_calls)))
    }

    /// Instances that may have taken the place of this one: those that came once it had started, and had started when it received
    /// its last call or later.
    fn came_for(&self, observed: &Observed, place: usize) -> impl Iterator<Item = usize> {
        let part = self.parts.get(&place);
        let new_from = part.map_or(0, |part| self.before + part.new_from);
        let since = part.and_then(|part| part.last).unwrap_or(new_from);
        let first = part.and_then(|part| part.first);
        let came = first.map_or(new_from + 1, |first| self.started(observed, first));
        let others = self.parts.iter();
        let later = others.filter(move |(_, other)| {
            let first = other.first.filter(|first| *first >= came.max(1));
            first.is_some_and(|first| self.started(observed, first) >= since)
        });
        later.map(|(place, _)| *place)
    }
}

/// By how much more the shares of instances vary over the healthy steps than by chance.
fn dispersion_of_shares(observed: &Observed) -> f64 {
    let steps = || observed.before.iter().map(|before| &before.instances);
    let places: BTreeSet<usize> = steps().flatten().map(|(place, _)| *place).collect();
    if places.len() < 2 {
        return DISPERSION_UNKNOWN;
    }
    let of = |place: &usize| {
        let shares = steps().map(|instances| {
            let calls = |is: &dyn Fn(usize) -> bool| {
                let of = instances.iter().filter(|(other, _)| is(*other));
                of.map(|(_, calls)| calls.calls).sum::<u64>()
            };
            (calls(&|other| other == *place), calls(&|_| true))
        });
        dispersion::over_time(&shares.collect::<Vec<_>>())
    };
    places
        .iter()
        .map(of)
        .fold(silence::DISPERSION_MIN, f64::max)
}
